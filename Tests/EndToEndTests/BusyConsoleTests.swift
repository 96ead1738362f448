import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// The console on a real terminal, beside a real daemon whose agents do not stop acting.
@Suite(.serialized) struct BusyConsoleTests {
  /// A fleet at work: some processes that ask for the same five deploys again and again.
  private final class Fleet {
    let box: Sandbox
    private var loops: [Process] = []

    /// `withOther`: Whether a second agent acts too, which goes on when the first is stopped.
    init(withOther: Bool = false) throws {
      box = try Sandbox()
      try "apw\n".write(toFile: "\(box.home)/apw", atomically: true, encoding: .utf8)
      try """
      package agent.authz
      require_approval if input.action == "deploy"
      approval := {"risk": "critical", "quorum": [{"group": "sre"}]} if {
        input.resource.uri == "prod://payments/ledger"
      }
      """.write(toFile: "\(box.home)/first.rego", atomically: true, encoding: .utf8)
      let made = try box.shell(
        """
        set -e
        cd \(box.home)
        as_alice() { countersign "$@" --registry \(box.registry) --key alice.key --passphrase-fd 3 3< apw; }
        as_alice init --as user:alice --groups sre --may-grant 'deploy@prod://payments/**'
        countersign key new --operator user:bob --out bob.key --passphrase-fd 3 3< apw
        as_alice operator enroll user:bob --public bob.key.pub --groups sre --roles admin,approver
        as_alice service enroll service:gateway-1 --out gw.pem
        as_alice resource register 'prod://payments/**' --type service --env production
        as_alice agent register agent:deploy-bot --roles deployer
        countersign key new --out bot.pem
        as_alice key enroll agent:deploy-bot --agent-key bot.pem
        as_alice grant issue agent:deploy-bot --can 'deploy@prod://payments/**' --until 30d > grant
        as_alice agent register agent:build-bot --roles deployer
        countersign key new --out build.pem
        as_alice key enroll agent:build-bot --agent-key build.pem
        as_alice grant issue agent:build-bot --can 'deploy@prod://payments/**' --until 30d > build
        as_alice policy publish first first.rego
        as_alice policy activate first@v1
        """)
      try #require(made.status == 0, "\(made.output)\(made.errors)")
      try box.startDaemon(more: ["--max-holds", "10000"])
      for number in 0..<3 {
        let (agent, key, grant) =
          withOther && number == 0
          ? ("agent:build-bot", "build.pem", "build") : ("agent:deploy-bot", "bot.pem", "grant")
        loops.append(
          try box.inBackground(
            "/bin/bash",
            [
              "-c",
              """
              grant=$(cat \(box.home)/\(grant))
              for i in $(seq \(number) 100000); do
                # A test that is killed must not leave its fleet behind.
                kill -0 $PPID 2> /dev/null || exit
                sleep 0.2
                countersign act --new deploy prod://payments/api-$((i % 5)) --agent \(agent) \\
                  --key \(box.home)/\(key) --grant $grant --socket \(box.socket) > /dev/null 2>&1
              done
              """,
            ]))
      }
      try box.startConsole(key: "\(box.home)/bob.key")
      // Every resource has its line of equal holds.
      for _ in 0..<900 {
        if box.screen.components(separatedBy: "\u{25B8} group").count >= 6 { break }
        usleep(100_000)
      }
      try box.see("\u{25B8} group")
    }

    // The threads that start processes here block SIGTERM, and a child inherits that.
    deinit { for loop in loops { kill(loop.processIdentifier, SIGKILL) } }

    /// The line that is highlighted.
    var highlighted: String {
      box.screen.split(separator: "\n").first { $0.hasPrefix(">") }.map(String.init) ?? ""
    }

    var pending: Int {
      box.screen.firstMatch(of: /need(?:s)? you \/ (\d+)/).flatMap { Int($0.output.1) } ?? 0
    }

    /// Waits until the log has grown by some entries, whatever is on the screen.
    func decides(_ entries: Int) throws {
      func size() -> Int {
        box.screen.firstMatch(of: /log OK #(\d+)/).flatMap { Int($0.output.1) } ?? 0
      }
      let before = size()
      for _ in 0..<600 {
        if size() >= before + entries { return }
        usleep(100_000)
      }
      Issue.record("the log did not grow by \(entries) entries:\n\(box.screen)")
    }

    /// Selects the first line that stands for several holds.
    func selectGroup() throws {
      try box.see("\u{25B8} group", seconds: 60)
      try box.press("g")
      for _ in 0..<9 {
        if highlighted.contains("\u{25B8} group") { return }
        try box.press("j")
      }
      Issue.record("no group can be selected:\n\(box.screen)")
    }

    /// Waits until a dialog that has just opened takes keys.
    func takesInput() throws {
      usleep(800_000)
      for _ in 0..<100 {
        if !box.screen.contains("Input enabled in") { return }
        usleep(100_000)
      }
      Issue.record("the dialog takes no keys:\n\(box.screen)")
    }

    /// Types the passphrase and presses the button of a dialog in which nothing else is missing.
    func sign() throws {
      try box.type("apw")
      try box.press("Enter")
      try box.see("Enter presses this button", seconds: 60)
      // A press counts only when it is a separate one.
      usleep(800_000)
      try box.press("Enter")
    }

    /// Runs a command that signs as alice, beside the console.
    func alice(_ command: String) throws -> String {
      let outcome = try box.shell(
        "cd \(box.home); countersign \(command) --registry \(box.registry) --key alice.key "
          + "--passphrase-fd 3 3< apw")
      #expect(outcome.status == 0, "\(command): \(outcome.output)\(outcome.errors)")
      return outcome.output
    }

    /// Asks once as the deploying agent; asked again, it finds what it asked before.
    func act(_ action: String, _ resource: String) throws -> Sandbox.Outcome {
      try box.shell(
        "cd \(box.home); countersign act \(action) \(resource) --agent agent:deploy-bot --key bot.pem "
          + "--grant $(cat grant) --socket \(box.socket)")
    }

    /// Filters the list on the screen, whose title then says so.
    func filter(_ text: String) throws {
      try box.press("/")
      try box.type(text)
      try box.see("\u{203A} /\(text)", seconds: 120)
      try box.press("Enter")
    }

    /// Reads a dialog to its end.
    func readAll() throws {
      for _ in 0..<60 {
        if !box.screen.contains(" unread") { return }
        try box.press("PageDown")
      }
      Issue.record("the text has no end:\n\(box.screen)")
    }

    /// Moves down until the highlighted line says something.
    func select(_ text: String) throws {
      try box.see(text, seconds: 120)
      try box.press("g")
      for _ in 0..<40 {
        if highlighted.contains(text) { return }
        try box.press("j")
      }
      Issue.record("no line with \(text) can be selected:\n\(box.screen)")
    }

    /// Closes a dialog that has signed.
    func signed(_ outcome: String) throws {
      try box.see(outcome, seconds: 120)
      try box.see("recorded as log entry", seconds: 120)
      try box.press("Escape")
      // A key that came at once would be read as one with Escape.
      for _ in 0..<300 {
        if !box.screen.contains("Esc closes") { return }
        usleep(100_000)
      }
      Issue.record("the dialog did not close:\n\(box.screen)")
    }

    /// Waits until more holds have come.
    func grows() throws {
      let before = pending
      for _ in 0..<300 {
        if pending > before { return }
        usleep(100_000)
      }
      Issue.record("no hold came any more:\n\(box.screen)")
    }
  }

  @Test func `Enter opens what is highlighted, whatever comes meanwhile`() throws {
    let fleet = try Fleet()
    let box = fleet.box
    for key in ["j", "k", "j"] { try box.press(key) }
    let group = fleet.highlighted
    // The end of the resource: a narrow column is cut in the middle.
    let resource = try #require(group.firstMatch(of: /i-\d/)).output
    try fleet.grows()
    #expect(fleet.highlighted.contains(resource), "the selection stays: \(fleet.highlighted)")
    // Unfolded, its holds stand below it one by one.
    try box.press("Enter")
    try box.see("\u{2514} deploy-bot", seconds: 60)
    try box.press("j", "j", "k")
    let line = fleet.highlighted
    #expect(line.contains("\u{2514} deploy-bot"))
    let id = try #require(line.firstMatch(of: /[0-9a-f]{8}/)).output
    try fleet.grows()
    #expect(fleet.highlighted.contains(id))
    try box.press("Enter")
    try box.see("Review \(id)", seconds: 60)
    try box.see(String(resource))
    try box.press("Escape")
    try box.see("need you /", seconds: 60)
    #expect(fleet.highlighted.contains(id))
  }

  @Test func `a filter typed while holds arrive keeps every letter and shows what matches`() throws
  {
    let fleet = try Fleet()
    let box = fleet.box
    try box.press("/")
    for letter in "action:api-3" {
      try box.type(String(letter))
      usleep(250_000)
    }
    try box.see("\u{203A} /action:api-3", seconds: 60)
    try fleet.grows()
    #expect(box.screen.contains("\u{203A} /action:api-3"))
    try box.press("Enter")
    let rows = box.screen.split(separator: "\n").filter {
      $0.contains("deploy-bot") && $0.contains("\u{2192}")
    }
    #expect(!rows.isEmpty && rows.allSatisfy { $0.contains("api-3") }, "\(box.screen)")
  }

  @Test func `a group is denied together while its agent goes on`() throws {
    let fleet = try Fleet()
    let box = fleet.box
    try box.press("/")
    try box.type("api-2")
    try box.press("Enter")
    try box.see("\u{203A} /api-2", seconds: 60)
    try fleet.selectGroup()
    try box.press("x")
    try box.see("GETS ITS OWN DENIAL", seconds: 60)
    let count = try #require(box.screen.firstMatch(of: /Deny (\d+) holds/)).output.1
    usleep(1_200_000)
    try box.type("not during the freeze")
    try box.press("Tab")
    try box.type("apw")
    try box.press("Tab", "Tab", "Enter")
    try box.see("denied \(count) of \(count)", seconds: 60)
    let ended = try box.shell(
      "countersign holds list --all --json --registry \(box.registry) | grep -o '\"denied\"' | wc -l"
    ).output.trimmingCharacters(in: .whitespacesAndNewlines)
    #expect(ended == String(count), "each has a denial of its own")
  }

  @Test func `what was read at one size counts as read at another while holds arrive`() throws {
    let fleet = try Fleet()
    let box = fleet.box
    try fleet.selectGroup()
    try box.press("Enter")
    try box.see("\u{2514} ", seconds: 60)
    try box.press("j", "Enter")
    try box.see("Review ", seconds: 60)
    try fleet.takesInput()
    for _ in 0..<20 {
      if !box.screen.contains(" unread") { break }
      try box.press("PageDown")
    }
    #expect(!box.screen.contains(" unread"), "\(box.screen)")
    try box.tmux("resize-window", "-x", "120", "-y", "40")
    try fleet.decides(10)
    #expect(!box.screen.contains(" unread"), "\(box.screen)")
    try box.tmux("resize-window", "-x", "60", "-y", "18")
    try fleet.decides(10)
    #expect(!box.screen.contains(" unread"), "\(box.screen)")
    try box.tmux("resize-window", "-x", "80", "-y", "24")
    try box.press("Enter")
    try box.see("Disabled: enter the passphrase", seconds: 60)
  }

  @Test func `the acting key is revoked, then everything is locked`() throws {
    let fleet = try Fleet(withOther: true)
    let box = fleet.box
    try box.press("4")
    try box.see("agent:deploy-bot", seconds: 60)
    try box.press("j")
    let key = try #require(fleet.highlighted.firstMatch(of: /[0-9a-f]{4}-[0-9a-f]{4}/)).output
    #expect(fleet.highlighted.contains("agent:deploy-bot"), "\(box.screen)")
    try box.press("r")
    try box.see("type \(key)", seconds: 60)
    try fleet.takesInput()
    try fleet.decides(10)
    try box.press("Enter")
    try box.type(String(key))
    try box.press("Enter")
    try fleet.decides(10)
    try fleet.sign()
    try box.see("recorded as log entry", seconds: 60)
    try box.press("Escape")
    // The other agent goes on.
    try fleet.decides(10)
    try box.command("lockdown")
    try box.see("type everything", seconds: 60)
    try fleet.takesInput()
    try box.press("Enter")
    try box.type("everything")
    try box.press("Enter")
    try fleet.decides(10)
    try fleet.sign()
    try box.see("EVERYTHING LOCKED", seconds: 60)
    try fleet.signed("recorded as log entry")
    // Lifted, the agents go on.
    try box.press("0")
    try fleet.select("everything")
    try box.press("Enter")
    try box.see("Access resumes immediately", seconds: 120)
    try fleet.takesInput()
    try box.type("it was the backup job")
    try box.press("Enter")
    try fleet.sign()
    try fleet.signed("the lock is lifted")
    try fleet.decides(10)
    #expect(!box.screen.contains("EVERYTHING LOCKED"), "\(box.screen)")
  }

  @Test
  func `a critical hold is approved, another denied, and what came of both is told and proved`()
    throws
  {
    let fleet = try Fleet()
    let box = fleet.box
    // Approve a critical hold.
    #expect(try fleet.act("deploy", "prod://payments/ledger").status == 4)
    try fleet.filter("ledger")
    try fleet.select("!! CRIT")
    try box.press("Enter")
    try box.see("Review ", seconds: 120)
    try fleet.takesInput()
    try fleet.readAll()
    try box.press("Enter")
    try box.type("INC-2041")
    try box.press("Enter")
    try box.type("prod://payments/ledger")
    try box.press("Enter")
    try fleet.sign()
    try fleet.signed("recorded as log entry")
    try box.press("Escape")
    // Deny one hold of a group, with a reason.
    try fleet.filter("api-2")
    try fleet.selectGroup()
    try box.press("Enter")
    try box.see("\u{2514} deploy-bot", seconds: 120)
    try box.press("j", "x")
    try box.see("Review ", seconds: 120)
    try fleet.takesInput()
    try box.type("not tonight")
    try box.press("Enter")
    try fleet.sign()
    try fleet.signed("denied")
    // Why another action was denied.
    #expect(try fleet.act("drop", "prod://payments/ledger").status == 3)
    try box.press("2")
    try fleet.filter("drop")
    try fleet.select("DENY")
    try box.press("Enter")
    try box.see("Explain decision", seconds: 120)
    try box.see("not_granted", seconds: 120)
    try box.press("Escape")
    try box.see("\u{203A} /drop", seconds: 120)
    try box.press("Escape")
    // Who approved what was released within the hour.
    #expect(try fleet.act("deploy", "prod://payments/ledger").status == 0)
    try fleet.filter("by:bob since:1h")
    try fleet.select("release")
    try box.press("Enter")
    try box.see("approved by user:bob", seconds: 120)
    try box.press("Escape")
    try box.see("\u{203A} /by:bob since:1h", seconds: 120)
    // Prove it, to whoever has the file and the registry's id alone.
    try box.press("e")
    try box.see("exit status 0", seconds: 120)
    let proofs = try FileManager.default.contentsOfDirectory(atPath: box.home).filter {
      $0.hasPrefix("proof-")
    }
    let proof = try #require(proofs.first)
    #expect(box.screen.contains("\(box.home)/\(proof)"), "\(box.screen)")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(box.home)/\(proof)"))
    let id = try #require(try JSONParser.parse(Array(bytes))["registry"]?.string?.text)
    let checked = try box.shell(
      "countersign proof check \(box.home)/\(proof) --registry-id \(id)")
    #expect(checked.status == 0, "\(checked)")
    #expect(checked.output.contains("user:bob"), "\(checked.output)")
  }

  @Test func `who can deploy is told, a policy put in force and a key rotated while agents act`()
    throws
  {
    let fleet = try Fleet(withOther: true)
    let box = fleet.box
    try """
    package agent.authz
    # The same, under another name.
    require_approval if input.action == "deploy"
    """.write(toFile: "\(box.home)/second.rego", atomically: true, encoding: .utf8)
    _ = try fleet.alice("policy publish second second.rego")
    let asked = try box.shell(
      """
      cd \(box.home); countersign key new --out next.pem
      countersign key request agent:build-bot --agent-key next.pem --replaces build.pem \
        --note yearly --socket \(box.socket)
      """)
    #expect(asked.status == 0, "\(asked)")
    // Who can deploy.
    try box.command("who deploy prod://payments/api-1")
    try box.see("agent:deploy-bot", seconds: 120)
    try box.see("agent:build-bot", seconds: 120)
    try box.press("Escape")
    // Put a policy in force: the cursor stays on it.
    try box.press("6")
    try fleet.select("second@v1")
    try box.press("a")
    try box.see("Activate second@v1", seconds: 120)
    try fleet.takesInput()
    try fleet.decides(10)
    try fleet.readAll()
    try box.press("Enter")
    try fleet.sign()
    try fleet.signed("second@v1 is in force")
    try fleet.decides(10)
    #expect(fleet.highlighted.contains("second@v1"), "\(box.screen)")
    #expect(fleet.highlighted.contains("ACTIVE"), "\(box.screen)")
    // Rotate a key, as its agent asked.
    try box.press("4")
    try fleet.filter("holder:build-bot")
    try fleet.select("agent:build-bot")
    try box.press("a")
    try box.see("Rotate the key of agent:build-bot", seconds: 120)
    try fleet.takesInput()
    try fleet.readAll()
    try fleet.sign()
    try fleet.signed("agent:build-bot now has key")
    // It is listed under who signed its rotation.
    try box.press("/")
    try box.type(" by:bob")
    try box.see("\u{203A} /holder:build-bot by:bob", seconds: 120)
    try box.press("Enter")
    try fleet.select("agent:build-bot")
    #expect(fleet.highlighted.contains("user:bob"), "\(box.screen)")
  }
}
