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
      Exit status: 0 allowed, and not started before: run it now, once; 3 denied, or allowed before
      and refused today; 4 still held when the wait ended; 6 a repeat: let through before, and started
      here or signed elsewhere, so do not run it; 1 no answer came, or one that its receipt does not
      prove (receipt_invalid): the action may still have been recorded, send the same envelope again.

      Beside the key lie its anchor (KEY.anchor), with which receipts are verified, and its journal
      (KEY.journal), which says what was signed and started here. Status 0 means that the start is
      recorded there; tell the end with: countersign finish
      With --resend the other arguments may be left out; those given must be the envelope's.
      """)

  @Argument(help: "The action's name: deploy, comment, ...")
  var action: String?

  @Argument(help: "The resource's URI.")
  var resource: String?

  @Option(help: "Who acts, as agent:NAME.")
  var agent: String?

  @Option(help: "The agent's key, PKCS#8 PEM.")
  var key: String

  @Option(help: "The grant it acts under (64 digits).")
  var grant: String?

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

  @Option(help: "What receipts are verified with (see: key anchor). Default: KEY.anchor.")
  var anchor: String?

  @Option(help: "Where this side keeps what it signed and started. Default: KEY.journal.")
  var journal: String?

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
    let secret = try PrivateKeyPEM.read(key)
    let point = EnforcementPoint(
      client: AgentClient(socket: socket ?? Paths.socket(besides: Paths().registry)),
      anchor: try readAnchor(), journal: ActionJournal(journal ?? ActionJournal.path(besides: key)),
      now: { Clock.system.now() })
    let envelope: UnverifiedEnvelope
    if let resend {
      envelope = try UnverifiedEnvelope(dsse: try Parse.file(resend))
      try checkArguments(envelope, secret)
      _ = try await point.daemon()
    } else {
      envelope = try await sign(point, secret)
    }
    if let save { try KeyFile.create(save, envelope.dsse) }
    let ruling = try await ask(point, envelope)
    let outcome = try started(ruling, point)
    report(ruling, outcome)
    switch outcome {
    case .allowed: return
    case .repeated: throw ExitStatus.repeated
    case .held: throw ExitStatus.held
    case .denied, .refusedToday: throw ExitStatus.denied
    }
  }

  private func readAnchor() throws -> Anchor? {
    if let found = try Anchor.read(anchor ?? Anchor.path(besides: key)) { return found }
    guard let anchor else { return nil }
    throw Anchor.Fault.unreadable(path: anchor, reason: "there is no such file")
  }

  /// Records the start before this program says that the action may run; whoever comes second is told
  /// that it is a repeat.
  private func started(
    _ ruling: EnforcementPoint.Ruling, _ point: EnforcementPoint
  ) throws -> EnforcementPoint.Outcome {
    guard case .allowed(let permit) = ruling.outcome else { return ruling.outcome }
    do {
      try point.recordStart(permit)
      return ruling.outcome
    } catch {
      guard error.code == "action_started" else { throw error }
      return .repeated(try point.journal.record(of: permit.action))
    }
  }

  /// Refuses arguments that say something else than the envelope that is sent.
  private func checkArguments(
    _ envelope: UnverifiedEnvelope, _ secret: borrowing SigningKey
  ) throws {
    guard envelope.payloadType == Action.payloadType else {
      throw CommandFault("envelope_malformed", "\(resend ?? "") holds no signed action")
    }
    let signed = try Action(payload: envelope.payload)
    func check(_ what: String, _ given: String?, _ found: String?) throws {
      guard let given, ByteString(given) != found.map({ ByteString($0) }) else { return }
      throw CommandFault(
        "resend_mismatch",
        "\(what) is \(given), and the envelope \(resend ?? "") is of \(found ?? "none"); leave it out, or sign "
          + "anew without --resend")
    }
    func check(_ what: String, _ given: JSONObject?, _ found: JSONObject) throws {
      func text(_ object: JSONObject) throws -> String {
        String(decoding: try JSONValue.object(object).canonicalBytes(), as: UTF8.self)
      }
      try check(what, try given.map(text), try text(found))
    }
    try check("the action", action, signed.action.text)
    try check("the resource", resource, signed.resource.text)
    try check("--agent", agent, signed.agent.description)
    try check("--grant", grant, signed.grant.hex)
    try check("--env", env, signed.claimedEnv?.text)
    try check(
      "--justification", justification, signed.context["justification"]?.string?.text)
    try check("--param", params.isEmpty ? nil : Parse.object(params), signed.params)
    let signers = envelope.signatures.map(\.key.description).joined(separator: ", ")
    try check("the key of --key", secret.publicKey.fingerprint.description, signers)
  }

  /// Asks at once, says what the action waits as, then waits for people.
  private func ask(
    _ point: EnforcementPoint, _ envelope: UnverifiedEnvelope
  ) async throws -> EnforcementPoint.Ruling {
    let first: EnforcementPoint.Ruling
    do {
      first = try await point.ask(envelope, waitSeconds: 0)
    } catch let fault as AgentClient.Fault {
      // Where the daemon answered, it says itself what became of it.
      if case .refused = fault { throw fault }
      let advice =
        if let file = save ?? resend {
          "send the same envelope again: countersign act --key \(key) --resend \(file)"
        } else {
          "look for it before you ask anew, and keep what you send with --save"
        }
      throw CommandFault(fault.code, "\(fault); whether it was recorded is unknown: \(advice)")
    }
    guard wait > 0, case .held = first.outcome,
      let hold = first.answer["hold"]?["digest"]?.string
    else { return first }
    Output.note("held as \(hold.text); waiting up to \(wait) s for people")
    do {
      return try await point.ask(envelope, waitSeconds: wait)
    } catch let fault as AgentClient.Fault {
      if case .refused = fault { throw fault }
      throw CommandFault(
        "outcome_unknown",
        "the daemon went away while the action was held as \(hold.text), which may still be "
          + "approved; send the same envelope again (--save, --resend), not a new one")
    }
  }

  private func sign(
    _ point: EnforcementPoint, _ secret: borrowing SigningKey
  ) async throws -> UnverifiedEnvelope {
    guard let action, let resource, let agent, let grant else {
      throw ValidationError("give the action, its resource, --agent and --grant, or --resend")
    }
    let agentName = try Parse.principal(agent, .agent)
    let daemon = try await point.daemon()
    var context = JSONObject()
    if let justification { context["justification"] = JSONValue(justification) }
    return try point.sign(
      Action(
        action: ByteString(action), agent: agentName, audience: daemon.service,
        context: context, grant: try Parse.digest(grant),
        nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
        params: try Parse.object(params), registry: daemon.registry,
        resource: ByteString(resource), claimedEnv: env.map { ByteString($0) },
        timestamp: Clock.system.now()), by: secret)
  }

  private func report(
    _ ruling: EnforcementPoint.Ruling, _ outcome: EnforcementPoint.Outcome
  ) {
    let unverified =
      "the receipt was not verified: there is no anchor at \(anchor ?? Anchor.path(besides: key)) "
      + "(on the registry's side: countersign key anchor --out FILE)"
    if json {
      var object = ruling.answer.object ?? JSONObject()
      object["receipt_verified"] = .bool(ruling.isVerified)
      Output.json(.object(object))
      if !ruling.isVerified, ruling.answer["receipt"] != nil { Output.note("note: \(unverified)") }
      return
    }
    let answer = ruling.answer
    switch outcome {
    case .allowed: Output.line("allow  (its start is recorded: run it now, once)")
    case .repeated(let record): Output.line("repeat  (\(words(record)): do not run it)")
    case .refusedToday:
      Output.line("refused  (it was let through before, and would not be today: do not run it)")
    case .denied: Output.line("deny")
    case .held: Output.line("hold")
    }
    if let today = answer["refused_today"] {
      Output.line(
        "  today: \(today["code"]?.string?.text ?? ""): \(today["detail"]?.string?.text ?? "")")
    }
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
    if let digest = answer["action"]?.string { Output.line("  action \(digest.text)") }
    if let index = answer["log_index"]?.integer {
      Output.line("  log entry #\(index)")
    } else {
      Output.line("  not logged: such a refusal is counted only")
    }
    if answer["receipt"] != nil {
      Output.line(
        ruling.isVerified ? "  receipt verified: the log holds this decision" : "  \(unverified)")
    }
  }

  private func words(_ record: ActionJournal.Record) -> String {
    guard let started = record.started else { return "let through before, and not signed here" }
    guard let ended = record.ended else {
      return "started at \(started.text), outcome unknown"
    }
    return "started at \(started.text), ended \(ended.outcome.rawValue) at \(ended.at.text)"
  }
}
