import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// Operators, services, resources and settings as the commands change them.
@Suite(.serialized) struct RosterCommandTests {
  let box: Sandbox

  init() throws {
    box = try Sandbox()
    for name in ["alice", "bob", "carol"] {
      try box.countersign(
        "key", "new", "--operator", "user:\(name)", "--out", "\(box.home)/\(name).key",
        passphrase: name)
    }
    try alice("init", "--as", "user:alice", "--groups", "sre")
    for name in ["bob", "carol"] {
      try alice(
        "operator", "enroll", "user:\(name)", "--public", "\(box.home)/\(name).key.pub", "--roles",
        "admin,approver")
    }
  }

  @discardableResult
  func alice(_ arguments: String..., expect: Int32 = 0) throws -> Sandbox.Outcome {
    let outcome = try box.program(
      arguments + [
        "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
      ], input: "alice\n")
    #expect(outcome.status == expect, "\(arguments): \(outcome.output)\(outcome.errors)")
    return outcome
  }

  func read(_ arguments: String...) throws -> JSONValue {
    try JSONParser.parse(
      Array(try box.program(arguments + ["--json", "--registry", box.registry]).output.utf8))
  }

  func file(_ name: String, _ text: String) throws -> String {
    try text.write(toFile: "\(box.home)/\(name)", atomically: true, encoding: .utf8)
    return "\(box.home)/\(name)"
  }

  @Test("a rota of several operators is one change; what is malformed is named")
  func rota() throws {
    let rota = try file(
      "rota.yaml",
      """
      - operator: user:bob
        groups: [security, {group: oncall, from: "2026-12-01T00:00:00Z", until: "2026-12-08T00:00:00Z"}]
      - operator: user:carol
        groups: [{group: oncall, from: "2026-12-08T00:00:00Z", until: "2126-12-15T00:00:00Z"}]
      """)
    try alice("operator", "update", "--file", rota)
    let shown = try read("operator", "list")
    #expect(shown.array?[1]["groups"]?.array?[0].string == "security")
    #expect(
      shown.array?[2]["groups"]?.array?[0]["from"]?.string == "2026-12-08T00:00:00.000Z")
    #expect(shown.array?[1]["roles"]?.array?.count == 2, "what the file leaves out stays")
    try alice("operator", "update", "user:carol", "--group", "sre@2126-12-01T00:00:00Z..")
    #expect(try read("operator", "list").array?[2]["groups"]?.array?.count == 2)
    let table = try box.countersign("operator", "list", "--registry", box.registry)
    #expect(table.output.contains("sre@2126-12-01T00:00:00.000Z.."))
    for text in ["sre@soon..", "sre@..", "sre@2126-12-01T00:00:00Z"] {
      try alice("operator", "update", "user:carol", "--group", text, expect: 64)
    }
    let wrong = try file("wrong.yaml", "- {operator: user:bob, group: [sre]}\n")
    #expect(
      try alice("operator", "update", "--file", wrong, expect: 1).errors.contains("group"))
  }

  @Test("a service has a key for each host; one that is taken away is retired")
  func hosts() throws {
    let name = "service:gateway-1"
    let keys = ["a", "b"].map { "\(box.home)/\($0).pem" }
    try alice("service", "enroll", name, "--out", keys[0], "--host", "gw-a")
    let twice = try alice(
      "service", "enroll", name, "--out", "\(box.home)/x.pem", "--host", "gw-b", expect: 1)
    #expect(twice.errors.contains("service_exists") && twice.errors.contains("add-host"))
    #expect(!FileManager.default.fileExists(atPath: "\(box.home)/x.pem"))
    try alice("service", "add-host", name, "--out", keys[1], "--host", "gw-b")
    #expect(
      try read("service", "list").array?.map { $0["host"]?.string } == ["gw-a", "gw-b"])
    try alice("service", "remove-host", name, "--host", "gw-a")
    #expect(
      try alice("service", "remove-host", name, "--host", "gw-a", expect: 1).errors.contains(
        "host_unknown"))
    #expect(
      try alice("service", "remove-host", name, "--host", "gw-b", expect: 1).errors.contains(
        "host_last"))
    try alice("service", "add-host", name, "--out", keys[0] + "2", "--host", "bad host", expect: 1)
    try box.countersign("log", "verify", "--registry", box.registry)
  }

  @Test("a file of resources is registered whole or not at all")
  func resources() throws {
    let good = try file(
      "good.yaml",
      """
      - {pattern: "prod://a/**", type: service, env: production}
      - {pattern: "prod://b/db", type: database, env: production, attributes: {tier: gold}}
      """)
    try alice("resource", "register", "--file", good)
    try alice("resource", "register", "prod://c/**", "prod://d/**", "--type", "service")
    #expect(try read("resource", "list").array?.count == 4)
    let tied = try file(
      "tied.yaml",
      """
      - {pattern: "prod://e/*", type: service}
      - {pattern: "prod://e/**", type: service}
      """)
    #expect(
      try alice("resource", "register", "--file", tied, expect: 1).errors.contains("ties with"))
    let unknown = try file("unknown.yaml", "- {pattern: \"prod://f/*\", kind: service}\n")
    try alice("resource", "register", "--file", unknown, expect: 1)
    #expect(try read("resource", "list").array?.count == 4)
  }

  @Test("no quorum of all admins without --no-spare; the rules' version is shown and known")
  func settings() throws {
    let refused = try alice("settings", "change", "--admin-quorum", "3", expect: 1)
    #expect(refused.errors.contains("no_spare_admin") && refused.errors.contains("--no-spare"))
    try alice("settings", "change", "--admin-quorum", "3", "--no-spare")
    #expect(try read("settings")["admin_quorum"]?.integer == 3)
    #expect(try read("settings")["rules"]?.integer == 2)
    let newer = try alice("settings", "change", "--rules", "3", expect: 1)
    #expect(newer.errors.contains("rules_unsupported"))
    #expect(try read("log", "verify")["rules"]?.integer == 2)
    let doctor = try box.countersign("doctor", "--registry", box.registry)
    #expect(doctor.output.contains("rules        version 2"))
  }
}
