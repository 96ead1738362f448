import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// What an incident leaves to do, with the commands and in the console: reviews in groups, an agent's
/// next key, another policy, who can do what, who is on call, and proofs of votes.
@Suite(.serialized) struct IncidentCommandTests {
  let box: Sandbox
  let grant: String

  init() throws {
    let box = try Sandbox()
    for name in ["alice", "bob", "carol"] {
      try box.countersign(
        "key", "new", "--operator", "user:\(name)", "--out", "\(box.home)/\(name).key",
        passphrase: name)
    }
    @discardableResult
    func alice(_ arguments: String...) throws -> String {
      let outcome = try box.program(
        arguments + [
          "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
        ], input: "alice\n")
      #expect(outcome.status == 0, "\(arguments): \(outcome.output)\(outcome.errors)")
      return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    try alice(
      "init", "--as", "user:alice", "--groups", "sre", "--may-grant", "deploy@prod://payments/**")
    for name in ["bob", "carol"] {
      try alice(
        "operator", "enroll", "user:\(name)", "--public", "\(box.home)/\(name).key.pub", "--roles",
        "admin,approver", "--groups", "sre")
    }
    try alice("service", "enroll", "service:gateway-1", "--out", "\(box.home)/gw.pem")
    try alice(
      "resource", "register", "prod://payments/**", "--type", "service", "--env", "production")
    try alice("agent", "register", "agent:deploy-bot", "--roles", "deployer")
    try box.countersign("key", "new", "--out", "\(box.home)/bot.pem")
    try alice(
      "key", "enroll", "agent:deploy-bot", "--agent-key", "\(box.home)/bot.pem")
    grant = try alice(
      "grant", "issue", "agent:deploy-bot", "--can", "deploy@prod://payments/**", "--max-depth",
      "1", "--until", "30d")
    try """
    package agent.authz
    default allow = false
    allow if { input.resource.uri == "prod://payments/docs" }
    require_approval if { input.action == "deploy"; input.resource.uri != "prod://payments/docs" }
    """.write(toFile: "\(box.home)/p.rego", atomically: true, encoding: .utf8)
    try alice("policy", "publish", "p", "\(box.home)/p.rego")
    try alice("policy", "activate", "p@v1")
    self.box = box
    try box.startDaemon()
  }

  /// Runs a command without any key: what asks for one here fails.
  func reading(_ arguments: String..., expect: Int32 = 0) throws -> Sandbox.Outcome {
    let outcome = try box.program(arguments + ["--registry", box.registry])
    #expect(outcome.status == expect, "\(arguments): \(outcome.output)\(outcome.errors)")
    return outcome
  }

  func json(_ outcome: Sandbox.Outcome) throws -> JSONValue {
    try JSONParser.parse(Array(outcome.output.utf8))
  }

  @discardableResult
  func act(
    on resource: String, key: String = "bot.pem", params: [String] = [], expect: Int32
  ) throws -> JSONValue {
    let outcome = try box.program(
      [
        "act", "deploy", resource, "--agent", "agent:deploy-bot", "--key", "\(box.home)/\(key)",
        "--grant", grant, "--socket", box.socket, "--json",
      ] + params.flatMap { ["--param", $0] })
    #expect(outcome.status == expect, "\(resource): \(outcome.output)\(outcome.errors)")
    return try json(outcome)
  }

  /// Presses a script's keys as one of the people; gives the last screen.
  @discardableResult
  func console(_ name: String, _ script: String) throws -> String {
    try script.write(toFile: "\(box.home)/script", atomically: true, encoding: .utf8)
    let outcome = try box.countersign(
      "console", "--registry", box.registry, "--key", "\(box.home)/\(name).key", "--script",
      "\(box.home)/script", "--size", "100x30", expect: nil)
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    return outcome.output
  }

  private func leak(_ count: Int) throws {
    for number in 0..<count {
      try act(on: "prod://payments/docs", params: ["build=\(number % 3)"], expect: 0)
    }
    let keys = try json(try reading("key", "list", "--holder", "agent:deploy-bot", "--json"))
    try box.asUser(
      "alice", "key", "revoke", try #require(keys.array?.first?["key"]?.string?.text), "--reason",
      "compromised", "--yes")
  }

  @Test("reviews of a leaked key are one group, one finding and one signature on the command line")
  func reviewsByCommand() throws {
    try leak(12)
    let table = try reading("reviews").output
    #expect(table.contains("deploy on prod://payments/docs") && table.contains(" 12 "), "\(table)")
    let groups = try json(try reading("reviews", "--json"))
    let group = try #require(groups.array?.first)
    #expect(groups.array?.count == 1 && group["subjects"]?.array?.count == 12)
    let id = try #require(group["group"]?.string?.text)
    let whole = try json(try reading("reviews", "show", String(id.prefix(12)), "--json"))
    #expect(whole["contents"]?.array?.map { $0["count"]?.integer } == [4, 4, 4])
    #expect(
      whole["statements"]?.array?.compactMap { $0["action"]?["params"]?["build"]?.integer }.count
        == 12, "each statement is there whole")
    // What is missing is named before any key is opened: none is given here.
    let missing = try reading("reviews", "complete", "--group", id, expect: 64)
    #expect(missing.errors.contains("--outcome"))
    let neither = try reading(
      "reviews", "complete", "--outcome", "justified", "--note", "x", expect: 64)
    #expect(neither.errors.contains("name the statements, or give --group or --by"))
    let other = try box.asUser(
      "bob", "reviews", "complete", "--by", "agent:other", "--outcome", "justified", "--note", "x",
      expect: 1)
    #expect(other.errors.contains("no review of what agent:other did is due"))
    let done = try box.asUser(
      "bob", "reviews", "complete", "--group", String(id.prefix(12)), "--outcome", "unjustified",
      "--note", "leaked key")
    #expect(done.output.contains("4 x  allow: deploy on prod://payments/docs  build = "))
    #expect(done.output.contains("completed 12 reviews: unjustified"), "\(done.output)")
    #expect(try json(try reading("reviews", "--json")).array?.isEmpty == true)
    #expect(try json(try reading("reviews", "--all", "--json")).array?.count == 1)
    let entries = try json(try reading("log", "verify", "--json"))
    let last = try #require(entries["size"]?.integer) - 1
    let again = try box.asUser(
      "carol", "reviews", "complete",
      try #require(group["subjects"]?.array?.first?.string?.text), "--outcome", "justified",
      "--note", "x", expect: 1)
    #expect(again.errors.contains("exists"))
    #expect(try reading("log", "show", "\(last)").output.contains("review.completed"))
  }

  @Test("and in the console: a, a finding, a note and a passphrase")
  func reviewsInConsole() throws {
    try leak(12)
    let screen = try console(
      "bob",
      """
      press 9
      see ×12
      press a
      see Were these 12 justified?
      see 3 distinct contents
      see ( ) unjustified
      wait 800
      press Right Right Tab
      type leaked key
      press Tab
      type bob
      press Tab Tab Enter
      see recorded as log entry
      see 12 reviews completed: unjustified
      """)
    #expect(screen.contains("12 reviews completed"), "\(screen)")
    let done = try json(try reading("reviews", "--all", "--json"))
    #expect(done.array?.first?["outcome"]?.string == "unjustified")
    #expect(done.array?.first?["reviewer"]?.string == "user:bob")
    try box.countersign("log", "verify", "--registry", box.registry)
  }

  @Test("a policy is activated from its row, with its text against the one in force")
  func policies() throws {
    try """
    package agent.authz
    default allow = false
    allow if { input.resource.uri == "prod://payments/docs" }
    require_approval if { input.action == "deploy" }
    """.write(toFile: "\(box.home)/p.rego", atomically: true, encoding: .utf8)
    // Of two files with one name a reader would see one.
    let twin = try box.shell("mkdir -p \(box.home)/twin && cp \(box.home)/p.rego \(box.home)/twin/")
    #expect(twin.status == 0)
    let repeated = try box.asUser(
      "alice", "policy", "publish", "p", "\(box.home)/p.rego", "\(box.home)/twin/p.rego", expect: 1)
    #expect(repeated.errors.contains("policy_file_repeated"), "\(repeated.errors)")
    let published = try box.asUser("alice", "policy", "publish", "p", "\(box.home)/p.rego")
    #expect(published.output.contains("Inactive until activated"))
    let dry = try reading("policy", "activate", "p@v2", "--dry-run").output
    #expect(dry.contains("replaces   p@v1"), "\(dry)")
    #expect(dry.contains("- require_approval if { input.action == \"deploy\"; input"), "\(dry)")
    #expect(dry.contains("+ require_approval if { input.action == \"deploy\" }"), "\(dry)")
    #expect(dry.contains("  package agent.authz"), "the whole text is there")
    #expect(dry.contains("one admin signs (user:alice, user:bob, user:carol)"), "\(dry)")
    #expect(try reading("policy", "list").output.contains(/p@v1 .*active/))
    try console(
      "carol",
      """
      press 6
      see p@v2
      press j a
      see Activate p@v2
      see What changes
      see 1 line added, 1 removed
      wait 800
      press PgDn PgDn PgDn Tab
      type carol
      press Tab Tab Enter
      see recorded as log entry
      see p@v2 is in force
      """)
    #expect(try reading("policy", "list").output.contains(/p@v2 .*active/))
    #expect(
      try console("carol", "press 6\nsee p@v2\npress a\nsee it is in force already\n")
        .contains("Activate p@v2"))
  }

  @Test("an agent's own request for its next key is answered from the key's row")
  func rotation() throws {
    let unasked = try reading("key", "rotate", "agent:deploy-bot", expect: 1)
    #expect(
      unasked.errors.contains("rotation_unasked") && unasked.errors.contains("--replaces OLD.pem"),
      "\(unasked.errors)")
    let none = try console(
      "bob", "command keys /holder:deploy-bot\nsee agent:deploy-bot\npress a\nsee has not asked\n")
    #expect(none.contains("has not asked for a next key"))
    try box.countersign("key", "new", "--out", "\(box.home)/next.pem")
    try box.countersign(
      "key", "request", "agent:deploy-bot", "--agent-key", "\(box.home)/next.pem", "--replaces",
      "\(box.home)/bot.pem", "--note", "yearly", "--socket", box.socket)
    try console(
      "bob",
      """
      command keys /holder:deploy-bot
      see agent:deploy-bot
      command key rotate
      see Rotate the key of agent:deploy-bot
      see signed by the old key and by the new one
      see yearly
      wait 800
      press PgDn S-Tab S-Tab
      press Backspace Backspace
      type none
      press Tab
      see no longer, from the next decision on
      press PgDn PgDn Tab
      type bob
      press Tab Tab Enter
      see recorded as log entry
      """)
    let old = try act(on: "prod://payments/docs", expect: 3)
    #expect(old["reasons"]?.array?.first?["code"]?.string == "key_expired")
    try act(on: "prod://payments/docs", key: "next.pem", expect: 0)
    #expect(try json(try reading("key", "requests", "--json")).array?.isEmpty == true)
  }

  @Test("who and agent can answer with a table, chains on demand, hops counted from 0")
  func reach() throws {
    let who = try reading("who", "deploy", "prod://payments/api").output
    #expect(who.contains("NEEDS APPROVAL FROM"), "\(who)")
    #expect(who.contains(/agent:deploy-bot +user:alice .* 1 of any approver +usable/), "\(who)")
    #expect(who.contains("may delegate 1 more level") && who.contains("until 20"), "\(who)")
    #expect(!who.contains("hop "))
    #expect(
      try reading("who", "deploy", "prod://payments/docs").output.contains(#/ nobody +usable/#))
    // Where the table is wider than the screen, one way stands below the other, and no name is cut.
    box.extraEnvironment["COLUMNS"] = "66"
    let narrow = try reading("who", "deploy", "prod://payments/api").output
    box.extraEnvironment["COLUMNS"] = nil
    #expect(narrow.contains("agent:deploy-bot  usable"), "\(narrow)")
    #expect(narrow.contains("  needs approval from  1 of any approver"), "\(narrow)")
    #expect(narrow.contains("  through              user:alice"), "\(narrow)")
    let chains = try reading("who", "deploy", "prod://payments/api", "--chains").output
    #expect(chains.contains("hop 0  user:alice > agent:deploy-bot  valid"), "\(chains)")
    #expect(
      try json(try reading("who", "deploy", "prod://payments/api", "--json")).array?.count == 1)
    let can = try reading("agent", "can", "agent:deploy-bot").output
    #expect(can.contains("by resource: countersign who ACTION RESOURCE"), "\(can)")
    // In the console no key is asked for, and hops are counted alike.
    let screen = try console(
      "bob",
      """
      see Approvals
      command who deploy prod://payments/api
      see usable
      press Esc
      command holds show --help
      see USAGE
      press Esc 5
      see alice
      press l j W
      see hop 0
      """)
    #expect(!screen.contains("hop 1"), "\(screen)")
  }

  @Test(
    "what is refused says its code once; what nobody could complete is said before it is signed")
  func words() throws {
    let answer = try act(on: "prod://payments/docs", expect: 0)
    let action = try #require(answer["action"]?.string?.text)
    func finish(_ expect: Int32) throws -> Sandbox.Outcome {
      try box.countersign(
        "finish", action, "--outcome", "ok", "--agent", "agent:deploy-bot", "--agent-key",
        "\(box.home)/bot.pem", "--socket", box.socket, expect: expect)
    }
    _ = try finish(0)
    let again = try finish(1).errors
    #expect(
      again.contains("countersign: unknown_subject: the daemon refused it: no action of "),
      "\(again)")
    #expect(again.contains("whose outcome is still to be told"), "\(again)")
    try box.asUser("bob", "lock", "place", "agent:deploy-bot", "--reason", "x", "--yes")
    #expect(try reading("lock", "list").output.contains("until lifted"))
    try box.asUser("alice", "operator", "update", "user:bob", "--roles", "approver")
    try box.asUser(
      "alice", "operator", "update", "user:carol", "--roles", "approver", "--no-spare")
    let keys = try json(try reading("key", "list", "--holder", "user:bob", "--json"))
    let key = try #require(keys.array?.first?["key"]?.string?.text)
    try box.asUser(
      "alice", "lock", "place", key, "--reason", "x", "--until", "10m", "--yes")
    let locks = try json(try reading("lock", "list", "--json"))
    let placed = try #require(
      locks.array?.first { $0["target"]?["kind"]?.string == "key" }?["lock"]?.string?.text)
    try box.asUser("alice", "lock", "lift", placed, "--reason", "x")
    let second = try box.asUser(
      "alice", "lock", "place", key, "--reason", "x", "--until", "10m", "--dry-run"
    ).output
    #expect(second.contains("takes the signatures of 2 admins"), "\(second)")
    #expect(second.contains("! nobody could complete it: only 1 admin could sign it"), "\(second)")
  }

  @Test("one proposal signs a rota; lists say who is on call now and next")
  func rota() throws {
    try """
    - operator: user:bob
      groups: [sre, {group: oncall, from: "2020-01-01T00:00:00Z", until: "2126-12-08T00:00:00Z"}]
    - operator: user:carol
      groups: [sre, {group: oncall, from: "2126-12-08T00:00:00Z", until: "2126-12-15T00:00:00Z"}]
    """.write(toFile: "\(box.home)/rota.yaml", atomically: true, encoding: .utf8)
    let before = try json(try reading("log", "verify", "--json"))["size"]?.integer ?? 0
    try box.asUser("alice", "operator", "update", "--file", "\(box.home)/rota.yaml")
    let after = try json(try reading("log", "verify", "--json"))["size"]?.integer ?? 0
    #expect(after == before + 1, "one proposal for both")
    let table = try reading("operator", "list").output
    #expect(
      table.contains(
        /oncall +user:bob until 2126-12-08 00:00Z +user:carol from 2126-12-08 00:00Z until 2126-12-15/
      ), "\(table)")
    let rotas = try json(try reading("operator", "list", "--on-call", "--json"))
    #expect(rotas.array?.first?["now"]?.array?.first?["operator"]?.string == "user:bob")
    #expect(rotas.array?.first?["next"]?.array?.first?["operator"]?.string == "user:carol")
    let screen = try console("bob", "press 8\nsee On call\nsee oncall: now user:bob until 2126\n")
    #expect(screen.contains("next user:carol from 2126-12-08 00:00Z"), "\(screen)")
  }

  @Test("a key that is not enrolled here is said to be so before anything is read or typed")
  func foreignKey() throws {
    let held = try act(on: "prod://payments/api", expect: 4)
    let hold = try #require(held["hold"]?["digest"]?.string?.text)
    // Another key that calls itself user:bob.
    let made = try box.program(
      [
        "key", "new", "--operator", "user:bob", "--out", "\(box.home)/foreign.key",
        "--passphrase-fd", "0",
      ], input: "foreign\n")
    #expect(made.status == 0, "\(made.errors)")
    let list = try console("foreign", "see Approvals\nsee YOUR KEY CANNOT SIGN\n")
    #expect(list.contains("user:bob"), "\(list)")
    for keys in ["press a", "press x", "press L"] {
      let dialog = try console(
        "foreign", "see \(hold.prefix(8))\nsee YOUR KEY CANNOT SIGN\n\(keys)\nsee is not enrolled\n"
      )
      #expect(dialog.contains("Disabled"), "\(keys): \(dialog)")
    }
  }

  @Test("the proof of a vote says what was decided, of what, and why")
  func proofs() throws {
    let held = try act(on: "prod://payments/api", params: ["build=7"], expect: 4)
    let hold = try #require(held["hold"]?["digest"]?.string?.text)
    try box.asUser("bob", "approve", hold, "--digest", hold, "--reason", "checked the build")
    let second = try act(on: "prod://payments/web", expect: 4)
    // `holds show` takes a key only to say what its holder may do: it signs nothing, and asks for none.
    let shown = try console(
      "bob", "see Approvals\ncommand holds show \(hold)\nsee checked the build\n")
    #expect(!shown.contains("Passphrase"), "\(shown)")
    let other = try #require(second["hold"]?["digest"]?.string?.text)
    try box.asUser("carol", "deny", other, "--digest", other, "--reason", "not tonight")
    let registry = try #require(
      try json(try reading("log", "verify", "--json"))["registry"]?.string?.text)
    let size = try #require(try json(try reading("log", "verify", "--json"))["size"]?.integer)
    // A checkpoint that covers the votes.
    try act(on: "prod://payments/docs", expect: 0)
    var found: [String] = []
    for index in 0..<size {
      guard try reading("log", "show", "\(index)").output.contains("approval.voted") else {
        continue
      }
      let file = "\(box.home)/proof-\(index)"
      _ = try reading("log", "prove", "\(index)", "--out", file)
      found.append(
        try box.countersign("proof", "check", file, "--registry-id", registry).output)
    }
    #expect(found.count == 2)
    #expect(
      found.first?.contains(
        "user:bob approved the action deploy on prod://payments/api by agent:deploy-bot, with "
          + "build = 7, giving the reason \"checked the build\"") == true, "\(found)")
    #expect(
      found.last?.contains(
        "user:carol denied the action deploy on prod://payments/web by agent:deploy-bot, with no "
          + "params, giving the reason \"not tonight\"") == true, "\(found)")
  }

  @Test("keys that come faster than rows act on no row that was not shown")
  func fastKeys() throws {
    let held = try act(on: "prod://payments/api", expect: 4)
    let hold = try #require(held["hold"]?["digest"]?.string?.text)
    try box.asUser("bob", "approve", hold, "--digest", hold)
    for _ in 0..<30 { try act(on: "prod://payments/docs", expect: 0) }
    try box.tmux(
      "new-session", "-d", "-x", "100", "-y", "30",
      "cd \(box.home); countersign --registry \(box.registry) --key bob.key; sleep 60")
    try box.see("Approvals")
    try box.press("7")
    try box.see("following")
    // In one write, as a paste without brackets or a very fast hand would be.
    try box.tmux("send-keys", "-l", "/voted\rke")
    try box.see("approval.voted")
    func proofs() -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: box.home)) ?? []).filter {
        $0.hasPrefix("proof-")
      }
    }
    // Either it waited for the rows and proves the vote, or it was refused: never another row.
    try box.press("e")
    try box.see("exit status 0")
    let registry = try #require(
      try json(try reading("log", "verify", "--json"))["registry"]?.string?.text)
    for file in proofs() {
      let checked = try box.countersign(
        "proof", "check", "\(box.home)/\(file)", "--registry-id", registry)
      #expect(checked.output.contains("user:bob approved"), "\(file): \(checked.output)")
    }
    #expect(!proofs().isEmpty, "\(box.screen)")
  }
}
