import CanonicalJSON
import Cells
import Fixtures
import Foundation
import TestSupport
import Testing

@testable import Commands

/// The demonstration, watched by a visitor: its queue stays short, its flood is stopped, it goes on.
@Suite(.serialized) struct DemoTests {
  private func start(_ box: Sandbox, _ session: String) throws {
    let data = SharedSuites.root.appendingPathComponent("sample-data").path
    try box.tmux(
      "new-session", "-d", "-s", session, "-x", "80", "-y", "24",
      "countersign demo --data \(data) --keep \(box.home)/demo; echo ended $?; sleep 60")
  }

  private func screen(_ box: Sandbox, _ session: String) throws -> String {
    try box.tmux("capture-pane", "-p", "-t", session).output
  }

  private func press(_ box: Sandbox, _ session: String, _ key: String) throws {
    try box.tmux("send-keys", "-t", session, key)
    usleep(100_000)
  }

  private func open(_ box: Sandbox) throws -> [String] {
    let listed = try box.shell(
      "countersign holds --json --registry \(box.home)/demo/registry.db 2>/dev/null")
    return (try? JSONParser.parse(Array(listed.output.utf8)))?.array?.compactMap {
      $0["state"] == "pending" ? $0["agent"]?.string?.text : nil
    } ?? []
  }

  @Test func `a flood is announced, stopped with a lock, and the same folder goes on`() throws {
    let box = try Sandbox()
    box.extraEnvironment["XDG_STATE_HOME"] = "\(box.home)/demo/state"
    try start(box, "one")
    try box.see("gateway-1 deciding", in: "one", seconds: 60)
    try box.see("floods the queue: select it, press L", in: "one", seconds: 90)
    var most = 0
    for _ in 0..<8 {
      most = max(most, try open(box).count)
      usleep(500_000)
    }
    #expect((3...8).contains(most), "\(most) holds were open at a time")
    #expect(try open(box).contains("agent:db-janitor"))
    // A second one finds the first at work.
    let second = try box.shell(
      "countersign demo --headless --seconds 1 --keep \(box.home)/demo --data "
        + SharedSuites.root.appendingPathComponent("sample-data").path)
    #expect(second.status == 1 && second.errors.contains("demo_running"), "\(second)")
    let locked = try box.shell(
      "echo demo | countersign lock place agent:db-janitor --reason flood --yes --registry "
        + "\(box.home)/demo/registry.db --key \(box.home)/demo/keys/DEMO-bob.key --passphrase-fd 0")
    #expect(locked.status == 0, "\(locked)")
    try box.see("agent:db-janitor is locked: the flood is over", in: "one", seconds: 60)
    #expect(try !open(box).contains("agent:db-janitor"))
    // `q` says what it ends; any other key stays.
    try press(box, "one", "q")
    try box.see("q again stops the daemon and the agents", in: "one")
    try press(box, "one", "j")
    try press(box, "one", "q")
    try box.see("q again stops", in: "one")
    #expect(try !screen(box, "one").contains("ended"))
    try press(box, "one", "q")
    try box.see("ended 0", in: "one", seconds: 30)
    #expect(try screen(box, "one").contains("go on with: countersign demo --keep"))
    let size = try box.shell(
      "countersign log verify --json --registry \(box.home)/demo/registry.db 2>/dev/null"
    ).output
    try start(box, "two")
    // Locked still: the story knows.
    try box.see("agent:db-janitor is locked: the flood is over", in: "two", seconds: 90)
    let later = try box.shell(
      "countersign log verify --json --registry \(box.home)/demo/registry.db 2>/dev/null"
    ).output
    func entries(_ text: String) -> Int64 {
      (try? JSONParser.parse(Array(text.utf8)))?["size"]?.integer ?? -1
    }
    #expect(entries(size) > 0 && entries(later) > entries(size), "\(size) then \(later)")
    try press(box, "two", "q")
    try press(box, "two", "q")
    try box.see("ended 0", in: "two", seconds: 30)
  }
}

/// What the demonstration takes an answer for.
@Suite struct FloodAnswerTests {
  private func meaning(_ verdict: JSONValue, _ code: JSONValue?) -> Fleet.FloodAnswer {
    Fleet.meaning(
      of: ["verdict": verdict, "reasons": .array(code.map { [["code": $0]] } ?? [])])
  }

  @Test func `a flood is over for the code that ends it, and no other answer begins it anew`() {
    #expect(meaning("hold", nil) == .held)
    #expect(meaning("deny", "locked") == .stopped("locked"))
    #expect(meaning("deny", "key_revoked") == .stopped("without a valid key"))
    #expect(meaning("deny", "chain_revoked") == .stopped("without its grant"))
    for code in ["too_many_holds", "clock_untrusted", "policy_denied"] as [JSONValue] {
      #expect(meaning("deny", code) == .other)
    }
    #expect(Fleet.meaning(of: ["error": "refused"]) == .other)
  }
}

/// What separates an action from its resource in a row cannot stand in either.
@Suite struct RowActionTests {
  @Test func `text of an agent cannot imitate the arrow between action and resource`() {
    #expect(
      ListRows.action("deploy>prod://x", on: "prod://y").text
        == "deploy<U+3E>prod://x\u{2192}prod://y")
    #expect(ListRows.action("deploy", on: "prod://y").text == "deploy\u{2192}prod://y")
  }
}
