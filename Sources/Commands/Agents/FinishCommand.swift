import ArgumentParser
import Authority
import CanonicalJSON
import Enforcement
import Foundation
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

  @Option(help: "Where this side keeps what it started. Default: KEY.journal, if it is there.")
  var journal: String?

  func perform() async throws {
    guard let outcome = ActionFinished.Outcome(rawValue: outcome) else {
      throw ValidationError("--outcome is ok, failed or unknown")
    }
    let digest = try Parse.digest(action)
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
          action: digest, outcome: outcome, detail: ByteString(detail))))
    let index = try await client.submit(try draft.signed(by: key))
    try end(digest, outcome)
    Output.line("recorded \(outcome.rawValue)  entry #\(index)")
  }

  /// Records the end beside the start, if it was started from here.
  private func end(_ action: Digest, _ outcome: ActionFinished.Outcome) throws {
    let path = journal ?? ActionJournal.path(besides: agentKey)
    guard journal != nil || FileManager.default.fileExists(atPath: path) else { return }
    do {
      try ActionJournal(path).end(action, outcome, at: Clock.system.now())
    } catch {
      // An action that something else started, which then keeps its own record.
      guard journal == nil, error.code == "action_not_started" else { throw error }
    }
  }
}
