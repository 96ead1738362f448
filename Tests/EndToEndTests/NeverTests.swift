import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// What may never happen, a test for each line; those about votes and bytes stand in
/// `AuthorityTests/NeverTests.swift`.
@Suite("what may never happen, over real processes", .serialized)
struct NeverEndToEndTests {
  let box: Sandbox
  let grant: String

  init() throws {
    box = try Sandbox()
    grant = try SurvivalTests.company(box)
  }

  func act(_ more: [String] = []) throws -> Sandbox.Outcome {
    try box.program(
      [
        "act", "note", "log://notes/a", "--agent", "agent:bot", "--key", "\(box.home)/bot.pem",
        "--grant", grant, "--socket", box.socket, "--json",
      ] + more)
  }

  @Test("never: a decision answered but not durable")
  func durable() throws {
    let outcome = try box.tool("soak", ["kills", "2"])
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
  }

  @Test("never: a lost entry after kill -9")
  func killed() throws {
    var indexes: [Int64] = []
    for _ in 0..<3 {
      try box.startDaemon()
      for _ in 0..<3 {
        let answer = try JSONParser.parse(Array(try act().output.utf8))
        indexes.append(try #require(answer["log_index"]?.integer))
      }
      box.killDaemon()
    }
    #expect(indexes == Array(indexes[0]..<indexes[0] + 9))
    let verified = try box.countersign("log", "verify", "--registry", box.registry)
    #expect(verified.output.contains("ok "))
  }

  @Test("never: a decision from an edited row")
  func editedRows() throws {
    try box.startDaemon()
    let edits = [
      "UPDATE grant_link SET revoked = 1", "DELETE FROM policy", "UPDATE key SET revoked = 1",
      "UPDATE agent SET owner = 'user:mallory'", "DELETE FROM service",
      "INSERT INTO operator VALUES ('user:mallory', x'00', 'admin', '', '[]', 0)",
    ]
    for edit in edits {
      #expect(try box.shell("sqlite3 \(box.registry) \"\(edit)\"").status == 0)
      let answer = try JSONParser.parse(Array(try act().output.utf8))
      #expect(answer["verdict"]?.string == "allow", "\(edit)")
    }
    let verified = try box.countersign("log", "verify", "--registry", box.registry, expect: 5)
    #expect(verified.output.contains("BAD"))
  }

  @Test("never: a command is stopped by a row that cannot be, or gives it out as checked")
  func impossibleRows() throws {
    try box.startDaemon()
    for _ in 0..<2 { #expect(try act().status == 0) }
    _ = box.stopDaemon()
    let original = try Data(contentsOf: URL(fileURLWithPath: box.registry))
    let edits = [
      "UPDATE decision SET idx = -7 WHERE idx = (SELECT max(idx) FROM decision)",
      "INSERT INTO entry SELECT -1, bytes FROM entry LIMIT 1",
      "UPDATE entry SET idx = 9223372036854775807 WHERE idx = (SELECT max(idx) FROM entry)",
      "INSERT INTO restoration VALUES (-1)", "INSERT INTO tile VALUES (0, -1, zeroblob(8192))",
      "INSERT INTO checkpoint SELECT -1, note FROM checkpoint",
      "INSERT INTO erasure SELECT action, -1, 'x', 0 FROM decision",
    ]
    for edit in edits {
      try original.write(to: URL(fileURLWithPath: box.registry))
      #expect(try box.shell("sqlite3 \(box.registry) \"\(edit)\"").status == 0)
      for command in [
        ["doctor"], ["log", "export"],
        ["log", "tiles", "--out", "\(box.home)/t\(UUID().uuidString)"],
        ["decisions", "list", "--json"], ["holds", "list", "--all"], ["log", "receipt", "3"],
        ["log", "prove", "3"], ["log", "prove", "18446744073709551615"],
      ] {
        let outcome = try box.program(command + ["--registry", box.registry])
        #expect([0, 1, 5].contains(outcome.status), "\(edit): \(command): \(outcome.status)")
      }
      let verified = try box.program(["log", "verify", "--registry", box.registry])
      #expect(verified.status == 5, "\(edit): \(verified.output)\(verified.errors)")
    }
  }

  @Test("never: an export passes over a decision, or takes altered bytes for the log's")
  func alteredExport() throws {
    try box.startDaemon()
    for _ in 0..<3 { #expect(try act().status == 0) }
    _ = box.stopDaemon()
    let original = try Data(contentsOf: URL(fileURLWithPath: box.registry))
    let whole = try box.countersign("log", "export", "--registry", box.registry).output
    #expect(whole.split(separator: "\n").count == 3)
    for edit in [
      "DELETE FROM body WHERE digest = (SELECT action FROM decision LIMIT 1)",
      "UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE idx = (SELECT min(idx) FROM decision))"
        + " WHERE idx = (SELECT max(idx) FROM decision)",
    ] {
      try original.write(to: URL(fileURLWithPath: box.registry))
      #expect(try box.shell("sqlite3 \(box.registry) \"\(edit)\"").status == 0)
      let outcome = try box.program(["log", "export", "--registry", box.registry])
      #expect(outcome.status == 1 && !outcome.errors.isEmpty, "\(edit): \(outcome.output)")
    }
    let listed = try box.program(["decisions", "list", "--json", "--registry", box.registry])
    #expect(listed.errors.contains("does not check"))
  }

  @Test("never: untrusted text reaching the terminal unescaped")
  func hostileText() throws {
    try box.startDaemon()
    let hostile = "\u{1B}]52;c;aGk=\u{07}\u{1B}[2J\u{202E}\u{200B}\u{0085}x"
    _ = try act(["--param", "text=\(hostile)", "--justification", hostile])
    let signed = try box.program(
      [
        "lock", "place", "git://repo/x", "--reason", hostile, "--yes", "--registry", box.registry,
        "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
      ], input: "a\n")
    #expect(signed.status == 0, "\(signed.errors)")
    _ = try box.program(
      [
        "agent", "update", "agent:bot", "--roles", hostile, "--registry", box.registry, "--key",
        "\(box.home)/alice.key", "--passphrase-fd", "0",
      ], input: "a\n")
    let views = [
      ["lock", "list"], ["agent", "list"], ["agent", "show", "agent:bot"], ["decisions", "list"],
      ["holds", "list", "--all"], ["key", "list"], ["grant", "list"], ["policy", "list"],
      ["proposals", "list", "--all"], ["reviews", "list", "--all"], ["operator", "list"],
      ["agent", "can", "agent:bot"], ["who", "note", "log://notes/a"], ["doctor"],
      ["grant", "show", grant], ["settings", "show"],
    ]
    for view in views {
      let outcome = try box.program(view + ["--registry", box.registry])
      for scalar in (outcome.output + outcome.errors).unicodeScalars {
        let isSafe =
          scalar == "\n"
          || !(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            || (0x200B...0x200F).contains(scalar.value) || (0x202A...0x202E).contains(scalar.value)
            || (0x2066...0x2069).contains(scalar.value))
        #expect(isSafe, "\(view): U+\(String(scalar.value, radix: 16))")
        if !isSafe { break }
      }
    }
  }

  @Test("never: a secret in a log, error, crash dump or process list")
  func secrets() throws {
    let passphrase = "correct-horse-\(UUID().uuidString)"
    try box.countersign(
      "key", "new", "--operator", "user:zoe", "--out", "\(box.home)/zoe.key",
      passphrase: passphrase)
    let wrong = try box.program(
      [
        "lock", "place", "everything", "--reason", "x", "--yes", "--registry", box.registry,
        "--key",
        "\(box.home)/zoe.key", "--passphrase-fd", "0",
      ], input: passphrase + "no\n")
    #expect(wrong.status == 1 && !(wrong.output + wrong.errors).contains(passphrase))
    // A daemon that aborts leaves no core, and its memory is closed to its own account.
    let pem = try String(contentsOfFile: "\(box.home)/gw.pem", encoding: .utf8)
    let secret = pem.split(separator: "\n")[1]
    let aborted = try box.shell(
      """
      cd \(box.home) && ulimit -c unlimited
      countersignd --registry \(box.registry) --service service:gateway-1 --key gw.pem > d.log 2>&1 &
      pid=$!
      for i in $(seq 100); do [ -S \(box.socket) ] && break; sleep 0.1; done
      tr '\\0' ' ' < /proc/$pid/cmdline; tr '\\0' ' ' < /proc/$pid/environ
      kill -ABRT $pid; (sleep 20; kill -9 $pid) >/dev/null 2>&1 & wait $pid; echo "status $?"; kill %2
      cat d.log; ls core* 2>/dev/null
      """)
    #expect(!aborted.output.contains(secret) && !aborted.errors.contains(secret))
    #expect(!aborted.errors.contains("core dumped"), "\(aborted.errors)")
    #expect(aborted.output.contains("status 134"), "\(aborted.output)")
    // Another process of the same account may not read it either, unless it is root.
    let status = try box.shell("countersign paths > /dev/null; echo $?")
    #expect(status.output == "0\n")
  }

  @Test("never: a terminal left broken", arguments: ["TERM", "HUP", "QUIT", "INT"])
  func terminal(signal: String) throws {
    try box.tmux(
      "new-session", "-d", "-x", "80", "-y", "24",
      "bash --norc -c 'countersign --registry \(box.registry) --key \(box.home)/alice.key; echo ended; "
        + "stty -a | tr \";\" \"\\n\" | grep -E \"echo |icanon\"; sleep 30'")
    try box.see("Approvals")
    #expect(
      try box.shell("pkill -\(signal) -f '^countersign --registry \(box.registry)'").status == 0)
    try box.see("ended")
    let screen = box.screen
    #expect(!screen.contains("-echo ") && !screen.contains("-icanon"), "\(screen)")
  }
}
