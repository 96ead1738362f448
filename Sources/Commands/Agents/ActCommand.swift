import ArgumentParser
import Authority
import CanonicalJSON
import Enforcement
import Foundation
import Keys
import Statements

struct ActCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "act", abstract: "Sign an action as an agent, ask the daemon, wait for people.",
    discussion: """
      Exit status: 0 allowed, 3 denied, 4 still held when the wait ended,
      1 no answer came: the action may still have been recorded, send the same envelope again.
      Run what you asked for only on 0 and "repeat": false.
      """)

  @Argument(help: "The action's name: deploy, comment, ...")
  var action: String

  @Argument(help: "The resource's URI.")
  var resource: String

  @Option(help: "Who acts, as agent:NAME.")
  var agent: String

  @Option(help: "The agent's key, PKCS#8 PEM.")
  var key: String

  @Option(help: "The grant it acts under (64 digits).")
  var grant: String

  @Option(name: .customLong("param"), help: "NAME=VALUE; repeat for more.")
  var params: [String] = []

  @Option(help: "Why, in the agent's words; people see it marked as such.")
  var justification: String?

  @Option(help: "What the agent says the resource's environment is; never believed.")
  var env: String?

  @Option(help: "Seconds to wait for people, at most 300.")
  var wait: Int = 0

  @Option(help: "The daemon's socket. Default: countersignd.sock beside the registry.")
  var socket: String?

  @Option(help: "Write the signed envelope here too; --resend sends such a file again.")
  var save: String?

  @Option(help: "Send this envelope instead of signing a new one.")
  var resend: String?

  @Flag(help: "Print the daemon's whole answer as JSON.")
  var json = false

  func perform() async throws {
    do {
      try await act()
    } catch let status as ExitCode {
      throw status
    } catch {
      if json {
        Output.json([
          "error": ["code": JSONValue(FaultCode.of(error)), "message": JSONValue("\(error)")]
        ])
      }
      throw error
    }
  }

  private func act() async throws {
    guard (0...300).contains(wait) else { throw ValidationError("--wait is from 0 to 300 seconds") }
    let client = AgentClient(socket: socket ?? Paths.socket(besides: Paths().registry))
    let envelope: UnverifiedEnvelope
    if let resend {
      envelope = try UnverifiedEnvelope(dsse: try Parse.file(resend))
    } else {
      envelope = try await sign(client)
    }
    if let save { try KeyFile.create(save, envelope.dsse) }
    let answer = try await ask(client, envelope)
    let verdict = answer["verdict"]?.string?.text ?? ""
    if json { Output.json(answer) } else { report(answer, verdict) }
    switch verdict {
    case "allow": return
    case "hold": throw ExitStatus.held
    default: throw ExitStatus.denied
    }
  }

  /// Asks at once, says what the action waits as, then waits for people.
  private func ask(_ client: AgentClient, _ envelope: UnverifiedEnvelope) async throws -> JSONValue
  {
    let first: JSONValue
    do {
      first = try await client.ask(envelope, waitSeconds: 0)
    } catch let fault as AgentClient.Fault {
      // Where the daemon answered, it says itself what became of it.
      if case .refused = fault { throw fault }
      let advice =
        if let file = save ?? resend {
          "send the same envelope again: countersign act --resend \(file)"
        } else {
          "look for it before you ask anew, and keep what you send with --save"
        }
      throw CommandFault(fault.code, "\(fault); whether it was recorded is unknown: \(advice)")
    }
    guard wait > 0, first["verdict"] == "hold", let hold = first["hold"]?["digest"]?.string else {
      return first
    }
    Output.note("held as \(hold.text); waiting up to \(wait) s for people")
    do {
      return try await client.ask(envelope, waitSeconds: wait)
    } catch {
      throw CommandFault(
        "outcome_unknown",
        "the daemon went away while the action was held as \(hold.text), which may still be "
          + "approved; send the same envelope again (--save, --resend), not a new one")
    }
  }

  private func sign(_ client: AgentClient) async throws -> UnverifiedEnvelope {
    let key = try PrivateKeyPEM.read(key)
    let health = try await client.health()
    guard let registry = health["registry"]?.string,
      let audience = health["service"]?.string.flatMap(Principal.init)
    else { throw AgentClient.Fault.malformed("it names no registry") }
    var context = JSONObject()
    if let justification { context["justification"] = JSONValue(justification) }
    let action = Action(
      action: ByteString(action), agent: try Parse.principal(agent, .agent), audience: audience,
      context: context, grant: try Parse.digest(grant),
      nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
      params: try Parse.object(params), registry: registry, resource: ByteString(resource),
      claimedEnv: env.map { ByteString($0) }, timestamp: Clock.system.now())
    return action.signed(by: key)
  }

  private func report(_ answer: JSONValue, _ verdict: String) {
    Output.line(
      "\(verdict)\(answer["repeat"]?.bool == true ? "  (a repeat: do not run it again)" : "")")
    for reason in answer["reasons"]?.array ?? [] {
      Output.line(
        "  \(reason["code"]?.string?.text ?? ""): \(reason["detail"]?.string?.text ?? "")")
    }
    for rule in answer["rules"]?.array ?? [] { Output.line("  rule \(rule.string?.text ?? "")") }
    if let policy = answer["policy"] {
      Output.line(
        "  policy \(policy["name"]?.string?.text ?? "")@v\(policy["version"]?.integer ?? 0)")
    }
    if let hold = answer["hold"] {
      Output.line(
        "  hold \(hold["digest"]?.string?.text ?? "")  \(hold["state"]?.string?.text ?? "")"
          + "  \(hold["approvals"]?.integer ?? 0)/\(hold["needed"]?.integer ?? 0)"
          + "  until \(hold["expires"]?.string?.text ?? "")")
    }
    if let index = answer["log_index"]?.integer { Output.line("  log entry #\(index)") }
    if answer["receipt"] != nil {
      Output.line("  receipt: inclusion proof and signed checkpoint (--json)")
    }
  }
}
