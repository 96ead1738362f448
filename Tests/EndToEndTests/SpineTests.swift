import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// The whole thread on real parts: processes, a socket, a file, a terminal.
@Suite(.serialized) struct SpineTests {
  /// A registry with alice and bob, one agent with a grant, and the first policy in force.
  private func company() throws -> (Sandbox, grant: String) {
    let box = try Sandbox()
    let alice = ["--registry", box.registry, "--key", "\(box.home)/alice.key"]
    func asAlice(_ arguments: String...) throws -> Sandbox.Outcome {
      try run(box, arguments + alice, "apw")
    }
    _ = try asAlice(
      "init", "--as", "user:alice", "--groups", "sre", "--may-grant",
      "deploy@prod://payments/**", "--may-grant", "deploy@stage://payments/**")
    try box.countersign(
      "key", "new", "--operator", "user:bob", "--out", "\(box.home)/bob.key", passphrase: "bpw")
    _ = try asAlice(
      "operator", "enroll", "user:bob", "--public", "\(box.home)/bob.key.pub", "--groups", "sre",
      "--roles", "admin,approver")
    _ = try asAlice("service", "enroll", "service:gateway-1", "--out", "\(box.home)/gw.pem")
    _ = try asAlice(
      "resource", "register", "prod://payments/**", "--type", "service", "--env", "production")
    _ = try asAlice("agent", "register", "agent:deploy-bot", "--roles", "deployer")
    try box.countersign("key", "new", "--out", "\(box.home)/bot.pem")
    _ = try asAlice(
      "key", "enroll", "agent:deploy-bot", "--agent-key", "\(box.home)/bot.pem")
    let grant = try asAlice(
      "grant", "issue", "agent:deploy-bot", "--can", "deploy@prod://payments/**", "--until", "30d")
    try """
    package agent.authz
    default allow = false
    allow if { input.agent.role == "reviewer"; input.action == "comment"; input.resource.type == "pull_request" }
    allow if { input.agent.role == "deployer"; input.action == "deploy"; input.resource.env == "staging" }
    require_approval if { input.action == "deploy"; input.resource.env == "production" }
    """.write(toFile: "\(box.home)/first.rego", atomically: true, encoding: .utf8)
    _ = try asAlice("policy", "publish", "first", "\(box.home)/first.rego")
    _ = try asAlice("policy", "activate", "first@v1")
    return (box, grant.output.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  private func run(
    _ box: Sandbox, _ arguments: [String], _ passphrase: String, expect: Int32 = 0
  ) throws -> Sandbox.Outcome {
    let outcome = try box.program(arguments + ["--passphrase-fd", "0"], input: passphrase + "\n")
    #expect(outcome.status == expect, "\(arguments): \(outcome.output)\(outcome.errors)")
    return outcome
  }

  private func act(_ box: Sandbox, _ grant: String, _ more: [String]) -> [String] {
    [
      "act", "--agent", "agent:deploy-bot", "--key", "\(box.home)/bot.pem", "--grant", grant,
      "--socket", box.socket, "--json",
    ] + more
  }

  private func answer(_ outcome: Sandbox.Outcome) throws -> JSONValue {
    try JSONParser.parse(Array(outcome.output.utf8))
  }

  @Test func `from an agent's signature to an operator's signature, and a revocation`() throws {
    let (box, grant) = try company()
    try box.startDaemon()
    let deploy = ["deploy", "prod://payments/api"]
    let (waiting, pipe) = try box.actInBackground(
      act(box, grant, deploy + ["--wait", "60", "--save", "\(box.home)/envelope.json"]))
    try box.startConsole(key: "\(box.home)/bob.key")
    try box.see("deploy on prod://payments/api")
    let holds = try answer(
      try box.countersign("holds", "list", "--json", "--registry", box.registry))
    let hold = try #require(holds.array?.first?["hold"]?.string?.text)

    // Alice granted the authority: her vote is refused, the rule named.
    let own = try run(
      box,
      [
        "approve", hold, "--digest", hold, "--registry", box.registry, "--key",
        "\(box.home)/alice.key",
      ], "apw", expect: 1)
    #expect(own.errors.contains("vote_excluded: user:alice may not vote on this hold"))

    // Bob approves with the keyboard; the first passphrase is wrong and records nothing.
    try box.press("Enter")
    try box.see("YOU SIGN EXACTLY THIS")
    usleep(1_200_000)
    for _ in 0..<8 { try box.press("PageDown") }
    try box.press("Tab", "Tab")
    try box.type("wrong")
    try box.press("Tab", "Tab", "Tab", "Enter")
    try box.see("key_wrong_passphrase")
    let before = try box.countersign("decisions", "list", "--registry", box.registry)
    #expect(!before.output.contains("approved"))
    try box.type("bpw")
    try box.press("Tab", "Tab", "Tab", "Enter")
    try box.see("recorded as log entry")

    // The waiting agent is released, with a receipt.
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    waiting.waitUntilExit()
    #expect(waiting.terminationStatus == 0)
    let released = try JSONParser.parse(Array(output))
    #expect(released["verdict"] == "allow" && released["repeat"] == false)
    #expect(released["receipt"]?.string?.hasPrefix("c2sp.org/tlog-proof@v1") == true)

    // The same envelope again: the same answer, marked as a repeat.
    let again = try answer(
      try box.program(act(box, grant, deploy + ["--resend", "\(box.home)/envelope.json"])))
    #expect(again["verdict"] == "allow" && again["repeat"] == true)
    #expect(again["log_index"] == released["log_index"])

    // The same content in a new envelope: a new hold.
    let fresh = try answer(try box.program(act(box, grant, deploy)))
    let second = try #require(fresh["hold"]?["digest"]?.string?.text)
    #expect(fresh["verdict"] == "hold" && second != hold)

    // A production URI called staging.
    let mismatch = try answer(try box.program(act(box, grant, deploy + ["--env", "staging"])))
    #expect(mismatch["reasons"]?.array?.first?["code"] == "resource_mismatch")

    // Deny: the agent gets the reason.
    _ = try run(
      box,
      [
        "deny", second, "--digest", second, "--reason", "not tonight", "--registry", box.registry,
        "--key", "\(box.home)/bob.key",
      ], "bpw")
    // The same line is told of the denial; from then on, or with --new, it asks anew.
    let told = try answer(try box.program(act(box, grant, deploy)))
    #expect(told["reasons"]?.array?.first?["code"] == "hold_denied")
    let (denied, deniedPipe) = try box.actInBackground(
      act(box, grant, deploy + ["--wait", "30"]))

    // Revoke the agent's key in the console: its next action is refused, its holds are voided.
    try box.press("Escape")
    usleep(300_000)
    try box.press("4", "/")
    try box.type("deploy-bot")
    try box.press("Enter", "r")
    try box.see("cannot be undone")
    let keys = try answer(
      try box.countersign(
        "key", "list", "--json", "--holder", "agent:deploy-bot", "--registry", box.registry))
    let digits = try #require(keys.array?.first?["key"]?.string?.text.dropFirst(8).prefix(8))
    usleep(1_200_000)
    try box.press("Tab", "Tab", "C-u")
    try box.type("leaked on build-02")
    try box.press("Enter")
    try box.type("\(digits.prefix(4))-\(digits.suffix(4))")
    try box.press("Enter")
    try box.type("bpw")
    try box.press("Enter")
    // The press that led to the button does not also decide.
    usleep(600_000)
    try box.press("Enter")
    try box.see("is revoked")
    let voided = deniedPipe.fileHandleForReading.readDataToEndOfFile()
    denied.waitUntilExit()
    #expect(
      try JSONParser.parse(Array(voided))["reasons"]?.array?.first?["code"] == "hold_voided")
    let refused = try answer(try box.program(act(box, grant, deploy)))
    #expect(refused["reasons"]?.array?.first?["code"] == "key_revoked")

    // Leaving restores the terminal, and the log verifies.
    try box.press("Escape", "Escape", "q")
    try box.see("ended 0")
    try box.see(" echo")
    try box.countersign("log", "verify", "--registry", box.registry)
    #expect(box.stopDaemon() == 0)
  }

  @Test func `kill -9 in a burst of actions loses no answered decision`() throws {
    let (box, grant) = try company()
    var answered: [Int64] = []
    for round in 0..<3 {
      try box.startDaemon()
      var running: [(Process, Pipe)] = []
      for _ in 0..<12 {
        running.append(try box.actInBackground(act(box, grant, ["deploy", "prod://payments/api"])))
      }
      usleep(UInt32(150_000 + round * 130_000))
      box.killDaemon()
      for (process, pipe) in running {
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        if let index = (try? JSONParser.parse(Array(output)))?["log_index"]?.integer {
          answered.append(index)
        }
      }
    }
    let listed = try answer(
      try box.countersign(
        "decisions", "list", "--limit", "1000", "--json", "--registry", box.registry))
    let indices = Set((listed.array ?? []).compactMap { $0["log_index"]?.integer })
    for index in answered { #expect(indices.contains(index), "#\(index) was answered and is lost") }
    try box.countersign("log", "verify", "--registry", box.registry)
  }

  @Test func `the small commands say what their manuals say`() throws {
    let box = try Sandbox()
    let canonical = try box.countersign(
      "json", "canonicalize", input: "{\"b\": 1.0, \"a\": [1e21, \"\\u20ac\"]}")
    #expect(canonical.output == "{\"a\":[1e+21,\"\u{20AC}\"],\"b\":1}")
    let missing = try box.countersign("holds", "list", "--registry", "/nowhere/x.db", expect: 1)
    #expect(missing.errors.hasPrefix("countersign: registry_missing: there is no registry at"))
    try "package t\nx := {\"a\": 1}\n".write(
      toFile: "\(box.home)/t.rego", atomically: true, encoding: .utf8)
    let eval = try box.countersign("policy", "eval", "-d", "\(box.home)/t.rego", "data.t.x")
    #expect(
      eval.output == """
        {
          "result": [
            {
              "expressions": [
                {
                  "value": {
                    "a": 1
                  },
                  "text": "data.t.x",
                  "location": {
                    "row": 1,
                    "col": 1
                  }
                }
              ]
            }
          ]
        }

        """)
    let dumb = try box.countersign("console", "--registry", "/nowhere/x.db", expect: 2)
    #expect(dumb.errors.contains("terminal_unusable"))
  }
}
