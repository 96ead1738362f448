import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// Jobs done with the keyboard alone, on a real registry, without a terminal: each reads as a story.
@Suite(.serialized) struct ConsoleStoryTests {
  /// A sample company with holds waiting, made by the demonstration itself, with its daemon running.
  private final class Company {
    let box: Sandbox
    private var children: [Process] = []

    // The threads that start processes here block SIGTERM, and a child inherits that.
    deinit { for child in children { kill(child.processIdentifier, SIGKILL) } }

    init() throws {
      box = try Sandbox()
      let made = try box.shell(
        "countersign demo --headless --seconds 2 --keep \(box.home)/demo --data "
          + SharedSuites.root.appendingPathComponent("sample-data").path)
      #expect(made.output.contains("left in"), "\(made.output)\(made.errors)")
      box.extraEnvironment["XDG_STATE_HOME"] = "\(box.home)/demo/state"
      try start(
        """
        exec countersignd --registry registry.db --service service:gateway-1 \
          --key keys/DEMO-gateway-1.pem --socket s.sock --max-holds 10000 --quiet
        """)
      // Whatever the demonstration's agents did on a busy machine: two holds, a read and a denial are
      // there for sure.
      let asked = try box.shell(
        """
        cd \(box.home)/demo
        for n in $(seq 300); do [ -S s.sock ] && break; sleep 0.1; done
        countersign grant list --json --registry registry.db > grants
        waits() { # agent, action, resource
          countersign holds list --json --registry registry.db | python3 -c "import json, sys
        sys.exit(not any([h['agent'], h['action'], h['resource']] == ['agent:$1', '$2', '$3']
          for h in json.load(sys.stdin)))"
        }
        cat > act << 'END'
        # agent, action, resource, options
        grant=$(python3 -c "import json
        print([g['grant'] for g in json.load(open('grants')) if g['holder'] == 'agent:$1'][0])")
        agent=$1; shift
        exec countersign act "$@" --agent "agent:$agent" --key "keys/DEMO-$agent.pem" \
          --grant "$grant" --socket s.sock
        END
        act() { # so that one of them waits, and not a group of two
          waits "$1" "$2" "$3" || bash act "$@"
        }
        act db-janitor schema.drop db://ledger/v1
        for place in api api/eu api/us api/ap; do act deploy-bot-7 deploy prod://payments/$place; done
        act log-scout read logs://northgate/api/errors; act log-scout deploy prod://payments/api
        """)
      #expect(asked.output.contains("hold") && asked.output.contains("not_granted"), "\(asked)")
    }

    /// Starts agents that act until the test ends: the leaked one that is denied, one that reads, and
    /// those whose actions wait, one of them again and again for one resource.
    func putToWork() throws {
      for actions in [
        ["log-scout deploy prod://payments/api", "deploy-bot-7 deploy prod://payments/api/jp"],
        [
          "log-scout read logs://northgate/api/errors",
          "secrets-bot secret.rotate prod://payments/k$i",
        ],
        ["db-janitor schema.drop db://ledger/v2", "code-reviewer comment git://northgate/pull/9"],
      ] {
        try start(
          """
          for i in $(seq 100000); do
          \(actions.map { "  bash act \($0) --new; sleep 0.2" }.joined(separator: "\n"))
            # A test that is killed must not leave its agents behind.
            kill -0 $PPID 2> /dev/null || exit
          done
          """)
      }
    }

    private func start(_ script: String) throws {
      children.append(try box.inBackground("/bin/bash", ["-c", "cd \(box.home)/demo; \(script)"]))
    }

    /// How many entries the log has.
    func size() throws -> Int {
      let verified = try box.countersign(
        "log", "verify", "--json", "--registry", "\(box.home)/demo/registry.db")
      return Int(try JSONParser.parse(Array(verified.output.utf8)).object?["size"]?.integer ?? 0)
    }
  }

  /// A job: who does it, how many keys it takes besides what is typed, and the keys.
  private struct Job {
    let name: String
    let person: String
    let keys: Int
    let script: String

    init(_ file: URL) throws {
      name = file.deletingPathExtension().lastPathComponent
      script = try String(contentsOf: file, encoding: .utf8)
      let head = try #require(script.firstMatch(of: /# as (\w+), (\d+) keys/))
      (person, keys) = (String(head.output.1), try #require(Int(head.output.2)))
    }

    /// A key is what is pressed, `:` and Enter for a command; letters of words are not counted.
    var counted: Int {
      script.split(separator: "\n").reduce(0) { sum, line in
        let words = line.split(separator: " ")
        return sum + (words.first == "press" ? words.count - 1 : words.first == "command" ? 2 : 0)
      }
    }
  }

  @Test func `each job is done with the keys it says, while the agents act`() throws {
    let company = try Company()
    let box = company.box
    try company.putToWork()
    let folder = SharedSuites.root.appendingPathComponent("Tests/EndToEndTests/Tasks")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil
    ).sorted { $0.lastPathComponent < $1.lastPathComponent }
    #expect(files.count >= 10)
    let leaked = try fingerprint(box, "agent:log-scout")
    var (before, grew) = (try company.size(), [String]())
    for file in files {
      let job = try Job(file)
      #expect(job.counted == job.keys, "\(job.name)")
      try job.script.replacingOccurrences(of: "{fingerprint agent:log-scout}", with: leaked)
        .write(toFile: "\(box.home)/script", atomically: true, encoding: .utf8)
      let outcome = try box.countersign(
        "console", "--registry", "\(box.home)/demo/registry.db", "--key",
        "\(box.home)/demo/keys/DEMO-\(job.person).key", "--script", "\(box.home)/script", "--dump",
        "\(box.home)/dump", expect: nil)
      let screen = (try? String(contentsOfFile: "\(box.home)/dump", encoding: .utf8)) ?? ""
      #expect(outcome.status == 0, "\(job.name): \(outcome.errors)\n\(screen)")
      let after = try company.size()
      if after > before + 2 { grew.append(job.name) }
      before = after
    }
    // Each job signs one entry at most: the others are the agents'. The shortest jobs may see none.
    #expect(grew.count >= files.count - 4, "the agents acted during \(grew) only")
    // Opened from a pager, it takes none.
    try "see agent:deploy-bot-7\n".write(
      toFile: "\(box.home)/script", atomically: true, encoding: .utf8)
    try box.countersign(
      "console", "deploy-bot-7", "--registry", "\(box.home)/demo/registry.db", "--key",
      "\(box.home)/demo/keys/DEMO-bob.key", "--script", "\(box.home)/script")
    try box.countersign("log", "verify", "--registry", "\(box.home)/demo/registry.db")
  }

  @Test func `a wrong passphrase records nothing`() throws {
    let company = try Company()
    let box = company.box
    try """
    see HIGH
    press j x
    see YOU SIGN
    wait 800
    type no
    press Enter
    type wrong
    press Enter Enter
    see key_wrong_passphrase
    """.write(toFile: "\(box.home)/script", atomically: true, encoding: .utf8)
    let before = try box.countersign(
      "log", "verify", "--json", "--registry", "\(box.home)/demo/registry.db")
    try box.countersign(
      "console", "--registry", "\(box.home)/demo/registry.db", "--key",
      "\(box.home)/demo/keys/DEMO-bob.key", "--script", "\(box.home)/script")
    let after = try box.countersign(
      "log", "verify", "--json", "--registry", "\(box.home)/demo/registry.db")
    #expect(before.output == after.output)
    let read = try box.countersign(
      "console", "--plain", "--registry", "\(box.home)/demo/registry.db", "--key",
      "\(box.home)/demo/keys/DEMO-bob.key", input: "quit\n"
    ).output
    #expect(
      read.contains(
        /critical, id [0-9a-f]{8}, agent db-janitor, schema.drop on db:\/\/ledger\/v1, 0 of 2 approvals, .*needs you/
      ), "read out, it is in words: \(read)")
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
