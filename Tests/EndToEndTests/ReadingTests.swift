import CanonicalJSON
import Foundation
import Keys
import Statements
import TestSupport
import Testing

/// What a daemon tells whom, over its socket, as strangers and agents would ask it.
@Suite("reading needs a credential", .serialized)
struct ReadingTests {
  let box: Sandbox
  let grant: String
  let hold: String

  /// A registry with two agents, one of which waits on a hold.
  init() throws {
    let box = try Sandbox()
    self.box = box
    grant = try SurvivalTests.company(box)
    try """
    package agent.authz
    require_approval if { input.action == "note" }
    """.write(toFile: "\(box.home)/hold.rego", atomically: true, encoding: .utf8)
    func alice(_ arguments: String...) throws {
      let outcome = try box.program(
        arguments + [
          "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
        ], input: "a\n")
      #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
    }
    try box.countersign(
      "key", "new", "--operator", "user:bob", "--out", "\(box.home)/bob.key", passphrase: "b")
    try alice("operator", "enroll", "user:bob", "--public", "\(box.home)/bob.key.pub")
    try alice("policy", "publish", "hold", "\(box.home)/hold.rego")
    try alice("policy", "activate", "hold@v1")
    try alice("agent", "register", "agent:spy", "--roles", "x")
    try box.countersign("key", "new", "--out", "\(box.home)/spy.pem")
    try alice("key", "enroll", "agent:spy", "--agent-key", "\(box.home)/spy.pem")
    try box.startDaemon()
    let held = try box.program([
      "act", "note", "log://notes/a", "--agent", "agent:bot", "--key", "\(box.home)/bot.pem",
      "--grant", grant, "--socket", box.socket, "--json",
    ])
    #expect(held.status == 4, "\(held.output)\(held.errors)")
    hold = try #require(
      try JSONParser.parse(Array(held.output.utf8))["hold"]?["digest"]?.string?.text)
  }

  var holdPath: String { "/v1/holds/\(hold)" }

  /// Asks as anybody can: the status, and the JSON.
  func curl(_ path: String, _ credential: String? = nil) throws -> (status: Int, json: JSONValue) {
    let header = credential.map { "-H 'authorization: \($0)'" } ?? ""
    let outcome = try box.shell(
      "curl -s --unix-socket \(box.socket) \(header) -w '%{http_code}' 'http://localhost\(path)'")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let status = try #require(Int(outcome.output.suffix(3)))
    return (status, try JSONParser.parse(Array(outcome.output.dropLast(3).utf8)))
  }

  func code(_ answer: (status: Int, json: JSONValue)) -> String {
    "\(answer.status) \(answer.json["error"]?["code"]?.string?.text ?? "-")"
  }

  /// A read request as an agent would make it; each part can be made wrong.
  func request(
    _ path: String, reader: ByteString = "agent:bot", key: String = "bot.pem",
    registry: ByteString? = nil, ageSeconds: Int64 = 0, nonce: ByteString? = nil
  ) throws -> UnverifiedEnvelope {
    let head = try curl("/v1/head").json
    let milliseconds = Int64(Date().timeIntervalSince1970 * 1000) - ageSeconds * 1000
    return try ReadRequest(
      nonce: nonce ?? ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
      path: ByteString(path), reader: try #require(Principal(reader)),
      registry: try registry ?? #require(head["registry"]?.string),
      timestamp: Timestamp(milliseconds: milliseconds)
    ).signed(by: try PrivateKeyPEM.read("\(box.home)/\(key)"))
  }

  func read(_ envelope: UnverifiedEnvelope, _ path: String? = nil) throws -> String {
    code(try curl(path ?? holdPath, envelope.credential.text))
  }

  @Test("never: a stranger reads a hold, or more of the daemon than ok or not")
  func stranger() throws {
    #expect(code(try curl(holdPath)) == "401 credential_missing")
    #expect(code(try curl("/v1/status")) == "401 credential_missing")
    let health = try curl("/healthz")
    #expect(health.status == 200 && health.json == ["status": "ok"], "\(health)")
    // What a client needs to sign anything stays open.
    let head = try curl("/v1/head").json
    #expect(head["service"] == "service:gateway-1" && head["registry"] != nil)
    #expect(head["head"]?["size"] != nil)
    for credential in [
      "Bearer x", "Countersign", "Countersign %%%", "Countersign e30=",
      "Countersign " + String(repeating: "A", count: 30_000),
    ] {
      #expect(code(try curl(holdPath, credential)) == "401 credential_malformed")
    }
  }

  @Test("an agent reads its own hold, a service all of them and the status")
  func allowed() throws {
    #expect(try read(try request(holdPath)) == "200 -")
    let own = try box.program([
      "read", holdPath, "--as", "agent:bot", "--key", "\(box.home)/bot.pem", "--socket", box.socket,
    ])
    #expect(own.status == 0 && own.output.contains("\"state\":\"pending\""), "\(own.errors)")
    let service = try request(holdPath, reader: "service:gateway-1", key: "gw.pem")
    #expect(try read(service) == "200 -")
    let status = try request("/v1/status", reader: "service:gateway-1", key: "gw.pem")
    let answer = try curl("/v1/status", status.credential.text)
    #expect(answer.json["log_size"]?.integer != nil && answer.json["refused"] != nil, "\(answer)")
  }

  @Test("never: an agent reads another's hold, or learns that there is one")
  func otherAgent() throws {
    let spy = try request(holdPath, reader: "agent:spy", key: "spy.pem")
    let there = try curl(holdPath, spy.credential.text)
    let nowhere = "/v1/holds/\(String(repeating: "0", count: 64))"
    let none = try curl(
      nowhere, try request(nowhere, reader: "agent:spy", key: "spy.pem").credential.text)
    #expect(code(there) == "404 hold_unknown" && code(none) == "404 hold_unknown")
    let text = { (json: JSONValue) in String(decoding: try json.canonicalBytes(), as: UTF8.self) }
    #expect(
      try text(there.json).replacingOccurrences(of: hold, with: "")
        == text(none.json).replacingOccurrences(of: String(repeating: "0", count: 64), with: ""))
    #expect(try read(try request("/v1/status"), "/v1/status") == "403 reader_not_permitted")
  }

  @Test("never: a read request is used twice, late, elsewhere or by another")
  func misuse() throws {
    let once = try request(holdPath)
    #expect(try read(once) == "200 -")
    #expect(try read(once) == "401 replayed")
    let nonce: ByteString = "abcdefabcdefabcdefabcdefabcdef00"
    #expect(try read(try request(holdPath, nonce: nonce)) == "200 -")
    let upper = ByteString(nonce.text.uppercased())
    #expect(try read(try request(holdPath, nonce: upper)) == "401 replayed")
    for age: Int64 in [61, -62] {
      #expect(try read(try request(holdPath, ageSeconds: age)) == "401 stale")
    }
    #expect(try read(try request(holdPath, registry: "00")) == "401 wrong_registry")
    #expect(try read(try request("/v1/status")) == "401 wrong_path")
    #expect(try read(try request(holdPath), holdPath + "?x") == "401 wrong_path")
    // Its own key under another's name; a key nobody enrolled; a changed payload; two signatures; an
    // operator's way of signing; another kind of statement.
    #expect(
      try read(try request(holdPath, reader: "agent:bot", key: "spy.pem")) == "401 key_unknown")
    try box.countersign("key", "new", "--out", "\(box.home)/new.pem")
    #expect(try read(try request(holdPath, key: "new.pem")) == "401 key_unknown")
    let good = try request(holdPath)
    let other = try request(holdPath)
    func altered(
      type: ByteString = ReadRequest.payloadType, payload: [UInt8]? = nil,
      _ signatures: [StatementSignature]? = nil
    ) -> UnverifiedEnvelope {
      UnverifiedEnvelope(
        payloadType: type, payload: payload ?? good.payload,
        signatures: signatures ?? good.signatures)
    }
    #expect(try read(altered(payload: other.payload)) == "401 signature_invalid")
    #expect(try read(altered(good.signatures + other.signatures)) == "401 credential_malformed")
    let sshsig = StatementSignature(
      scheme: .sshsig, key: good.signatures[0].key, signature: good.signatures[0].signature)
    #expect(try read(altered([sshsig])) == "401 credential_malformed")
    #expect(try read(altered(type: Action.payloadType)) == "401 credential_malformed")
    #expect(try read(good) == "200 -")
  }

  @Test(
    "never: a locked, retired or revoked reader reads",
    arguments: [
      (["lock", "place", "agent:bot", "--reason", "x", "--yes"], "locked"),
      (["lock", "place", "everything", "--reason", "x", "--yes"], "locked"),
      (["agent", "retire", "agent:bot", "--reason", "x", "--yes"], "agent_retired"),
      (["key", "revoke", "KEY", "--reason", "compromised", "--yes"], "key_revoked"),
    ])
  func stopped(stop: [String], expected: String) throws {
    let key = try PrivateKeyPEM.read("\(box.home)/bot.pem").publicKey.fingerprint.description
    let outcome = try box.program(
      stop.map { $0 == "KEY" ? key : $0 } + [
        "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
      ], input: "a\n")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try read(try request(holdPath)) == "401 \(expected)")
  }

  @Test("never: what was read before a restart is read again by the same request")
  func restart() throws {
    let taken = try request(holdPath)
    #expect(try read(taken) == "200 -")
    #expect(box.stopDaemon() == 0)
    try box.startDaemon()
    #expect(try read(taken) == "401 stale")
    #expect(try read(try request(holdPath)) == "200 -")
  }

  @Test(
    "an account reads as the operator it is mapped to, while that operator is enrolled; no other")
  func accounts() throws {
    #expect(box.stopDaemon() == 0)
    for wrong in ["x=user:alice", "0=agent:bot", "4294967295=user:alice", "-1=user:alice", "0"] {
      let refused = try box.tool(
        "countersignd", ["--registry", box.registry, "--key", "x", "--reader", wrong])
      #expect(refused.status == 64 && refused.errors.contains("--reader"), "\(refused.errors)")
    }
    try box.startDaemon(more: ["--reader", "\(getuid())=user:alice"])
    #expect(code(try curl(holdPath)) == "200 -")
    let status = try box.program(["read", "/v1/status", "--socket", box.socket])
    #expect(status.status == 0 && status.output.contains("log_size"), "\(status.errors)")
    // A credential that does not hold is not made good by the account.
    #expect(code(try curl(holdPath, "Countersign e30=")) == "401 credential_malformed")
    if getuid() == 0 {
      let other = try box.shell(
        "chmod 711 \(box.home) \(box.home)/r; chmod 777 \(box.socket); setpriv --reuid 65534 --clear-groups "
          + "curl -s --unix-socket \(box.socket) http://localhost\(holdPath)")
      #expect(other.output.contains("credential_missing"), "\(other.output)\(other.errors)")
    } else {
      print("SKIPPED: no right to ask under another account")
    }
    #expect(box.stopDaemon() == 0)
    try box.startDaemon(more: ["--reader", "\(getuid())=user:mallory"])
    #expect(code(try curl(holdPath)) == "401 reader_not_enrolled")
  }
}
