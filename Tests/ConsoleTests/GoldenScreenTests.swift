import CanonicalJSON
import Cells
import Console
import Foundation
import Keys
import Statements
import TestSupport
import Testing

/// Whole screens as plain text: what changes on one shows in its file.
@Suite struct GoldenScreenTests {
  private let now = Timestamp(milliseconds: 1_795_428_000_000)

  private func digest(_ number: UInt8) -> Digest { Digest.sha256([number]) }

  private func rows(_ view: View) -> [ListRow] {
    func row(
      _ target: Target, _ number: Int, _ cells: [CellValue], related: [Target] = [],
      ended: Bool = false
    ) -> ListRow {
      ListRow(
        target: target, place: [.integer(Int64(number))], cells: cells, related: related,
        isEnded: ended)
    }
    func ago(_ seconds: Int64) -> Timestamp { now.advanced(bySeconds: -seconds) }
    func text(_ words: String, _ role: Role = .text) -> CellValue { .text(SafeText(words), role) }
    switch view {
    case .approvals:
      return [
        row(
          .hold(digest(1)), 1,
          [
            text("!! CRIT", .riskCritical), text("4bf5122f"), text("db-janitor"),
            text("schema.drop\u{2192}db://ledger/v1"), text("1/2 "), text("now", .stateOK),
            .until(now.advanced(bySeconds: 291)), .clock(ago(60)),
          ]),
        row(
          .hold(digest(2)), 2,
          [
            text("!  HIGH", .riskHigh), text("dbc1b4c9"), text("deploy-bot-7"),
            text("deploy\u{2192}prod://payments/\u{4F5C}\u{8005}\u{202E}"), text("0/1 "),
            text("40s"), .until(now.advanced(bySeconds: 680)), .clock(ago(20)),
          ]),
        flood,
        row(
          .hold(digest(3)), 3,
          [
            text(".  LOW", .muted), text("084fed08"), text("docs-writer"),
            text("repo.push\u{2192}docs://site/main"), text("0/1 denied", .muted), text("12m"),
            .clock(ago(900)), .clock(ago(1200)),
          ], ended: true),
      ]
    case .decisions:
      return [
        row(
          .decision(48_211), 48_211,
          [
            .clock(ago(9)), text("allow", .stateOK), text("log-scout"),
            text("\u{00D7}37 read\u{2192}logs://northgate/api/errors"),
            text("production-guard.rego:18"), text("#48211"),
          ]),
        row(
          .decision(48_212), 48_212,
          [
            .clock(ago(2)), text("DENY", .stateBad), text("deploy-web"),
            text("deploy\u{2192}prod://search/front"), text("not_granted"), text("#48212"),
          ]),
      ]
    case .agents:
      return [
        row(
          .agent("agent:deploy-bot-7"), 1,
          [
            text("agent:deploy-bot-7"), text("user:alice"), text("deployer"), text("1/1"),
            text("2"), text("1", .statePending), .ago(ago(12)), .minute(ago(86_400)),
          ]),
        row(
          .agent("agent:old-bot"), 2,
          [
            text("agent:old-bot"), text("user:carol"), text("observer"), text("0/2", .stateBad),
            text("0"), text("0"), .ago(nil), .minute(ago(9_000_000)),
          ]),
      ]
    case .keys:
      return [
        row(
          .key(digest(4)), 1,
          [
            text("e52d-9c50"), text("agent:deploy-bot-7"), text("active", .stateOK),
            text("user:alice"), .ago(ago(12)), .until(now.advanced(bySeconds: 2_592_000)),
            .minute(ago(86_400)), text(""),
          ]),
        row(
          .key(digest(5)), 2,
          [
            text("e77b-9a9a"), text("agent:old-bot"), text("REVOKED", .stateBad),
            text("user:alice"), .ago(ago(90_000)), .until(nil), .minute(ago(900_000)),
            text("compromised"),
          ], ended: true),
      ]
    case .policies:
      return [
        row(
          .policy(digest(6)), 1,
          [
            text("production-guard@v12"), text("ACTIVE", .stateOK), .minute(ago(86_400)),
            text("user:alice"), text("", .statePending),
          ]),
        row(
          .policy(digest(7)), 2,
          [
            text("production-guard@v13"), text("-"), .minute(ago(600)), text("user:carol"),
            text("activation 9f3c19c2", .statePending),
          ]),
      ]
    case .audit:
      return [
        row(
          .entry(48_211), 48_211,
          [
            text("#48211"), .clock(ago(9)), text("decision.made"), text("service:gateway-1"),
            text("allow allowed", .stateOK), text(""), text("9b1c"),
          ]),
        row(
          .entry(48_212), 48_212,
          [
            text("#48212"), .clock(ago(2)), text("key.revoked"), text("user:carol"),
            text("e77b-9a9a compromised", .stateBad), text(""), text("77e0"),
          ]),
      ]
    case .operators:
      return [
        row(
          .person("user:alice"), 1,
          [
            text("user:alice"), text("admin approver"), text("sre"), text("a0c6-2f34"),
            text("active", .stateOK), text("deploy on prod://payments/**"),
          ])
      ]
    case .proposals:
      return [
        row(
          .proposal(digest(8)), 1,
          [
            text("policy.activated"), text("beead77994cf5733"), text("user:carol"), text("1"),
            text("open", .statePending), .until(now.advanced(bySeconds: 7200)),
          ]),
        row(
          .owed(digest(9)), 2,
          [
            text("review: broken_glass", .riskHigh), text("user:bob: INC-4412 database down"),
            text(""), text("-"), text("DUE", .statePending), text("-"),
          ]),
      ]
    case .locks:
      return [
        row(
          .lock(digest(10)), 1,
          [
            text("agent:old-bot"), text("in force", .stateBad),
            .until(now.advanced(bySeconds: 3000)), text("user:carol"),
            text("suspected leak on build-02"),
          ])
      ]
    case .tree: return []
    }
  }

  /// The line of a flood: one agent's equal holds.
  private var flood: ListRow {
    var row = ListRow(
      target: .group(digest(40)), place: [.integer(3)],
      cells: [
        .text("~  MED", .riskMedium), .text("\u{25B8} group", .title),
        .text("intern-bot", .alert),
        .text("\u{00D7}66 refund.create\u{2192}pay://refunds/batch/2026-11-25"),
        .text("66 in 5 min", .alert), .text("now", .stateOK),
        .until(now.advanced(bySeconds: 200)), .clock(now.advanced(bySeconds: -200)),
      ], related: [.agent("agent:intern-bot"), .resource("pay://refunds/batch/2026-11-25")])
    (row.count, row.hold, row.branch, row.isFlood) = (66, digest(41), .folded, true)
    return row
  }

  private func node(
    _ target: Target, _ name: String, _ scope: String = "", children: Int = 0, fault: String = "",
    elsewhere: Int = 0, pending: Int = 0
  ) -> TreeNode {
    TreeNode(
      target: target, name: name, scope: scope,
      expires: scope.isEmpty ? nil : now.advanced(bySeconds: 22_320), fault: fault,
      children: children, isFloor: false, elsewhere: elsewhere, pending: pending,
      isEnded: !fault.isEmpty)
  }

  private func branch(_ request: BranchRequest) -> Branch {
    let nodes: [TreeNode] =
      switch request.parent {
      case nil: [node(.root("user:alice"), "user:alice", children: 2)]
      case .root:
        [
          node(
            .grant(digest(20)), "agent:ci-root", "deploy,restart on prod://payments/**",
            children: 7),
          node(.grant(digest(21)), "agent:scan-bot", "read on logs://**", fault: "expired"),
          node(
            .grant(digest(22)), "agent:deploy-bot-7", "deploy on prod://payments/api",
            elsewhere: 1, pending: 3),
        ]
      default: []
      }
    return Branch(request: request, nodes: nodes, hasMore: false)
  }

  private func answer(_ effects: [Effect], _ model: inout ConsoleModel) {
    var next = effects
    while let effect = next.first {
      next.removeFirst()
      switch effect {
      case .load(let request):
        let ended = rows(request.view).filter { request.showsEnded || !$0.isEnded }
        next += model.update(
          .page(ListPage(request: request, rows: ended, hasMore: false)), at: now)
      case .branch(let request): next += model.update(.branch(branch(request)), at: now)
      case .preview(let target):
        next += model.update(
          .previewed(
            Preview(
              target: target, title: target.words,
              lines: [
                Line("Action", "schema.drop on db://ledger/v1  cascade=true", .title),
                Line("Effect", "IRREVERSIBLE", .alert),
                Line("Requester", "agent:db-janitor  waiting now  via alice > db-janitor"),
                Line(
                  "Justification",
                  "\"cleanup, safe, please approve quickly\"  (agent, unverified)", .untrusted),
              ],
              chain: [
                Line("root", "user:alice", .title),
                Line("hop 1", "agent:db-janitor  schema.drop on db://ledger/**"),
              ])), at: now)
      default: break
      }
    }
  }

  private func model(
    _ view: View, _ width: Int, _ height: Int, ascii: Bool = false,
    change: (inout Session) -> Void = { _ in }
  ) -> ConsoleModel {
    var session = Session(
      registry: "northgate", who: Principal("user:bob"), key: "8095-ef44",
      arguments: ["--registry", "/srv/northgate.db"])
    change(&session)
    var settings = Settings()
    settings.isASCII = ascii
    var model = ConsoleModel(
      session: session, settings: settings, width: width, height: height, now: now)
    answer(model.start(), &model)
    var status = RegistryStatus()
    status.size = 48_213
    status.pending = [
      RegistryStatus.Pending(hold: digest(1).hex, risk: .critical, words: "schema.drop"),
      RegistryStatus.Pending(hold: digest(2).hex, risk: .high, words: "deploy"),
    ]
    (status.pendingCount, status.neededCount) = (68, 1)
    status.openProposals = 1
    status.owedReviews = 1
    answer(model.update(.changed(status), at: now), &model)
    _ = model.update(.verification(.verified(size: 48_213, at: now)), at: now)
    _ = model.update(
      .standing([digest(1).hex: "needs you", digest(2).hex: "not you"]), at: now)
    answer(model.update(.key(.character(Unicode.Scalar(UInt8(48 + view.digit)))), at: now), &model)
    return model
  }

  @Test(arguments: View.allCases, [(80, 24), (100, 30)])
  func `each view is as recorded`(view: View, size: (Int, Int)) throws {
    try Golden.expect(model(view, size.0, size.1), "\(view.name)-\(size.0)x\(size.1)")
  }

  @Test(arguments: [(60, 18), (140, 40), (300, 100), (50, 12)])
  func `each rule of layout is as recorded`(size: (Int, Int)) throws {
    try Golden.expect(model(.approvals, size.0, size.1), "approvals-\(size.0)x\(size.1)")
  }

  @Test(arguments: [View.approvals, .tree, .audit])
  func `in ASCII it is as recorded, and nothing else`(view: View) throws {
    let model = model(view, 80, 24, ascii: true)
    for line in Screen.draw(model).lines {
      #expect(line.unicodeScalars.allSatisfy { (0x20..<0x7F).contains($0.value) })
    }
    try Golden.expect(model, "\(view.name)-ascii-80x24")
  }

  @Test func `production, read only, the past, locks and a broken log are said in words`() throws {
    var model = model(.decisions, 100, 30) {
      $0.isProduction = true
      $0.context = "prod"
    }
    var status = RegistryStatus()
    status.everythingLock = RegistryStatus.EverythingLock(
      end: "until 10:30:00Z", placer: "user:carol", reason: "leak")
    _ = model.update(.changed(status), at: now)
    let row = Screen.draw(model)
    #expect(row.lines[0].contains("PRODUCTION  prod:northgate"))
    #expect(row.lines[0].contains("EVERYTHING LOCKED until 10:30:00Z by user:carol"))
    #expect(row[0, 0].isReversed)
    for digit in "134567890".unicodeScalars {
      _ = model.update(.key(.character(digit)), at: now)
      #expect(Screen.draw(model).lines[0].contains("EVERYTHING LOCKED"))
    }
    _ = model.update(
      .verification(.broken(index: 47_110, code: "bad_entry", reason: "its hash is not the log's")),
      at: now)
    _ = model.update(.changed(RegistryStatus()), at: now)
    #expect(Screen.draw(model).lines[0].contains("LOG BROKEN at #47110"))
    _ = model.update(.travelled(to: 5, at: now), at: now)
    #expect(Screen.draw(model).lines[0].contains("AS OF #5"))
    #expect(model.disabledReason(.approve) == "you look at the past; :now goes back")
    // Enter opens what explains a hold, nothing that signs.
    answer(model.update(.key(.character("1")), at: now), &model)
    let screen = Screen.draw(model).lines.joined(separator: "\n")
    #expect(!screen.contains("review"), "nor is one offered: \(screen)")
    let effects = model.update(.key(.enter), at: now)
    #expect(effects.contains { if case .document(.why(.hold)) = $0 { true } else { false } })
    #expect(!effects.contains { if case .consent = $0 { true } else { false } })
  }

  @Test func `a disabled action says why, and help lists what is possible first`() throws {
    var model = model(.agents, 80, 24)
    answer(model.update(.key(.character("f")), at: now), &model)
    #expect(model.notice == "f: f follows decisions and the log; press 2")
    answer(model.update(.key(.character("?")), at: now), &model)
    try Golden.expect(model, "help-80x24")
    answer(model.update(.key(.escape), at: now), &model)
    for scalar in ":key".unicodeScalars { _ = model.update(.key(.character(scalar)), at: now) }
    try Golden.expect(model, "command-80x24")
  }

  @Test func `cli shows the command that does the same`() {
    // A list takes no key.
    var model = model(.keys, 80, 24) { $0.signing = ["--key", "bob.key"] }
    let effects = model.run("cli")
    #expect(
      effects == [.copy("countersign key list --registry /srv/northgate.db")])
  }

  @Test func `Esc undoes exactly one level`() {
    var model = model(.approvals, 80, 24)
    func press(_ key: KeyPress) { answer(model.update(.key(key), at: now), &model) }
    press(.character("3"))
    press(.character("/"))
    press(.character("x"))
    press(.enter)
    press(.character("?"))
    press(.escape)
    #expect(model.overlays.isEmpty && model.filter.text == "x")
    press(.escape)
    #expect(model.filter.isEmpty && model.view == .agents)
    press(.escape)
    #expect(model.view == .approvals)
    press(.character(" "))
    #expect(model.list.marks.count == 1)
    press(.escape)
    #expect(model.list.marks.isEmpty)
  }

  @Test func `a new critical hold rings once, and a switch of context wipes what was typed`() {
    var model = model(.approvals, 80, 24)
    var status = model.status ?? RegistryStatus()
    status.pending.append(
      RegistryStatus.Pending(hold: digest(30).hex, risk: .critical, words: "drop"))
    let first = model.update(.changed(status), at: now)
    let second = model.update(.changed(status), at: now)
    #expect(first.contains(.bell) && !second.contains(.bell))
    _ = model.update(.key(.character(":")), at: now)
    let other = Session(registry: "other", context: "staging", who: Principal("user:bob"))
    _ = model.update(.switched(other, CommandLine.Catalogue()), at: now)
    #expect(model.entry == nil && model.session.place == "staging:other")
    #expect(model.list.rows.isEmpty)
  }
}

/// A screen as it was recorded; `RECORD_SCREENS=1` records it anew.
enum Golden {
  /// `hidesDigits`: What is random in a world of its own shows as `x`, one for each digit.
  static func expect(
    _ model: ConsoleModel, _ name: String, hidesDigits: Bool = false
  ) throws {
    let text =
      Screen.draw(model).lines.map { line in
        let line =
          hidesDigits
          ? line.replacing(/[0-9a-f]{8,}|^ {13}[0-9a-f]+(?= *$)/) { found in
            String(found.output.map { $0 == " " ? " " : "x" })
          } : line
        return "|\(line)|"
      }.joined(separator: "\n") + "\n"
    try expect(text: text, name)
  }

  /// The same for any text.
  static func expect(text: String, _ name: String) throws {
    let file = SharedSuites.root.appendingPathComponent("Tests/ConsoleTests/Screens/\(name).txt")
    if ProcessInfo.processInfo.environment["RECORD_SCREENS"] == "1" {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
      Issue.record("recorded \(file.lastPathComponent)")
      return
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    #expect(text == expected, "\(name)\n\(text)")
  }
}
