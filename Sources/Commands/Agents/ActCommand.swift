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
      The journal keeps each signed envelope until it is started or refused for good. What ended with
      status 4, or without an answer, goes on with --resend; so does the same line given again, unless
      it says --new. With --resend the other arguments may be left out; those given must be the
      envelope's.
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

  @Option(
    name: .customLong("param"),
    help: """
      NAME=VALUE; repeat for more. A VALUE that is JSON is signed as JSON: version=13 is a number, \
      'version="13"' is text. Any other VALUE is text.
      """)
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

  @Option(
    help: "Send an envelope again instead of signing a new one: a file, or its action's digest.")
  var resend: String?

  @Flag(help: "Sign a new one although the same action waits already.")
  var new = false

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
    let ruling: EnforcementPoint.Ruling
    if let resend {
      envelope = try stored(resend, point.journal)
      try checkArguments(envelope, secret)
      _ = try await point.daemon()
      try save(envelope)
      ruling = try await ask(point, envelope)
    } else {
      let action = try await action(point)
      let found = new ? nil : try point.unfinished(like: action, by: secret.publicKey.fingerprint)
      if let found, let again = try await askAgain(point, found) {
        envelope = found.envelope
        ruling = again
      } else {
        envelope = try point.sign(action, by: secret)
        try save(envelope)
        ruling = try await ask(point, envelope)
      }
    }
    let outcome = try started(ruling, point)
    report(ruling, outcome, of: envelope)
    switch outcome {
    case .allowed: return
    case .repeated: throw ExitStatus.repeated
    case .held: throw ExitStatus.held
    case .denied, .refusedToday: throw ExitStatus.denied
    }
  }

  /// Asks about what was signed before for the same.
  ///
  /// - Returns: Nothing where it came to nothing by itself, so that a new one is to be signed.
  private func askAgain(
    _ point: EnforcementPoint, _ found: ActionJournal.Unfinished
  ) async throws -> EnforcementPoint.Ruling? {
    Output.note(
      "the same action was signed at \(found.made.clock) and is not finished: its envelope "
        + "\(found.action.hex.prefix(12)) is sent again (--new signs another)")
    let ruling = try await ask(point, found.envelope)
    if let why = ruling.timedOut {
      Output.note("that came to nothing (\(why)): a new one is signed")
      return nil
    }
    try save(found.envelope)
    return ruling
  }

  private func save(_ envelope: UnverifiedEnvelope) throws {
    if let save { try KeyFile.create(save, envelope.dsse) }
  }

  /// The envelope in a file, or the one that the journal keeps of an action.
  private func stored(_ name: String, _ journal: ActionJournal) throws -> UnverifiedEnvelope {
    if FileManager.default.fileExists(atPath: name) {
      return try UnverifiedEnvelope(dsse: try Parse.file(name))
    }
    let digits = name.lowercased()
    guard (4...64).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else {
      throw CommandFault("file_unreadable", "\(name) cannot be read, and is no action's digest")
    }
    let found = try journal.envelopes().filter { $0.action.hex.hasPrefix(digits) }
    guard let first = found.first else {
      throw CommandFault(
        "envelope_unknown",
        "\(journal.path) keeps no envelope of an action \(digits); it was started, refused, or signed "
          + "elsewhere")
    }
    guard found.count == 1 else {
      throw CommandFault(
        "envelope_ambiguous",
        "\(digits) could be: " + found.map(\.action.hex).joined(separator: ", "))
    }
    return first.envelope
  }

  /// The line that sends an envelope again.
  private func resending(_ envelope: UnverifiedEnvelope) -> String {
    func quoted(_ word: String) -> String {
      let isPlain =
        !word.isEmpty
        && word.utf8.allSatisfy { byte in
          (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
            || (0x61...0x7A).contains(byte) || "-_./:@%+=,".utf8.contains(byte)
        }
      return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
    var words = ["countersign", "act", "--resend", String(envelope.digest.hex.prefix(12))]
    for (option, value) in [
      ("--key", key), ("--socket", socket), ("--anchor", anchor), ("--journal", journal),
      ("--wait", wait > 0 ? "\(wait)" : nil),
    ] {
      if let value { words += [option, quoted(value)] }
    }
    return words.joined(separator: " ")
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
      point.keepOpen(envelope)
      throw CommandFault(
        fault.code,
        "\(fault); whether it was recorded is unknown: send the same envelope again: "
          + resending(envelope))
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
          + "approved; send the same envelope again: \(resending(envelope))")
    }
  }

  /// The action that the arguments name, as of now.
  private func action(_ point: EnforcementPoint) async throws -> Action {
    guard let action, let resource, let agent, let grant else {
      throw ValidationError("give the action, its resource, --agent and --grant, or --resend")
    }
    let agentName = try Parse.principal(agent, .agent)
    let daemon = try await point.daemon()
    var context = JSONObject()
    if let justification { context["justification"] = JSONValue(justification) }
    return Action(
      action: ByteString(action), agent: agentName, audience: daemon.service,
      context: context, grant: try Parse.digest(grant),
      nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
      params: try Parse.object(params), registry: daemon.registry,
      resource: ByteString(resource), claimedEnv: env.map { ByteString($0) },
      timestamp: Clock.system.now())
  }

  private func report(
    _ ruling: EnforcementPoint.Ruling, _ outcome: EnforcementPoint.Outcome,
    of envelope: UnverifiedEnvelope
  ) {
    let unverified =
      "the receipt was not verified: there is no anchor at \(anchor ?? Anchor.path(besides: key)) "
      + "(on the registry's side: countersign key anchor --out FILE)"
    if json {
      var object = ruling.answer.object ?? JSONObject()
      object["receipt_verified"] = .bool(ruling.isVerified)
      if case .held = outcome { object["resend"] = JSONValue(resending(envelope)) }
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
    if case .held = outcome {
      Output.line("  go on with: \(resending(envelope))")
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

extension EnforcementPoint.Ruling {
  /// Why an action that was sent again came to nothing although nobody denied it; nil if it did not.
  fileprivate var timedOut: String? {
    guard case .denied = outcome, let code = answer["reasons"]?.array?.first?["code"]?.string?.text
    else { return nil }
    return ["stale", "hold_expired", "hold_lapsed", "hold_voided"].contains(code) ? code : nil
  }
}
