import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// What must survive: full disks, limits, other people's accounts, several processes at once.
@Suite(.serialized) struct SurvivalTests {
  let box: Sandbox
  let grant: String

  init() throws {
    box = try Sandbox()
    grant = try SurvivalTests.company(box)
  }

  /// A registry with a service, an agent, a grant and a policy that lets everything through.
  static func company(_ box: Sandbox, extra: [String] = []) throws -> String {
    func alice(_ arguments: String...) throws -> String {
      let outcome = try box.program(
        arguments + [
          "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
        ], input: "a\n")
      #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
      return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let initial =
      ["init", "--as", "user:alice", "--may-grant", "note@log://notes/**"] + extra + [
        "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
      ]
    #expect(try box.program(initial, input: "a\n").status == 0)
    _ = try alice("service", "enroll", "service:gateway-1", "--out", "\(box.home)/gw.pem")
    _ = try alice("agent", "register", "agent:bot", "--roles", "x")
    try box.countersign("key", "new", "--out", "\(box.home)/bot.pem")
    _ = try alice("key", "enroll", "agent:bot", "--agent-key", "\(box.home)/bot.pem")
    let grant = try alice("grant", "issue", "agent:bot", "--can", "note@log://notes/**")
    try "package agent.authz\nallow if { input.action == \"note\" }\n".write(
      toFile: "\(box.home)/p.rego", atomically: true, encoding: .utf8)
    _ = try alice("policy", "publish", "p", "\(box.home)/p.rego")
    _ = try alice("policy", "activate", "p@v1")
    return grant
  }

  func act(_ text: String = "x") throws -> Sandbox.Outcome {
    try box.countersign(
      "act", "note", "log://notes/a", "--agent", "agent:bot", "--key", "\(box.home)/bot.pem",
      "--grant", grant, "--socket", box.socket, "--json", "--param", "text=\(text)", expect: nil)
  }

  /// Every action that was answered with allow is in the log, and the log verifies.
  func checkAnswered(_ actions: [String]) throws {
    let verified = try box.countersign("log", "verify", "--registry", box.registry, expect: 0)
    #expect(verified.output.contains("ok "))
    let listed = try box.countersign(
      "decisions", "list", "--json", "--limit", "100000", "--registry", box.registry)
    for action in actions { #expect(listed.output.contains(action)) }
  }

  @Test func `of two daemons that start at once for one socket, one serves at it`() throws {
    let script = """
      cd "\(box.home)"
      start() {
        countersignd --registry "\(box.registry)" --service service:gateway-1 --key gw.pem \
          --socket twice.sock --quiet > /dev/null 2>> said &
      }
      asked() { curl --silent --max-time 5 --unix-socket twice.sock http://localhost/healthz; }
      for round in $(seq 6); do
        start; first=$!
        start; second=$!
        # One of them ends, having found the other.
        for n in $(seq 100); do
          kill -0 "$first" 2> /dev/null && kill -0 "$second" 2> /dev/null || break
          sleep 0.1
        done
        for n in $(seq 100); do asked > /dev/null && break; sleep 0.1; done
        asked > /dev/null || echo "round $round: nobody answers"
        kill "$first" "$second" 2> /dev/null
        wait "$first" "$second"
      done
      grep -c 'another daemon serves' said
      """
    let outcome = try box.shell(script)
    #expect(!outcome.output.contains("nobody answers"), "\(outcome.output)\(outcome.errors)")
    let said = try String(contentsOfFile: "\(box.home)/said", encoding: .utf8)
    #expect(outcome.output.contains("6"), "each round one was refused: \(said)")
  }

  @Test("a full disk: nothing answered is lost, the fault names the cause, and space mends it")
  func diskFull() throws {
    let folder = "\(box.home)/small"
    let mounted = try box.shell(
      "mkdir -p \(folder) && mount -t tmpfs -o size=1200k none \(folder) && mv \(box.home)/r/* \(folder)/ "
        + "&& rmdir \(box.home)/r && ln -s small \(box.home)/r && fallocate -l 200k \(folder)/ballast"
    )
    guard mounted.status == 0 else {
      // Without the right to mount there is no small disk; say so rather than pass in silence.
      print("SKIPPED: no right to mount a tmpfs: \(mounted.errors)")
      return
    }
    defer { _ = try? box.shell("umount -l \(folder)") }
    try box.startDaemon()
    var answered: [String] = []
    var refused: Sandbox.Outcome?
    let text = (0..<200).map { _ in UUID().uuidString }.joined()
    for _ in 0..<200 where refused == nil {
      let outcome = try act(text)
      if outcome.status == 0 {
        let answer = try JSONParser.parse(Array(outcome.output.utf8))
        answered.append(try #require(answer["action"]?.string?.text))
      } else {
        refused = outcome
      }
    }
    #expect(answered.count > 5)
    let errors = try #require(refused).errors
    #expect(
      errors.contains("registry_disk_full") && errors.contains("free some space"), "\(errors)")
    let lock = try box.program(
      [
        "lock", "place", "everything", "--reason", "x", "--yes", "--registry", box.registry,
        "--key",
        "\(box.home)/alice.key", "--passphrase-fd", "0",
      ], input: "a\n")
    #expect(lock.status == 1 || lock.status == 0)
    unlink("\(folder)/ballast")
    if lock.status == 1 {
      #expect(lock.errors.contains("registry_disk_full"), "\(lock.errors)")
      let outcome = try act("small")
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    _ = box.stopDaemon()
    try checkAnswered(answered)
  }

  @Test("a limit on file sizes is a fault with a name, not a death")
  func fileSizeLimit() throws {
    let size =
      try FileManager.default.attributesOfItem(atPath: box.registry)[.size] as? Int ?? 0
    try box.startDaemon(fileSizeKiB: size / 1024 + 64)
    var answered: [String] = []
    var errors = ""
    let text = (0..<200).map { _ in UUID().uuidString }.joined()
    for _ in 0..<200 where errors.isEmpty {
      let outcome = try act(text)
      if outcome.status == 0 {
        let answer = try JSONParser.parse(Array(outcome.output.utf8))
        answered.append(try #require(answer["action"]?.string?.text))
      } else {
        errors = outcome.errors
      }
    }
    #expect(errors.contains("ulimit -f"), "\(answered.count) answered; \(errors)")
    #expect(box.stopDaemon() == 0, "the daemon lived")
    try checkAnswered(answered)
  }

  @Test("a registry held locked by another process: a sentence after 5 s, and nothing recorded")
  func locked() throws {
    let holder = try box.inBackground(
      "/usr/bin/sqlite3", [box.registry, "BEGIN IMMEDIATE;", ".shell sleep 60", "COMMIT;"])
    // The signals that tests block are blocked in what they start, too.
    defer { kill(holder.processIdentifier, SIGKILL) }
    usleep(500_000)
    let outcome = try box.program(
      [
        "lock", "place", "everything", "--reason", "x", "--yes", "--registry", box.registry,
        "--key",
        "\(box.home)/alice.key", "--passphrase-fd", "0",
      ], input: "a\n")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("registry_busy") && outcome.errors.contains("fuser"))
    kill(holder.processIdentifier, SIGKILL)
    holder.waitUntilExit()
    #expect(
      try box.countersign("lock", "list", "--json", "--registry", box.registry).output == "[]\n")
  }

  @Test("never: a daemon removes a file that is no socket")
  func socketPath() throws {
    let file = "\(box.home)/precious"
    try Data("x".utf8).write(to: URL(fileURLWithPath: file))
    for path in [file, box.registry, "\(box.home)/gw.pem"] {
      let outcome = try box.shell(
        "countersignd --registry \(box.registry) --service service:gateway-1 --key \(box.home)/gw.pem "
          + "--socket \(path)")
      #expect(outcome.status == 1 && outcome.errors.contains("no socket"), "\(outcome.errors)")
      #expect(FileManager.default.fileExists(atPath: path))
    }
  }

  @Test("never: a stranger's idle connections keep the daemon from deciding")
  func idleConnections() throws {
    try box.startDaemon()
    let script = """
      import socket, sys, time
      held = []
      for _ in range(3000):
          s = socket.socket(socket.AF_UNIX); s.settimeout(0.2)
          try:
              s.connect(sys.argv[1]); held.append(s)
          except OSError:
              break
      honest = held[0]
      for _ in range(3):
          honest.settimeout(20)
          honest.sendall(b"GET /healthz HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
          print(honest.recv(4096).decode().split("\\r\\n")[0])
          time.sleep(1.1)
      print(len(held))
      """
    try Data(script.utf8).write(to: URL(fileURLWithPath: "\(box.home)/idle.py"))
    let outcome = try box.shell("ulimit -n 8192; python3 \(box.home)/idle.py \(box.socket)")
    #expect(
      outcome.output.components(separatedBy: "HTTP/1.1 200").count == 4,
      "\(outcome.output)\(outcome.errors)")
    #expect(try act("after").status == 0)
    #expect(box.stopDaemon() == 0)
  }

  @Test("never: one account takes all the connections")
  func connectionsOfOneAccount() throws {
    try box.startDaemon(descriptors: 1024)
    let script = """
      import socket, sys, time
      held = []
      for _ in range(1500):
          s = socket.socket(socket.AF_UNIX); s.settimeout(0.5)
          try:
              s.connect(sys.argv[1]); held.append(s)
          except OSError:
              time.sleep(0.02)
      time.sleep(1)
      closed = 0
      for s in held:
          s.setblocking(False)
          try:
              closed += s.recv(1) == b""
          except BlockingIOError:
              pass
          except OSError:
              closed += 1
      print("left", len(held) - closed, "closed", closed, flush=True)
      time.sleep(6)
      """
    try Data(script.utf8).write(to: URL(fileURLWithPath: "\(box.home)/hold.py"))
    #expect(
      try box.shell("chmod 755 \(box.home) \(box.home)/r && chmod 777 \(box.socket)").status == 0)
    let outcome = try box.shell(
      """
      ulimit -n 8192
      setpriv --reuid=65534 --regid=65534 --clear-groups python3 \(box.home)/hold.py \(box.socket) &
      sleep 3
      countersign act note log://notes/beside --agent agent:bot --key \(box.home)/bot.pem \
        --grant \(grant) --socket \(box.socket) > /dev/null; echo "act $?"
      wait
      """)
    #expect(outcome.output.contains("act 0"), "\(outcome.output)\(outcome.errors)")
    // A quarter of what the daemon can have open is left to one account.
    #expect(outcome.output.contains("left 224 "), "\(outcome.output)\(outcome.errors)")
    #expect(box.stopDaemon() == 0)
  }

  @Test("a read-only file system: listing works or says why, signing names the cause")
  func readOnly() throws {
    let folder = "\(box.home)/r"
    let mounted = try box.shell(
      "mount --bind \(folder) \(folder) && mount -o remount,bind,ro \(folder)")
    guard mounted.status == 0 else {
      print("SKIPPED: no right to mount: \(mounted.errors)")
      return
    }
    defer { _ = try? box.shell("umount -l \(folder)") }
    let outcome = try box.program(
      [
        "lock", "place", "everything", "--reason", "x", "--yes", "--registry", box.registry,
        "--key",
        "\(box.home)/alice.key", "--passphrase-fd", "0",
      ], input: "a\n")
    #expect(
      outcome.status == 1 && outcome.errors.contains("registry_unwritable"), "\(outcome.errors)")
    let list = try box.countersign("agent", "list", "--registry", box.registry, expect: nil)
    #expect(
      list.output.contains("agent:bot") || list.errors.contains("registry_unwritable"),
      "\(list.errors)")
    let doctor = try box.countersign("doctor", "--registry", box.registry, expect: 1)
    #expect(doctor.output.contains("read-only") || doctor.output.contains("BAD"))
  }

  @Test("a damaged page is named, and nothing is decided on it")
  func damagedPage() throws {
    try box.startDaemon()
    _ = try act()
    _ = box.stopDaemon()
    let file = try #require(FileHandle(forUpdatingAtPath: box.registry))
    let size = try file.seekToEnd()
    for page in stride(from: UInt64(4096), to: size, by: 4096) {
      try file.seek(toOffset: page + 100)
      try file.write(contentsOf: Data(repeating: 0xA5, count: 800))
    }
    try file.close()
    let outcome = try box.countersign("agent", "list", "--registry", box.registry, expect: nil)
    let verify = try box.countersign("log", "verify", "--registry", box.registry, expect: nil)
    #expect(verify.status == 5 || verify.status == 1, "\(verify.output)\(verify.errors)")
    #expect(
      (verify.output + verify.errors + outcome.errors).contains("damaged")
        || verify.output.contains("BAD"))
  }

  @Test("two daemons, three consoles and three commands at once: every answer is in one log")
  func many() throws {
    let alice = [
      "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
    ]
    #expect(
      try box.program(
        ["service", "enroll", "service:gateway-2", "--out", "\(box.home)/gw2.pem"] + alice,
        input: "a\n"
      ).status == 0)
    // The agent's side is told of the new service.
    try box.countersign(
      "key", "anchor", "--out", "\(box.home)/bot.pem.anchor", "--registry", box.registry)
    try box.startDaemon()
    let second = try box.inBackground(
      "countersignd",
      [
        "--registry", box.registry, "--service", "service:gateway-2", "--key",
        "\(box.home)/gw2.pem", "--socket", "\(box.home)/r/two.sock", "--quiet",
      ])
    for _ in 0..<100 where !FileManager.default.fileExists(atPath: "\(box.home)/r/two.sock") {
      usleep(100_000)
    }
    for console in 1...3 {
      try box.tmux(
        "new-session", "-d", "-s", "c\(console)", "-x", "80", "-y", "24",
        "countersign --registry \(box.registry) --key \(box.home)/alice.key")
    }
    let outcome = try box.shell(
      """
      run() { for i in 1 2 3 4 5 6; do
        countersign act note log://notes/$1$i --agent agent:bot --key \(box.home)/bot.pem \
          --grant \(grant) --socket $2 --json || exit 1; done; }
      run a \(box.socket) > \(box.home)/out1 &
      run b \(box.home)/r/two.sock > \(box.home)/out2 &
      for i in 1 2 3; do
        echo a | countersign lock place "git://repo/$i" --reason x --yes --registry \(box.registry) \
          --key \(box.home)/alice.key --passphrase-fd 0 &
      done
      wait
      """)
    for console in 1...3 {
      try box.tmux("send-keys", "-t", "c\(console)", "2")
      try box.see("log://notes/", in: "c\(console)")
      try box.tmux("send-keys", "-t", "c\(console)", "q")
    }
    second.terminate()
    second.waitUntilExit()
    _ = box.stopDaemon()
    let text = try ["out1", "out2"].map {
      try String(contentsOfFile: "\(box.home)/\($0)", encoding: .utf8)
    }.joined()
    let answers = text.split(separator: "\n").compactMap { try? JSONParser.parse(Array($0.utf8)) }
    #expect(answers.count == 12, "\(outcome.errors)")
    #expect(Set(answers.compactMap { $0["log_index"]?.integer }).count == 12)
    try checkAnswered(answers.compactMap { $0["action"]?.string?.text })
    #expect(
      try box.countersign("lock", "list", "--registry", box.registry).output.split(separator: "\n")
        .count == 4)
  }

  @Test("two real accounts share a registry by their group; one without access gets a sentence")
  func accounts() throws {
    let name = "cs" + String(UUID().uuidString.prefix(6)).lowercased()
    let made = try box.shell(
      "groupadd \(name) && for u in a b c; do useradd -m -d \(box.home)/$u \(name)$u; done && "
        + "usermod -G \(name) \(name)a && usermod -G \(name) \(name)b && chmod 755 \(box.home)")
    guard made.status == 0 else {
      print("SKIPPED: no right to add accounts: \(made.errors)")
      return
    }
    defer {
      _ = try? box.shell("for u in a b c; do userdel \(name)$u; done; groupdel \(name)")
    }
    let programs = SharedSuites.root.appendingPathComponent(".build/debug").path
    _ = try box.shell(
      "install -m 755 \(programs)/countersign \(box.home)/cs && mkdir -m 1777 \(box.home)/g")
    func run(_ user: String, _ command: String) throws -> Sandbox.Outcome {
      try box.shell(
        "cd / && setpriv --reuid=\(name)\(user) --regid=\(name)\(user) --init-groups env HOME=\(box.home)/\(user) "
          + "bash -c \(quoted("umask 077; " + command))")
    }
    let registry = "\(box.home)/g/r/registry.db"
    let cs = "\(box.home)/cs"
    let made2 = try run(
      "a",
      "echo a | \(cs) init --as user:alice --group \(name) --registry \(registry) --key $HOME/k --passphrase-fd 0"
    )
    #expect(made2.status == 0, "\(made2.errors)")
    let id = try #require(
      made2.output.split(separator: "\n").first { $0.hasPrefix("id") }?.split(separator: " ").last)
    #expect(
      try run(
        "b",
        "echo b | \(cs) key new --operator user:bob --out $HOME/k --passphrase-fd 0; "
          + "cp $HOME/k.pub \(box.home)/g/bob.pub; chmod 644 \(box.home)/g/bob.pub"
      ).status == 0)
    let enrolled = try run(
      "a",
      "echo a | \(cs) operator enroll user:bob --public \(box.home)/g/bob.pub --registry \(registry) --key $HOME/k --passphrase-fd 0"
    )
    #expect(enrolled.status == 0, "\(enrolled.errors)")
    let locked = try run(
      "b",
      "echo b | \(cs) lock place git://repo/x --reason x --yes --trust \(id) --registry \(registry) --key $HOME/k --passphrase-fd 0"
    )
    #expect(locked.status == 0, "\(locked.errors)")
    let stranger = try run("c", "\(cs) lock list --registry \(registry)")
    #expect(
      stranger.status == 1
        && (stranger.errors.contains("registry_unwritable")
          || stranger.errors.contains("registry_missing")),
      "\(stranger.errors)")
    // A member whose access is taken away but who may still read gets the read-only view.
    _ = try box.shell("chmod 2755 \(box.home)/g/r; chmod 644 \(registry)*")
    let reading = try run("c", "\(cs) lock list --registry \(registry)")
    #expect(
      reading.output.contains("git://repo/x") && reading.errors.contains("you may only read"),
      "\(reading.errors)")
    let writing = try run(
      "c",
      "cp \(box.home)/g/bob.pub .; echo c | \(cs) key new --operator user:carol --out $HOME/k --passphrase-fd 0; "
        + "echo c | \(cs) lock place everything --reason x --yes --trust \(id) --registry \(registry) --key $HOME/k --passphrase-fd 0"
    )
    #expect(writing.errors.contains("registry_unwritable"), "\(writing.errors)")
  }

  private func quoted(_ text: String) -> String {
    "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }

  @Test("byte flips, races and kills, a hundredth of the long run")
  func soak() throws {
    for run in ["flips 100", "races 30", "kills 2"] {
      let words = run.split(separator: " ").map(String.init)
      let outcome = try box.tool("soak", words)
      print(outcome.output.split(separator: "\n").last ?? "")
      #expect(outcome.status == 0, "\(run): \(outcome.output)\(outcome.errors)")
    }
  }
}
