import Foundation
import TestSupport
import Testing

/// The console on real terminals: many kinds of them, signals, crashes, a hang-up, plain lines.
@Suite(.serialized) struct ConsoleTerminalTests {
  /// A registry with a key and nothing waiting.
  private func box() throws -> Sandbox {
    let box = try Sandbox()
    try box.countersign(
      "init", "--as", "user:alice", "--registry", box.registry, "--key", "\(box.home)/alice.key",
      "--groups", "sre", passphrase: "apw")
    try box.countersign(
      "agent", "register", "agent:deploy-bot", "--roles", "deployer", "--registry", box.registry,
      "--key", "\(box.home)/alice.key", passphrase: "apw")
    return box
  }

  private func start(_ box: Sandbox, _ before: String = "", size: (Int, Int) = (80, 24)) throws {
    try box.tmux(
      "new-session", "-d", "-x", "\(size.0)", "-y", "\(size.1)",
      "stty -a > \(box.home)/before; \(before) countersign --registry \(box.registry) --key "
        + "\(box.home)/alice.key; echo ended $?; stty -a > \(box.home)/after; "
        + "cmp \(box.home)/before \(box.home)/after && echo same; sleep 60")
  }

  private func consoleID(_ box: Sandbox) throws -> Int32 {
    let found = try box.shell("pgrep -f '^countersign --registry \(box.registry)' | head -1")
    return try #require(Int32(found.output.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  @Test(arguments: ["xterm-256color", "tmux-256color", "screen", "linux", "vt100"])
  func `it runs and leaves the terminal as it was`(terminal: String) throws {
    let box = try box()
    try start(box, "TERM=\(terminal)")
    try box.see("Approvals")
    try box.see("nothing waits for approval")
    try box.press("3")
    try box.see("agent:deploy-bot")
    try box.press("q")
    try box.see("ended 0")
    try box.see("same")
    let on = try box.tmux("display", "-p", "#{alternate_on}#{mouse_sgr_flag}").output
    #expect(on.hasPrefix("00"))
  }

  @Test(arguments: ["INT", "TERM", "HUP", "QUIT", "ABRT", "SEGV", "ILL", "TRAP", "BUS", "FPE"])
  func `a signal ends it, and the terminal is as it was`(signal: String) throws {
    let box = try box()
    try start(box)
    try box.see("nothing waits for approval")
    _ = try box.shell("kill -\(signal) \(try consoleID(box))")
    let numbers = [
      "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "SEGV": 11,
      "TERM": 15,
    ]
    try box.see("ended \(128 + (numbers[signal] ?? 0))")
    try box.see("same")
    #expect(try box.tmux("display", "-p", "#{alternate_on}").output.hasPrefix("0"))
    if ["ABRT", "SEGV", "ILL", "TRAP", "BUS", "FPE"].contains(signal) {
      #expect(box.screen.contains("console.stderr"), "it names its report")
    }
  }

  @Test(arguments: ["screen stack", "worker stack", "screen trap", "worker trap"])
  func `a crash of its own leaves the terminal as it was, and names its report`(
    kind: String
  ) throws {
    let box = try box()
    try start(box, "COUNTERSIGN_CRASH='\(kind)'")
    try box.see("ended 1")
    try box.see("same")
    #expect(try box.tmux("display", "-p", "#{alternate_on}").output.hasPrefix("0"))
    #expect(box.screen.contains("console.stderr"), "it names its report")
  }

  @Test func `it stops and goes on with its screen`() throws {
    let box = try box()
    try box.tmux("new-session", "-d", "-x", "80", "-y", "24", "env PS1=ready: bash --norc")
    try box.type("countersign --registry \(box.registry) --key \(box.home)/alice.key")
    try box.press("Enter")
    try box.see("nothing waits for approval")
    try box.press("C-z")
    try box.see("Stopped")
    try box.type("fg")
    try box.press("Enter")
    try box.see("nothing waits for approval")
    try box.press("q")
    try box.see("ready:")
  }

  @Test func `it fits every size, and the smallest says what it needs`() throws {
    let box = try box()
    try start(box)
    try box.see("nothing waits for approval")
    for (width, height, words) in [
      (20, 5, "needs 60x18"), (60, 18, "Appr"), (300, 100, "Approvals"), (80, 24, "nothing waits"),
    ] {
      try box.tmux("resize-window", "-x", "\(width)", "-y", "\(height)")
      try box.see(words)
    }
    try box.press("q")
    try box.see("ended 0")
  }

  @Test func `a terminal that goes away ends it at once`() throws {
    let box = try box()
    try start(box)
    try box.see("nothing waits for approval")
    let process = try consoleID(box)
    _ = try box.shell("kill -9 $(ps -o ppid= -p \(process))")
    for _ in 0..<20 where kill(process, 0) == 0 { usleep(100_000) }
    #expect(kill(process, 0) != 0, "it is still there two seconds after its terminal")
  }

  @Test func `pasted lines run nothing`() throws {
    let box = try box()
    try start(box)
    try box.see("nothing waits for approval")
    try box.tmux("set-buffer", "q\r:q\raxrL\r")
    try box.tmux("paste-buffer", "-p")
    try box.see("pasted text is not a command")
    try box.press("q")
    try box.see("ended 0")
  }

  @Test func `noise on the line ends nothing and signs nothing`() throws {
    let box = try box()
    try start(box)
    try box.see("nothing waits for approval")
    let size = try box.shell("countersign log verify --json --registry \(box.registry)").output
    // One hundredth of what `scripts/soak` sends. Ctrl-C and q may leave; that is all they may do.
    _ = try box.shell(
      "head -c 1000 /dev/urandom | tr -d 'q\\032' > \(box.home)/noise; "
        + "tty=$(ps -o tty= -p \(try consoleID(box)) | tr -d ' '); cat \(box.home)/noise > /dev/null"
    )
    try box.tmux("load-buffer", "\(box.home)/noise")
    try box.tmux("paste-buffer")
    try box.press("Escape")
    usleep(600_000)
    try box.press("Escape", "Escape", "Escape")
    let after = try box.shell("countersign log verify --json --registry \(box.registry)").output
    #expect(size == after)
  }

  @Test func `line by line, a key is revoked and a wrong word signs nothing`() throws {
    let box = try box()
    try box.countersign("key", "new", "--out", "\(box.home)/bot.pem")
    try box.countersign(
      "key", "enroll", "agent:deploy-bot", "--agent-key", "\(box.home)/bot.pem", "--registry",
      box.registry, "--key", "\(box.home)/alice.key", passphrase: "apw")
    try box.tmux(
      "new-session", "-d", "-x", "100", "-y", "40",
      "ACCESSIBLE=1 countersign --registry \(box.registry) --key \(box.home)/alice.key; "
        + "echo ended $?; sleep 60")
    try box.see("countersign>")
    // The number of a row opens that row.
    try box.type("list agents")
    try box.press("Enter")
    try box.see("Agents: 1 row.")
    try box.type("open 1")
    try box.press("Enter")
    try box.see("roles: deployer")
    try box.type("list keys")
    try box.press("Enter")
    try box.see("1. key")
    try box.type("revoke 1")
    try box.press("Enter")
    try box.see("Which?")
    try box.press("Enter")
    try box.see("Compromised since (")
    try box.press("Enter")
    try box.see("Reason")
    try box.type("leak")
    try box.press("Enter")
    try box.see("to go on:")
    try box.type("something else")
    try box.press("Enter")
    try box.see("Nothing was signed.")
    let key =
      try box.shell(
        "countersign key list --holder agent:deploy-bot --registry \(box.registry) | tail -1"
      )
      .output.split(separator: " ").first.map(String.init) ?? ""
    let digits = key.replacingOccurrences(of: "ed25519:", with: "").replacingOccurrences(
      of: "-", with: "")
    try box.type("revoke 1")
    try box.press("Enter")
    try box.press("Enter", "Enter")
    try box.type("leak")
    try box.press("Enter")
    try box.type("\(digits.prefix(4))-\(digits.dropFirst(4).prefix(4))")
    try box.press("Enter")
    try box.see("Type revoke to sign")
    try box.type("revoke")
    try box.press("Enter")
    try box.see("Passphrase")
    try box.type("apw")
    try box.press("Enter")
    try box.see("is revoked")
    try box.type("quit")
    try box.press("Enter")
    try box.see("ended 0")
  }
}
