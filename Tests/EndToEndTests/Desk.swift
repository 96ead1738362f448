import Approvals
import Authority
import CanonicalJSON
import Cells
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

@testable import Commands
@testable import Console

/// A console's model before a real registry that others change: its dialogs are built and signed by the
/// program's own code, and what it asks for is answered when the test says so.
final class Desk {
  let world: World
  let authority: DecisionAuthority
  let voter: Principal
  private(set) var model: ConsoleModel
  /// Keys pressed, without the letters of what was typed.
  private(set) var keys = 0
  /// What stands in each list.
  var rows: [View: [Target]] = [:]
  /// What the registry does before each key.
  var beforeKey: () throws -> Void = {}
  /// How far the console's clock runs before the machine's.
  private var ahead: Int64 = 0
  /// What was asked for and has not been answered.
  private(set) var unanswered: [Message] = []
  private(set) var signed: [Signed] = []
  /// What happened that never may.
  private(set) var wrong: [String] = []
  var sre: [Principal] = []

  /// What was signed, with the dialog as it stood on the screen.
  struct Signed {
    let submission: Submission
    let passphrase: String
    let shown: ConsentModel
    let entry: StatementBody?
  }

  static let policy = """
    package agent.authz
    default allow = false
    allow if { input.action == "deploy"; input.resource.env == "staging" }
    require_approval if { input.action == "deploy"; input.resource.env == "production" }
    approval := {"risk": "low", "quorum": [{"group": "sre", "count": 2}]} if { not input.params.risk }
    approval := {"risk": "critical", "quorum": [{"group": "sre", "count": 2}]} if {
      input.params.risk == "critical"
    }
    """

  init(voter: Principal, admins: [Principal] = [], quorum: Int64 = 1) throws {
    world = try World(policy: Desk.policy, admins: admins, quorum: quorum, clock: .running)
    self.voter = voter
    for name in ["carol", "erin"] {
      let person = Principal.named(ByteString("user:\(name)"))
      sre.append(person)
      try world.sign(.operatorEnrolled(try world.enrolled(person, roles: [.approver])))
    }
    var limits = RequestLimits()
    limits.openHoldsPerAgent = 10_000
    authority = try world.authority(limits: limits)
    model = ConsoleModel(
      session: Session(registry: "test", who: voter), width: 80, height: 24,
      now: Clock.system.now())
    _ = model.start()
    moved()
    answer()
  }

  var now: Timestamp { Clock.system.now().advanced(byMilliseconds: ahead) }
  var screen: String { Screen.draw(model).lines.joined(separator: "\n") }
  var dialog: ConsentModel? { model.consent }

  // MARK: the registry

  /// The registry has moved, and the console notices.
  func moved() {
    try? world.ledger.database.read { try world.ledger.catchUp($0) }
    var status = RegistryStatus()
    status.size = world.ledger.state.size
    hear(.changed(status))
  }

  func hold(risk: String? = nil, on resource: ByteString? = nil) async throws -> Digest? {
    var params = JSONObject()
    if let risk { params["risk"] = JSONValue(risk) }
    let name = ByteString("prod://payments/\(Int.random(in: 0..<1_000_000_000))")
    return try await decide(on: resource ?? name, params: params).hold?.digest
  }

  /// An action's decision.
  ///
  /// Where other tests keep every thread busy for a minute, the action has become stale meanwhile: then
  /// it is signed anew.
  @discardableResult
  func decide(on resource: ByteString, params: JSONObject = JSONObject()) async throws -> Answer {
    var answer = try await authority.decide(try world.action(on: resource, params: params))
    for _ in 0..<30 where answer.reasons.contains(where: { $0.code == "stale" }) {
      answer = try await authority.decide(try world.action(on: resource, params: params))
    }
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    return answer
  }

  /// Another operator revokes the agent's key as compromised.
  func revokeAsCompromised(by other: Principal) throws {
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: try World.key(world.bot).publicKey.fingerprint, reason: .compromised,
          compromisedSince: nil, note: "x")), by: other)
  }

  /// An agent that the deploying one passes its authority on to.
  func delegate(to name: String) throws {
    let agent = Principal.named(ByteString("agent:\(name)"))
    try world.sign(.agentRegistered(AgentRegistered(agent: agent, owner: world.alice, roles: [])))
    try world.enrol(try World.key(agent), of: agent)
    try world.sign(
      .grantIssued(
        GrantIssued(
          holder: agent,
          capabilities: [Capability(actions: ["deploy"], resources: ["stage://payments/**"])],
          limits: GrantLimits(maxDepth: 0), parent: world.grant)), by: world.bot)
  }

  // MARK: messages

  /// Takes a message; what the registry does must change nothing that this person did.
  func hear(_ message: Message) {
    let before = dialog
    let effects = model.update(message, at: now)
    if let before, let after = dialog, before.consent.request == after.consent.request {
      check(before, after, message)
    }
    for effect in effects { perform(effect) }
  }

  private func check(_ before: ConsentModel, _ after: ConsentModel, _ message: Message) {
    func complain(_ what: String) { wrong.append("\(what) by \("\(message)".prefix(60))") }
    // A plan of one's own comes back as it was understood, from its beginning.
    let isOwn = before.isPlanStale && !after.isPlanStale
    let texts = Dictionary(
      uniqueKeysWithValues: zip(after.consent.inputs, after.fields).map { ($0.name, $1.text) })
    for (input, field) in zip(before.consent.inputs, before.fields) {
      if isOwn, input.kind == .plan { continue }
      let text = texts[input.name] ?? after.kept[input.name]
      if text != field.text, !(isOwn && !before.typed.contains(input.name)) {
        complain("\(input.name) was \"\(field.text)\" and is \"\(text ?? "gone")\"")
      }
    }
    if before.choice != after.choice { complain("the choice moved") }
    if !isOwn, before.scroll != after.scroll { complain("the scroll moved") }
    if before.passphrase.isEmpty != after.passphrase.isEmpty {
      complain("the passphrase was lost")
    }
    if name(of: before) != name(of: after) {
      complain("the focus moved from \(name(of: before)) to \(name(of: after))")
    }
  }

  private func name(of dialog: ConsentModel) -> String {
    switch dialog.focus {
    case .input(let index): dialog.consent.inputs[index].name
    case .button(let index): dialog.consent.buttons[index].name
    default: "\(dialog.focus)"
    }
  }

  /// Answers what was asked for, the oldest first.
  func answer(_ count: Int = .max) {
    for _ in 0..<min(count, unanswered.count) { hear(unanswered.removeFirst()) }
    // An answer may lead to a question; only a test that answers all goes on with those.
    if count == .max, !unanswered.isEmpty { answer() }
  }

  private func perform(_ effect: Effect) {
    switch effect {
    case .consent(let request, let choice, let inputs):
      unanswered.append(consent(request, choice, inputs))
    case .sign(let submission, let field): sign(submission, field)
    case .load(let request):
      let found = (rows[request.view] ?? []).enumerated().map { number, target in
        ListRow(
          target: target, place: [.integer(Int64(number))],
          cells: request.view.columns.map { _ in .text("cell") })
      }
      unanswered.append(.page(ListPage(request: request, rows: found, hasMore: false)))
    default: break
    }
  }

  private func consent(
    _ request: ConsentRequest, _ choice: Int, _ inputs: [String: String]
  ) -> Message {
    do {
      return .consent(
        try world.ledger.database.read {
          try Consents(
            ledger: world.ledger, transaction: $0, voter: voter, isBlind: false,
            now: Clock.system.now()
          ).make(request, choice: choice, inputs: inputs)
        })
    } catch {
      let code = FaultCode.of(error)
      return .consentFailed(request, "\(code): \(error)", isGone: code.hasSuffix("_unknown"))
    }
  }

  private func sign(_ submission: Submission, _ field: PassphraseField) {
    let shown = dialog
    var passphrase = ""
    var entry: StatementBody?
    do {
      if case .command = submission.request {
        passphrase = String(decoding: field.surrender(), as: UTF8.self)
        unanswered.append(.ranAndSigned(submission.request, "done"))
      } else {
        let signatures = Signatures(ledger: world.ledger, voter: voter, now: Clock.system.now())
        try signatures.checkShown(submission)
        passphrase = String(decoding: field.surrender(), as: UTF8.self)
        let key = OpenedKey(principal: voter, key: try World.key(voter))
        let (index, outcome) = try signatures.sign(submission, with: key)
        entry = try world.ledger.database.read {
          try world.ledger.statement(at: index, $0).parts.body
        }
        unanswered.append(.signed(submission.request, index: index, outcome: outcome))
      }
    } catch {
      let code = FaultCode.of(error)
      unanswered.append(
        .refused(submission.request, code: code, problem: "\(error)", as: Refusal(code: code)))
      // Nothing that was typed has been used.
      if Refusal(code: code) == .changed { return }
    }
    if let shown {
      signed.append(
        Signed(submission: submission, passphrase: passphrase, shown: shown, entry: entry))
    }
  }

  // MARK: keys

  /// Reads the list on the screen again; its key is not counted.
  func reload() {
    hear(.character("R"))
    answer()
  }

  func open(_ request: ConsentRequest) {
    for effect in model.open(request) { perform(effect) }
    answer()
  }

  /// Presses a key as a person does who waits until the dialog takes it.
  func press(_ key: KeyPress) {
    keys += 1
    strike(key)
  }

  private func strike(_ key: KeyPress) {
    do { try beforeKey() } catch { wrong.append("\(error)") }
    ahead += model.isArming ? 1000 : 60
    hear(key)
  }

  private func hear(_ key: KeyPress) {
    for effect in model.update(.key(key), at: now) { perform(effect) }
  }

  func type(_ text: String) { for scalar in text.unicodeScalars { strike(.character(scalar)) } }

  func pass(milliseconds: Int64) {
    ahead += milliseconds
    hear(.tick)
  }
}
