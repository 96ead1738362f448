import ArgumentParser
import Authority
import CanonicalJSON
import Enforcement
import Keys
import Statements

struct FinishCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "finish", abstract: "As an agent, report what became of a released action.")

  @Argument(help: "The action's digest, from the answer of `countersign act`.")
  var action: String

  @Option(help: "ok, failed or unknown.")
  var outcome: String

  @Option(help: "A line about it.")
  var detail: String = ""

  @Option(help: "agent:NAME")
  var agent: String

  @Option(help: "The agent's key, PKCS#8 PEM.")
  var agentKey: String

  @Option(help: "The daemon's socket.")
  var socket: String

  func perform() async throws {
    guard let outcome = ActionFinished.Outcome(rawValue: outcome) else {
      throw ValidationError("--outcome is ok, failed or unknown")
    }
    let key = try PrivateKeyPEM.read(agentKey)
    let client = AgentClient(socket: socket)
    let head = try await client.head()
    let draft = try StatementDraft(
      StatementHeader(
        at: Clock.system.now(), head: head.head,
        id: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), registry: head.registry,
        signer: try Parse.principal(agent, .agent)),
      .actionFinished(
        ActionFinished(
          action: try Parse.digest(action), outcome: outcome, detail: ByteString(detail))))
    let index = try await client.submit(try draft.signed(by: key))
    Output.line("recorded \(outcome.rawValue)  entry #\(index)")
  }
}
