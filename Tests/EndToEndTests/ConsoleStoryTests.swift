import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// Jobs done with the keyboard alone, on a real registry, without a terminal: each reads as a story.
@Suite(.serialized) struct ConsoleStoryTests {
  /// A sample company with holds waiting, made once by the demonstration itself.
  private func company() throws -> Sandbox {
    let box = try Sandbox()
    let made = try box.shell(
      "countersign demo --headless --seconds 2 --keep \(box.home)/demo --data "
        + SharedSuites.root.appendingPathComponent("sample-data").path)
    #expect(made.output.contains("left in"), "\(made.output)\(made.errors)")
    box.extraEnvironment["XDG_STATE_HOME"] = "\(box.home)/demo/state"
    // Whatever the fleet did on a busy machine: two holds, a read and a denial are there for sure.
    let asked = try box.shell(
      """
      cd \(box.home)/demo
      countersignd --registry registry.db --service service:gateway-1 \
        --key keys/DEMO-gateway-1.pem --socket s.sock --quiet & daemon=$!
      for n in $(seq 100); do [ -S s.sock ] && break; sleep 0.1; done
      act() { # agent, action, resource
        grant=$(countersign grant list --json --registry registry.db | python3 -c \
          "import json, sys
      print([g['grant'] for g in json.load(sys.stdin) if g['holder'] == 'agent:$1'][0])")
        countersign act "$2" "$3" --agent "agent:$1" --key "keys/DEMO-$1.pem" --grant "$grant" \
          --socket s.sock
      }
      act deploy-bot-7 deploy prod://payments/api; act deploy-bot-7 deploy prod://payments/api/eu
      act log-scout read logs://northgate/api/errors; act log-scout deploy prod://payments/api
      kill $daemon; wait $daemon; rm -f s.sock
      """)
    #expect(asked.output.contains("hold") && asked.output.contains("not_granted"), "\(asked)")
    return box
  }

  private func play(_ box: Sandbox, as name: String, _ script: String) throws -> String {
    try script.write(toFile: "\(box.home)/script", atomically: true, encoding: .utf8)
    let outcome = try box.countersign(
      "console", "--registry", "\(box.home)/demo/registry.db", "--key",
      "\(box.home)/demo/keys/DEMO-\(name).key", "--script", "\(box.home)/script", "--dump",
      "\(box.home)/dump")
    #expect(outcome.status == 0)
    return try String(contentsOfFile: "\(box.home)/dump", encoding: .utf8)
  }

  @Test func `holds are approved, denied, explained, and keys and locks do as they say`() throws {
    let box = try company()

    // Deny with a reason: five keys and the words.
    var screen = try play(
      box, as: "bob",
      """
      see HIGH
      press x
      see YOU SIGN
      type not tonight
      press Tab
      type demo
      press Tab Tab Enter
      see recorded as log entry
      see denied
      """)
    #expect(screen.contains("signed and recorded") && screen.contains("by user:bob"))

    // A wrong passphrase records nothing.
    screen = try play(
      box, as: "bob",
      """
      see HIGH
      press x
      see YOU SIGN
      type no
      press Tab
      type wrong
      press Tab Tab Enter
      see key_wrong_passphrase
      """)
    #expect(screen.contains("Deny"))

    // Why an agent was denied: to the decisions, filtered, Enter.
    screen = try play(
      box, as: "bob",
      """
      see Approvals
      command decisions /verdict:deny
      see DENY
      press Enter
      see verdict
      press G
      dump \(box.home)/why
      """)
    #expect(screen.contains("What would have let it through") || screen.contains("decided by"))

    // A leaked key: revoked, and what it did waits for review.
    screen = try play(
      box, as: "alice",
      """
      see Approvals
      command keys /holder:log-scout
      see agent:log-scout
      press r
      see DRY RUN
      press Tab Tab
      type leaked on build-02
      press Tab
      """ + "\ntype " + (try fingerprint(box, "agent:log-scout")) + """

        press Tab
        type demo
        press Tab Tab Enter
        see is revoked
        press Esc Esc 9
        see OWED
        """)
    #expect(screen.contains("review: action"))

    // A lock, seen in the list and in the tree, and lifted again.
    screen = try play(
      box, as: "carol",
      """
      see Approvals
      command agents /db-janitor
      see agent:db-janitor
      press L
      see a lock can be lifted again
      press Tab Tab
      type suspicious
      press Tab
      type demo
      press Tab Tab Enter
      see locked: agent:db-janitor
      press Esc
      see LOCK
      press Esc 5
      see ! locked
      press 0
      see in force
      press Enter
      see LIFTING
      press PgDn Tab
      type it was the backup job
      press Tab
      type demo
      press Tab Tab Enter
      see the lock is lifted
      """)
    #expect(screen.contains("recorded as log entry"))

    // Everything locked shows on every screen; an approver alone cannot lift it, and is told before.
    screen = try play(
      box, as: "bob",
      """
      see Approvals
      command everything
      see takes the admin quorum
      press Tab Tab
      type drill
      press Tab
      type everything
      press Tab
      type demo
      press Tab Tab Enter
      see EVERYTHING LOCKED
      press Esc 5
      see ! all locked
      press 0 Enter
      see LIFTING
      press PgDn
      see off: lifting everything takes an admin
      """)
    #expect(screen.contains("EVERYTHING LOCKED"))

    // The registry as it was, and back.
    screen = try play(
      box, as: "bob",
      """
      see Approvals
      command at 6
      see AS OF #6
      press 3
      see no agents yet
      command now
      press 3
      see agent:deploy-bot-7
      """)
    #expect(!screen.contains("AS OF"))

    // From the pager: a name, whole or in part, and what nobody knows.
    screen = try play(
      box, as: "bob",
      """
      see Approvals
      command deploy-bot
      see agent:deploy-bot-7
      command ffffffffffff
      see nothing on record is called ffffffffffff
      command who deploy prod://payments/api
      see with status 0
      """)
    #expect(screen.contains("countersign who deploy"))
    try box.countersign("log", "verify", "--registry", "\(box.home)/demo/registry.db")
  }

  private func fingerprint(_ box: Sandbox, _ holder: String) throws -> String {
    let listed = try box.countersign(
      "key", "list", "--json", "--holder", holder, "--registry", "\(box.home)/demo/registry.db")
    let key =
      try JSONParser.parse(Array(listed.output.utf8)).array?.first?["key"]?.string?.text ?? ""
    let digits = key.replacingOccurrences(of: "ed25519:", with: "")
    return "\(digits.prefix(4))-\(digits.dropFirst(4).prefix(4))"
  }

  @Test func `a script with a fault in it says where`() throws {
    let box = try Sandbox()
    try "press j\nprss k\n".write(toFile: "\(box.home)/bad", atomically: true, encoding: .utf8)
    let outcome = try box.countersign(
      "console", "--registry", "/nowhere", "--script", "\(box.home)/bad", expect: 1)
    #expect(outcome.errors.contains("bad:2: there is no step prss"))
  }
}
