import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// The trust model as its users work it: the commands, stock ssh, another language.
@Suite(.serialized) struct TrustTests {
  let box: Sandbox

  init() throws {
    box = try Sandbox()
  }

  func newKey(_ name: String) throws {
    try box.countersign(
      "key", "new", "--operator", "user:\(name)", "--out", "\(box.home)/\(name).key",
      passphrase: name)
  }

  /// A registry that two of three admins change: alice, carol and dave; bob approves.
  func founded() throws {
    for name in ["alice", "bob", "carol", "dave"] { try newKey(name) }
    let genesis = "\(box.home)/genesis.dsse"
    try box.asUser(
      "alice", "init", "--as", "user:alice", "--groups", "sre", "--admin-quorum", "2",
      "--may-grant", "deploy@prod://payments/**", "--founder",
      "user:carol=\(box.home)/carol.key.pub;groups=sre", "--founder",
      "user:dave=\(box.home)/dave.key.pub", "--draft", genesis)
    let early = try box.asUser("alice", "init", "--from", genesis, expect: 1)
    #expect(early.errors.contains("signatures_wrong") && early.errors.contains("user:carol"))
    try box.asUser("bob", "init", "--sign", genesis, expect: 1)
    try box.asUser("carol", "init", "--sign", genesis)
    try box.asUser("dave", "init", "--sign", genesis)
    try box.asUser("alice", "init", "--from", genesis)
  }

  /// Has alice propose something and carol co-sign it.
  func agreed(_ arguments: String...) throws {
    let outcome = try box.program(
      arguments + [
        "--json", "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd",
        "0",
      ], input: "alice\n")
    #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
    let json = try JSONParser.parse(Array(outcome.output.utf8))
    #expect(json["proposed"]?.bool == true, "\(arguments)")
    try box.asUser("carol", "proposals", "sign", json["statement"]?.string?.text ?? "", "--yes")
  }

  func json(_ outcome: Sandbox.Outcome) throws -> JSONValue {
    try JSONParser.parse(Array(outcome.output.utf8))
  }

  func read(_ arguments: String...) throws -> JSONValue {
    try json(try box.program(arguments + ["--json", "--registry", box.registry]))
  }

  /// A founded registry with a daemon, an agent, a grant and a policy.
  func working() throws -> String {
    try founded()
    try agreed(
      "operator", "enroll", "user:bob", "--public", "\(box.home)/bob.key.pub", "--groups", "sre")
    try agreed("service", "enroll", "service:gateway-1", "--out", "\(box.home)/gw.pem")
    try agreed(
      "resource", "register", "prod://payments/**", "--type", "service", "--env", "production")
    try box.asUser("alice", "agent", "register", "agent:deploy-bot", "--roles", "deployer")
    try box.countersign("key", "new", "--out", "\(box.home)/bot.pem")
    try box.asUser(
      "alice", "key", "enroll", "agent:deploy-bot", "--agent-key", "\(box.home)/bot.pem")
    let grant = try box.asUser(
      "alice", "grant", "issue", "agent:deploy-bot", "--can", "deploy@prod://payments/**",
      "--max-depth", "1")
    try """
    package agent.authz
    default allow = false
    allow if { input.resource.uri == "prod://payments/docs" }
    require_approval if { input.action == "deploy"; input.resource.uri != "prod://payments/docs" }
    """.write(toFile: "\(box.home)/p.rego", atomically: true, encoding: .utf8)
    try box.asUser("alice", "policy", "publish", "p", "\(box.home)/p.rego")
    try agreed("policy", "activate", "p@v1")
    try box.startDaemon()
    return grant.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func act(
    _ grant: String, on resource: String, agent: String = "deploy-bot", key: String = "bot.pem",
    expect: Int32
  ) throws -> JSONValue {
    try json(
      try box.countersign(
        "act", "deploy", resource, "--agent", "agent:\(agent)", "--key", "\(box.home)/\(key)",
        "--grant", grant, "--socket", box.socket, "--json", "--new", expect: expect))
  }

  @Test(
    "with a quorum of two, a on a policy proposes its activation, and a on the proposal signs it")
  func activation() throws {
    _ = try working()
    try """
    package agent.authz
    default allow = false
    allow if { input.resource.uri == "prod://payments/docs" }
    """.write(toFile: "\(box.home)/p.rego", atomically: true, encoding: .utf8)
    try box.asUser("alice", "policy", "publish", "p", "\(box.home)/p.rego")
    func console(_ name: String, _ script: String) throws {
      try script.write(toFile: "\(box.home)/script", atomically: true, encoding: .utf8)
      let outcome = try box.countersign(
        "console", "--registry", box.registry, "--key", "\(box.home)/\(name).key", "--script",
        "\(box.home)/script", "--size", "100x30", expect: nil)
      #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }
    try console("bob", "press 6\nsee p@v2\npress j a\nsee activation takes an admin: user:alice")
    try console(
      "alice",
      """
      press 6
      see p@v2
      press j a
      see 2 admins sign (user:alice, user:carol, user:dave)
      see Propose activation
      wait 800
      press PgDn PgDn Tab
      type alice
      press Tab Tab Enter
      see recorded as log entry
      see proposed: other admins must sign
      """)
    #expect(try read("policy", "list").array?.filter { $0["active"]?.bool == true }.count == 1)
    try console(
      "carol",
      """
      press 6
      see activation
      press j a
      see asks for it already
      press Esc 9
      see policy.activated
      press a
      see 1 of 2 admins
      wait 800
      press PgDn PgDn Tab Tab
      type carol
      press Tab Tab Tab Enter
      see recorded as log entry
      """)
    let active = try read("policy", "list").array?.first { $0["active"]?.bool == true }
    #expect(active?["version"]?.integer == 2)
  }

  @Test("founders sign one genesis; trust changes only with a second admin")
  func proposals() throws {
    try founded()
    let proposed = try box.asUser(
      "alice", "operator", "enroll", "user:bob", "--public", "\(box.home)/bob.key.pub")
    #expect(proposed.output.contains("proposed, 1 of 2 admins"))
    #expect(try read("operator", "list").array?.count == 3)
    let open = try read("proposals", "list")
    let digest = try #require(open.array?.first?["proposal"]?.string?.text)
    #expect(open.array?.first?["subject"]?.string == "user:bob")
    let shown = try box.countersign("proposals", "show", digest, "--registry", box.registry)
    #expect(shown.output.contains("operator.enrolled") && shown.output.contains("1 of 2"))
    let again = try box.asUser("alice", "proposals", "sign", digest, "--yes", expect: 1)
    #expect(again.errors.contains("exists"))
    let signed = try box.asUser("carol", "proposals", "sign", String(digest.prefix(8)), "--yes")
    #expect(signed.output.contains("in effect"))
    #expect(try read("operator", "list").array?.count == 4)
    let spare = try box.asUser(
      "alice", "operator", "remove", "user:dave", "--reason", "left", "--dry-run", expect: 1)
    #expect(spare.errors.contains("no_spare_admin"))
    let last = try box.asUser(
      "alice", "operator", "remove", "user:dave", "--reason", "left", "--dry-run", "--no-spare")
    #expect(last.output.contains("dry run"))
    try box.countersign("log", "verify", "--registry", box.registry)
    let doctor = try box.countersign("doctor", "--registry", box.registry)
    #expect(doctor.output.contains("2 of 3 admins change who is trusted"))
  }

  @Test("a vote through ssh-agent verifies with stock ssh-keygen, and not when it is changed")
  func sshAgent() throws {
    let grant = try working()
    let key = "\(box.home)/id"
    let script = """
      set -e
      eval "$(ssh-agent -a \(box.home)/agent.sock)" >/dev/null
      ssh-keygen -q -t ed25519 -N '' -C eve -f \(key)
      ssh-keygen -q -t ecdsa -N '' -f \(key)2
      ssh-add -q \(key) \(key)2
      echo $SSH_AGENT_PID
      """
    let started = try box.shell(script)
    let process = started.output.trimmingCharacters(in: .whitespacesAndNewlines)
    defer { _ = try? box.shell("kill \(process)") }
    try agreed(
      "operator", "enroll", "user:eve", "--public", "\(key).pub", "--groups", "sre")
    box.extraEnvironment["SSH_AUTH_SOCK"] = "\(box.home)/agent.sock"
    let listed = try box.countersign("key", "agent-list")
    #expect(listed.output.contains("eve") && listed.errors.contains("ecdsa"))
    let print = try #require(
      listed.output.split(separator: "\n").last?.split(separator: " ").first.map(String.init))
    let held = try act(grant, on: "prod://payments/api", expect: 4)
    let hold = try #require(held["hold"]?["digest"]?.string?.text)
    let vote = try json(
      try box.countersign(
        "approve", hold, "--digest", hold, "--ssh-key", print, "--registry", box.registry, "--json")
    )
    #expect(vote["state"]?.string == "approved")
    let index = try #require(vote["log_index"]?.integer)
    let out = "\(box.home)/vote"
    try box.countersign("log", "export-vote", "\(index)", "--out", out, "--registry", box.registry)
    let check =
      "ssh-keygen -Y verify -f \(out)/allowed_signers -I user:eve -n countersign "
      + "-s \(out)/message.sig < \(out)/message"
    let good = try box.shell(check)
    #expect(good.status == 0 && good.output.contains("Good \"countersign\" signature"))
    let bad = try box.shell("sed -i s/approve/approvE/ \(out)/message; \(check)")
    #expect(bad.status != 0)
    let unknown = try box.countersign(
      "approve", hold, "--digest", hold, "--ssh-key", "0000-0000", "--registry", box.registry,
      expect: 1)
    #expect(unknown.errors.contains("only ssh-ed25519 can"))
    // The same in the console: no passphrase is asked for, and the vote is eve's.
    let second = try act(grant, on: "prod://payments/api", expect: 4)
    let other = try #require(second["hold"]?["digest"]?.string?.text)
    try """
    see Approvals
    command \(other.prefix(12))
    see YOU SIGN
    press PgDn PgDn PgDn PgDn PgDn PgDn PgDn PgDn Tab
    type \(String(repeating: "INC-7 ", count: 1))
    dump \(box.home)/fields
    press Tab Tab Tab Enter
    see recorded as log entry
    """.write(toFile: "\(box.home)/script", atomically: true, encoding: .utf8)
    let console = try box.countersign(
      "console", "--registry", box.registry, "--ssh-key", print, "--script", "\(box.home)/script",
      "--dump", "\(box.home)/dump", expect: nil)
    let shown = try String(contentsOfFile: "\(box.home)/dump", encoding: .utf8)
    #expect(console.status == 0, "\(console)\n\(shown)")
    #expect(shown.contains("by user:eve"), "\(shown)")
    #expect(try act(grant, on: "prod://payments/docs", expect: 0)["verdict"]?.string == "allow")
    try box.countersign("log", "verify", "--registry", box.registry)
  }

  @Test("keys of OpenSSH and minisign are sealed; what libsodium cannot open is said")
  func importedKeys() throws {
    let home = box.home
    try #require(
      try box.shell(
        """
        ssh-keygen -q -t ed25519 -N '' -f \(home)/plain &&
        ssh-keygen -q -t ed25519 -N secret -f \(home)/sealed &&
        ssh-keygen -q -t ecdsa -N '' -f \(home)/ecdsa &&
        printf 'pw\\npw\\n' | minisign -G -p \(home)/m.pub -s \(home)/m.key >/dev/null &&
        chmod 600 \(home)/m.key
        """
      ).status == 0)
    let imported = try box.countersign(
      "key", "import", "\(home)/plain", "--operator", "user:a", "--out", "\(home)/a.key",
      passphrase: "new")
    #expect(imported.output.contains("ed25519:"))
    let sealed = try box.countersign(
      "key", "import", "\(home)/sealed", "--operator", "user:a", "--out", "\(home)/b.key",
      passphrase: "new", expect: 1)
    #expect(sealed.errors.contains("key_unsupported") && sealed.errors.contains("ssh-keygen -p"))
    let other = try box.countersign(
      "key", "import", "\(home)/ecdsa", "--operator", "user:a", "--out", "\(home)/c.key",
      passphrase: "new", expect: 1)
    #expect(other.errors.contains("only ssh-ed25519"))
    let both = try box.shell(
      "countersign key import \(home)/m.key --operator user:m --out \(home)/d.key "
        + "--old-passphrase-fd 3 --passphrase-fd 4 3< <(echo pw) 4< <(echo new)")
    #expect(both.status == 0, "\(both.errors)")
    let wrong = try box.shell(
      "countersign key import \(home)/m.key --operator user:m --out \(home)/e.key "
        + "--old-passphrase-fd 3 --passphrase-fd 4 3< <(echo no) 4< <(echo new)")
    #expect(wrong.errors.contains("key_wrong_passphrase"))
    // The imported key is the same key: what it signs, minisign's and ssh's public halves verify.
    let printed = try box.shell(
      "cut -d' ' -f2 \(home)/plain.pub | base64 -d | tail -c 32 | sha256sum | cut -d' ' -f1")
    #expect(
      imported.output.contains(printed.output.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  @Test(
    "an agent asks for its key and passes authority on through the daemon, without the registry")
  func agents() throws {
    let grant = try working()
    let home = box.home
    try box.asUser("alice", "agent", "register", "agent:helper", "--roles", "helper")
    try box.countersign("key", "new", "--out", "\(home)/helper.pem")
    let asked = try json(
      try box.countersign(
        "key", "request", "agent:helper", "--agent-key", "\(home)/helper.pem", "--note", "first",
        "--socket", box.socket, "--json"))
    let request = try #require(asked["request"]?.string?.text)
    #expect(try read("key", "requests").array?.first?["holder"]?.string == "agent:helper")
    try box.asUser(
      "carol", "key", "enroll", "agent:helper", "--request", String(request.prefix(10)))
    #expect(try read("key", "requests").array?.isEmpty == true)
    let wide = try box.countersign(
      "grant", "issue", "agent:helper", "--can", "deploy@prod://other/**", "--parent", grant,
      "--as-agent", "agent:deploy-bot", "--agent-key", "\(home)/bot.pem", "--socket", box.socket,
      expect: 1)
    #expect(wide.errors.contains("chain_scope_widened"))
    let sub = try box.countersign(
      "grant", "issue", "agent:helper", "--can", "deploy@prod://payments/docs", "--parent", grant,
      "--as-agent", "agent:deploy-bot", "--agent-key", "\(home)/bot.pem", "--socket", box.socket
    ).output.trimmingCharacters(in: .whitespacesAndNewlines)
    let answer = try act(
      sub, on: "prod://payments/docs", agent: "helper", key: "helper.pem", expect: 0)
    #expect(answer["verdict"]?.string == "allow")
    let action = try #require(answer["action"]?.string?.text)
    try box.countersign(
      "finish", action, "--outcome", "ok", "--agent", "agent:helper", "--agent-key",
      "\(home)/helper.pem", "--socket", box.socket)
    let who = try read("who", "deploy", "prod://payments/docs")
    #expect(
      who.array?.compactMap { $0["agent"]?.string?.text } == ["agent:deploy-bot", "agent:helper"])
    let chain = try box.countersign("grant", "show", sub, "--registry", box.registry)
    #expect(chain.output.contains("hop 1  agent:deploy-bot > agent:helper  valid"))
    // Rotation, asked for by both keys and approved.
    try box.countersign("key", "new", "--out", "\(home)/next.pem")
    let rotation = try json(
      try box.countersign(
        "key", "request", "agent:helper", "--agent-key", "\(home)/next.pem", "--replaces",
        "\(home)/helper.pem", "--socket", box.socket, "--json"))
    try box.asUser(
      "carol", "key", "rotate", "agent:helper", "--request",
      rotation["request"]?.string?.text ?? "")
    let old = try act(
      sub, on: "prod://payments/docs", agent: "helper", key: "helper.pem", expect: 3)
    #expect(old["reasons"]?.array?.first?["code"]?.string == "key_expired")
    _ = try act(sub, on: "prod://payments/docs", agent: "helper", key: "next.pem", expect: 0)
    try box.countersign("log", "verify", "--registry", box.registry)
  }

  @Test("a proof checks offline, here and in another language, and not when a byte is changed")
  func proofs() throws {
    let grant = try working()
    let held = try act(grant, on: "prod://payments/api", expect: 4)
    let hold = try #require(held["hold"]?["digest"]?.string?.text)
    try box.asUser("bob", "approve", hold, "--digest", hold, "--reason", "checked")
    try box.countersign("log", "checkpoint", "--help")
    _ = try act(grant, on: "prod://payments/docs", expect: 0)
    let (process, pipe) = try box.actInBackground([
      "act", "deploy", "prod://payments/web", "--agent", "agent:deploy-bot", "--key",
      "\(box.home)/bot.pem", "--grant", grant, "--socket", box.socket, "--wait", "20", "--json",
      "--new",
    ])
    var second = ""
    for _ in 0..<100 where second.isEmpty {
      usleep(100_000)
      second =
        try read("holds", "list").array?.first {
          $0["resource"]?.string == "prod://payments/web"
        }?["hold"]?.string?.text ?? ""
    }
    try box.asUser("bob", "approve", second, "--digest", second, "--reason", "checked")
    process.waitUntilExit()
    let answer = try JSONParser.parse(
      Array(pipe.fileHandleForReading.readDataToEndOfFile()))
    #expect(answer["verdict"]?.string == "allow")
    let index = try #require(answer["log_index"]?.integer)
    let proof = "\(box.home)/proof.json"
    try box.countersign("log", "prove", "\(index)", "--out", proof, "--registry", box.registry)
    let id = try #require(try read("settings", "show")["id"]?.string?.text)
    // From here on there is no registry.
    _ = box.stopDaemon()
    try FileManager.default.moveItem(atPath: box.registry, toPath: box.registry + ".away")
    let checked = try box.countersign("proof", "check", proof, "--registry-id", id)
    for text in [
      "user:bob approved it", "checked", "agent:deploy-bot signed the action deploy",
      "user:alice > agent:deploy-bot", "policy p@v1", "goes back", "deciding service's word",
    ] {
      #expect(checked.output.contains(text), "\(text): \(checked.output)")
    }
    let script = SharedSuites.root.appendingPathComponent("Tests/EndToEndTests/proof_check.py").path
    let python = try box.shell("python3 \(script) \(proof) \(id)")
    #expect(python.status == 0 && python.output.contains("ok decision.made"), "\(python.errors)")
    let other = try box.countersign(
      "proof", "check", proof, "--registry-id", String(repeating: "0", count: 64), expect: 5)
    #expect(other.output.contains("BAD"))
    // Any changed byte of what is proven is found by both.
    let text = try String(contentsOfFile: proof, encoding: .utf8)
    var random = SystemRandomNumberGenerator()
    var found = 0
    for _ in 0..<12 {
      var bytes = Array(text.utf8)
      let start = text.utf8.count / 10
      let at = Int.random(in: start..<bytes.count - 200, using: &random)
      guard bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "=") else { continue }
      bytes[at] = bytes[at] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      let path = "\(box.home)/bad.json"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let swift = try box.countersign("proof", "check", path, "--registry-id", id, expect: nil)
      let script = try box.shell("python3 \(script) \(path) \(id)")
      #expect(swift.status == 5, "byte \(at)")
      #expect(script.status != 0, "byte \(at)")
      found += 1
    }
    #expect(found > 0)
  }

  @Test("a backup put back serves nothing until the admin quorum has said so")
  func restore() throws {
    let grant = try working()
    let backup = "\(box.home)/backup.db"
    _ = try act(grant, on: "prod://payments/docs", expect: 0)
    let id = try #require(try read("settings", "show")["id"]?.string?.text)
    try box.countersign("backup", backup, "--registry", box.registry)
    let held = try act(grant, on: "prod://payments/api", expect: 4)
    #expect(held["hold"] != nil)
    let key = try #require(
      try read("key", "list", "--holder", "agent:deploy-bot").array?.first?["key"]?.string?.text)
    try box.asUser("alice", "key", "revoke", key, "--reason", "compromised", "--yes")
    _ = box.stopDaemon()
    // Yesterday's file simply copied back is refused: this account has seen more.
    try FileManager.default.copyItem(
      atPath: box.registry, toPath: "\(box.home)/today.db")
    try FileManager.default.removeItem(atPath: box.registry)
    try FileManager.default.copyItem(atPath: backup, toPath: box.registry)
    let refused = try box.countersign("settings", "show", "--registry", box.registry, expect: 1)
    #expect(refused.errors.contains("log_truncated"))
    try FileManager.default.removeItem(atPath: box.registry)
    try FileManager.default.moveItem(atPath: "\(box.home)/today.db", toPath: box.registry)
    // Put back as it should be.
    let restored = try json(
      try box.countersign(
        "restore", backup, "--yes", "--json", "--registry", box.registry))
    let forgotten = restored["forgotten"]?.array?.compactMap { $0.string?.text } ?? []
    #expect(forgotten.contains { $0.contains("revoked key \(key)") }, "\(forgotten)")
    let lost = try #require(restored["lost"])
    // A daemon that never saw more opens it, and serves nothing.
    try box.startDaemon(asStranger: id)
    let blocked = try box.countersign(
      "act", "deploy", "prod://payments/docs", "--agent", "agent:deploy-bot", "--key",
      "\(box.home)/bot.pem", "--grant", grant, "--socket", box.socket, expect: 1)
    #expect(blocked.errors.contains("registry_restored"), "\(blocked.errors)")
    _ = box.stopDaemon()
    let root = hexadecimal(base64: lost["root"]?.string?.text ?? "")
    let size = "\(lost["size"]?.integer ?? 0)"
    let small = try box.asUser(
      "alice", "log", "confirm-restore", "--lost-size", "3", "--lost-root", root, "--reason", "x",
      expect: 1)
    #expect(small.errors.contains("lost_too_small"))
    let proposed = try box.asUser(
      "alice", "log", "confirm-restore", "--lost-size", size, "--lost-root", root, "--reason",
      "disk died", "--json")
    let digest = try #require(try json(proposed)["statement"]?.string?.text)
    try box.asUser("carol", "proposals", "sign", digest, "--yes")
    try box.startDaemon()
    _ = try act(grant, on: "prod://payments/docs", expect: 0)
    #expect(try read("holds", "list").array?.isEmpty == true)
    try box.countersign("log", "verify", "--registry", box.registry)
  }
}

/// 32 bytes of base64 as hexadecimal digits.
private func hexadecimal(base64 text: String) -> String {
  (Data(base64Encoded: text) ?? Data()).map { String(format: "%02x", $0) }.joined()
}
