import Approvals
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Keys
import Registry
import Statements
import TestSupport
import Testing
import TransparencyLog

@Suite("what statements say: hosts, memberships, resources, rules")
struct StatementContentTests {
  let carol = Principal.named("user:carol")
  let dave = Principal.named("user:dave")

  func key(_ name: String) throws -> SigningKey { try SigningKey.derived(from: name) }

  func parsed(_ type: StatementType, _ body: JSONValue) -> String? {
    do {
      _ = try StatementBody(type: type, json: body)
      return nil
    } catch { return "\(error)" }
  }

  // MARK: hosts

  @Test("a service decides with the key of each of its hosts, and with none that was left out")
  func hosts() async throws {
    let world = try World()
    let second = try key("gateway-1 on gw-b")
    let first = ServiceHost(host: "gw-a", key: try World.key(world.gateway).publicKey)
    try world.sign(
      .serviceEnrolled(
        ServiceEnrolled(
          service: world.gateway,
          hosts: [first, ServiceHost(host: "gw-b", key: second.publicKey)])))
    func authority(_ key: consuming sending SigningKey) throws -> DecisionAuthority {
      try DecisionAuthority(
        registry: world.path, service: world.gateway, key: key, pins: world.pins,
        trust: world.registry, clock: world.clock.clock)
    }
    let a = try authority(try World.key(world.gateway))
    let b = try authority(try key("gateway-1 on gw-b"))
    for (index, service) in [a, b, a].enumerated() {
      let action = try world.action(on: ByteString("stage://payments/\(index)"))
      #expect(try await service.decide(action).verdict == .allow)
    }
    // Both count their refusals within one hour: neither fails the other's decisions.
    for service in [a, b] { _ = try await service.decide(try world.action(registry: "00")) }
    world.clock.advance(seconds: 3601)
    for (index, service) in [a, b].enumerated() {
      let action = try world.action(on: ByteString("stage://payments/x\(index)"))
      #expect(try await service.decide(action).verdict == .allow)
    }
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    let state = world.ledger.state
    #expect(state.serviceWords(second.publicKey.fingerprint) == "service:gateway-1 on gw-b")
    #expect(try world.ledger.database.read { try $0.services() }.map(\.host) == ["gw-a", "gw-b"])
    #expect(try AuthorityState(snapshot: state.snapshot).services == state.services)
    // Host b goes: its key is retired, decides nothing more, and what it decided stands.
    try world.sign(
      .serviceEnrolled(ServiceEnrolled(service: world.gateway, hosts: [first])))
    #expect(
      world.ledger.state.keys[second.publicKey.fingerprint]?.revocation?.reason == .retired)
    await #expect(throws: AuthorityFault.self) { try await b.decide(try world.action()) }
    #expect(throws: AuthorityFault.self) { _ = try authority(try key("gateway-1 on gw-b")) }
    #expect(
      try await a.decide(try world.action(on: "stage://payments/z")).verdict == .allow)
    #expect(
      try LogVerification.run(RegistryDatabase(world.path, access: .readOnly), pins: nil)
        .findings == [])
  }

  @Test("a service's keys: which lists are refused")
  func hostTable() throws {
    let world = try World()
    let own = try World.key(world.gateway).publicKey
    let host = { (name: ByteString, key: PublicKey) in ServiceHost(host: name, key: key) }
    let other = Principal.named("service:other")
    let rows: [(Principal, [ServiceHost], String?)] = [
      (other, [host("a", own)], "exists"),
      (other, [host("a", try World.key(world.alice).publicKey)], "exists"),
      (other, [host("a", try key("x").publicKey)], nil),
      (world.gateway, [host("a", own), host("b", try key("x").publicKey)], "exists"),
      (world.gateway, [host("b", try key("y").publicKey)], nil),
      (world.gateway, [host("b", own)], "exists"),
    ]
    for (service, hosts, code) in rows {
      let found = faultCode {
        try world.sign(.serviceEnrolled(ServiceEnrolled(service: service, hosts: hosts)))
      }
      #expect(found == code, "\(service) \(hosts.map(\.host.text))")
    }
    let hex = JSONValue(own.hex)
    let next = JSONValue(try key("x").publicKey.hex)
    let malformed: [JSONValue] = [
      [], [["host": "", "key": hex]], [["host": "a b", "key": hex]], [["host": "a"]],
      [["host": "a", "key": hex], ["host": "a", "key": next]],
      [["host": "a", "key": hex], ["host": "b", "key": hex]],
      [["host": "a", "key": hex, "more": 1]],
      .array(
        try (0..<65).map {
          ["host": JSONValue("h\($0)"), "key": JSONValue(try key("h\($0)").publicKey.hex)]
        }),
    ]
    for keys in malformed {
      #expect(
        parsed(
          .serviceEnrolled, ["service": "service:a", "keys": keys, "may_attest": []]) != nil)
    }
  }

  // MARK: memberships

  @Test("a membership counts from its from until its until: for votes, and when they are counted")
  func memberships() async throws {
    let world = try World(
      policy: """
        package agent.authz
        require_approval if { input.action == "deploy" }
        approval := {"quorum": [{"group": "oncall"}], "ttl": "1d", "approved_for": "60m"}
        """)
    let start = world.clock.now.advanced(bySeconds: 3600)
    let end = start.advanced(bySeconds: 3600)
    let groups = [GroupMembership("oncall", from: start, until: end)]
    try world.sign(
      .operatorUpdated(
        OperatorUpdated(
          principal: world.bob, roles: [.approver], groups: groups, mayGrant: [])))
    // Not yet on call: nobody could approve it, and the rule says so.
    let authority = try world.authority()
    #expect(
      try await authority.decide(try world.action()).reasons.map(\.code) == ["policy_error"])
    world.clock.advance(seconds: 3600)
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold?.digest)
    let second = try world.action()
    let later = try #require(try await authority.decide(second).hold?.digest)
    world.clock.advance(seconds: 3590)
    try world.vote(.approve, on: hold)
    #expect(world.ledger.state.holds[hold]?.state(at: world.clock.now).word == "approved")
    world.clock.advance(seconds: 20)
    #expect(faultCode { try world.vote(.approve, on: later) } == "vote_outside_groups")
    #expect(
      try await authority.decide(envelope).reasons.map(\.code) == ["quorum_lost"],
      "an approval of someone whose week is over releases nothing")
    #expect(world.ledger.state.groups.contains("oncall"), "the group is known still")
    let state = world.ledger.state
    #expect(try AuthorityState(snapshot: state.snapshot).operators == state.operators)
    #expect(
      try world.ledger.database.read { try $0.operators() }.first {
        $0.principal == "user:bob"
      }?.groups.contains(end.text) == true)
  }

  @Test("one proposal signs a rota of several operators, or none of it")
  func rota() throws {
    let world = try World(admins: [carol, dave], quorum: 2)
    let now = world.clock.now
    let week: Int64 = 7 * 86_400
    func standing(_ who: Principal, _ roles: [OperatorRole], _ first: Int64)
      -> OperatorUpdated.Standing
    {
      OperatorUpdated.Standing(
        principal: who, roles: roles,
        groups: [
          "sre",
          GroupMembership(
            "oncall", from: now.advanced(bySeconds: first * week),
            until: now.advanced(bySeconds: (first + 1) * week)),
        ], mayGrant: [])
    }
    let eve = Principal.named("user:eve")
    try world.sign(.operatorEnrolled(try world.enrolled(eve, roles: [.approver])))
    let rota = StatementBody.operatorUpdated(
      OperatorUpdated([
        standing(world.bob, [.approver], 0), standing(eve, [.approver], 1),
      ]))
    let proposal = try world.sign(rota, alone: true)
    #expect(world.ledger.state.operators[world.bob]?.groups(at: now) == ["sre"])
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: carol)
    let state = world.ledger.state
    for (day, who) in [(0, world.bob), (7, eve)] as [(Int64, Principal)] {
      let then = now.advanced(bySeconds: day * 86_400)
      let on = [world.bob, eve].filter {
        state.operators[$0]?.groups(at: then).contains("oncall") == true
      }
      #expect(on == [who])
    }
    // A change of one of them in between makes a later rota void.
    let stale = try world.sign(rota, alone: true)
    try world.sign(
      .operatorUpdated(
        OperatorUpdated(principal: eve, roles: [.approver], groups: [], mayGrant: [])))
    #expect(
      faultCode { try world.sign(.proposalSigned(ProposalSigned(proposal: stale)), by: carol) }
        == "proposal_void")
    // Someone in it cannot sign it, and nobody of it changes if one is unknown.
    let own = try world.sign(
      .operatorUpdated(
        OperatorUpdated([
          standing(world.bob, [.approver], 0), standing(carol, [.admin, .approver], 1),
        ])), alone: true)
    #expect(
      faultCode { try world.sign(.proposalSigned(ProposalSigned(proposal: own)), by: carol) }
        == "invalid")
    #expect(
      faultCode {
        try world.sign(
          .operatorUpdated(
            OperatorUpdated([
              standing(world.bob, [.viewer], 0),
              standing(.named("user:nobody"), [.approver], 1),
            ])))
      } == "unknown_subject")
    #expect(world.ledger.state.operators[world.bob]?.roles == [.approver])
  }

  @Test("memberships that are refused")
  func membershipTable() {
    let good: [JSONValue] = [
      "sre", ["group": "sre", "until": "2026-12-08T00:00:00.000Z"],
      ["group": "sre", "from": "2026-12-01T00:00:00.000Z"],
    ]
    let bad: [JSONValue] = [
      "", "a b", 7, ["group": 7], ["from": "2026-12-01T00:00:00.000Z"],
      ["group": "sre", "from": "2026-12-08T00:00:00.000Z", "until": "2026-12-08T00:00:00.000Z"],
      ["group": "sre", "from": "2026-12-09T00:00:00.000Z", "until": "2026-12-08T00:00:00.000Z"],
      ["group": "sre", "from": "tomorrow"], ["group": "sre", "to": "2026-12-08T00:00:00.000Z"],
      JSONValue(String(repeating: "x", count: 65)),
    ]
    func update(_ groups: [JSONValue]) -> String? {
      parsed(
        .operatorUpdated,
        [
          "operators": [
            ["operator": "user:bob", "roles": [], "groups": .array(groups), "may_grant": []]
          ]
        ])
    }
    for group in good { #expect(update([group]) == nil) }
    for group in bad { #expect(update([group]) != nil, "\(group)") }
    #expect(update(Array(repeating: "sre", count: GroupMembership.limit + 1)) != nil)
    #expect(parsed(.operatorUpdated, ["operators": []]) != nil)
  }

  // MARK: resources

  @Test("a list of resources is registered whole, or not at all")
  func resources() throws {
    let world = try World()
    func entry(_ pattern: ByteString, env: ByteString = "test") -> ResourceEntry {
      ResourceEntry(pattern: pattern, type: "service", env: env)
    }
    let many = (0..<256).map { entry(ByteString("test://many/\($0)/**")) }
    try world.sign(.resourceRegistered(ResourceRegistered(many)))
    #expect(world.ledger.state.resources.entries.count == 2 + 256)
    let uri = try ResourceURI("test://many/17/x/y")
    #expect(world.ledger.state.resources.entry(for: uri)?.pattern == "test://many/17/**")
    let rows: [([ResourceEntry], String?)] = [
      ([entry("a://x/*"), entry("a://x/**")], "invalid"),
      ([entry("a://x/y"), entry("a://x/**")], nil), ([entry("a://x/*")], "invalid"),
      ([entry("b://x/y"), entry("prod://payments/*")], "invalid"),
      ([entry("b://x/y"), entry("b://x//z")], "pattern_malformed"),
      ([entry("a://x/**", env: "other")], nil),
    ]
    for (entries, code) in rows {
      let found = faultCode {
        try world.sign(.resourceRegistered(ResourceRegistered(entries)))
      }
      #expect(found == code, "\(entries.map(\.pattern.text))")
    }
    #expect(world.ledger.state.resources.entries["b://x/y"] == nil, "nothing of a refused list")
    #expect(world.ledger.state.resources.entries["a://x/**"]?.env == "other")
    let rowsInTable = try world.ledger.database.read { try $0.resources() }
    #expect(rowsInTable.count == world.ledger.state.resources.entries.count)
    let state = world.ledger.state
    #expect(try AuthorityState(snapshot: state.snapshot).resources == state.resources)
    let one: JSONValue = [
      "pattern": "c://x/y", "resource_type": "t", "attributes": .object(JSONObject()),
    ]
    for list: JSONValue in [
      [], [one, one], .array(Array(repeating: one, count: 257)), ["c://x/y"],
      [
        [
          "pattern": JSONValue("c://x/" + String(repeating: "y", count: 1024)),
          "resource_type": "t",
        ]
      ],
    ] { #expect(parsed(.resourceRegistered, ["resources": list]) != nil) }
    #expect(parsed(.resourceRegistered, ["resources": [one]]) == nil)
  }

  // MARK: rules

  @Test("never: a registry is judged by rules this program does not know")
  func genesisRules() throws {
    let alice = Principal.named("user:alice")
    for (rules, code): (Int64, String?) in [
      (2, nil), (1, "rules_unsupported"), (0, "rules_unsupported"), (3, "rules_unsupported"),
      (1 << 40, "rules_unsupported"),
    ] { #expect(try Genesis.fault([alice], quorum: 1, rules: rules) == code, "version \(rules)") }
  }

  /// A file whose genesis has no `rules`, as version 1 wrote it, made as its maker would.
  func oldRegistry(rules: JSONValue?) throws -> (path: String, folder: TestFolder) {
    let folder = try TestFolder()
    let path = "\(folder.path)/registry.db"
    let alice = Principal.named("user:alice")
    let key = try World.key(alice)
    let now = TestClock().now
    let body = RegistryCreated(
      name: "old",
      operators: [
        OperatorEnrolled(
          principal: alice, key: key.publicKey, roles: [.admin], groups: [], mayGrant: [])
      ], adminQuorum: 1, approvalDefault: .standard, isSolo: false)
    let draft = try StatementDraft(
      StatementHeader(
        at: now, head: TreeHead(size: 0, root: Digest.sha256([])),
        id: ByteString(String(repeating: "0", count: 32)), registry: "", signer: alice),
      .registryCreated(body))
    var json = try #require(try JSONParser.parse(draft.payload).object)
    var inner = try #require(json["body"]?.object)
    inner["rules"] = rules
    json["body"] = .object(inner)
    let payload = try JSONValue.object(json).canonicalBytes()
    let signature = key.sign(
      PreAuthEncoding.bytes(payloadType: draft.payloadType, payload: payload))
    let envelope = UnverifiedEnvelope(
      payloadType: draft.payloadType, payload: payload,
      signatures: [StatementSignature(key: key.publicKey.fingerprint, signature: signature)])
    let database = try RegistryDatabase.create(path, group: nil)
    let bytes = try LogEntry(received: now, envelope: envelope).bytes()
    try database.write { try $0.append(bytes, at: 0) }
    try database.close()
    return (path, folder)
  }

  @Test(
    "a registry of other rules is refused with a sentence: opening, replay and verification",
    arguments: [nil, 1, 3] as [Int64?])
  func oldRules(rules: Int64?) throws {
    let (path, folder) = try oldRegistry(rules: rules.map { JSONValue($0) })
    let pins = PinStore(folder: "\(folder.path)/pins")
    for pins in [nil, pins] {
      #expect(
        faultCode {
          _ = try Ledger(RegistryDatabase(path, access: .readOnly), pins: pins)
        } == "rules_unsupported")
    }
    let findings = try LogVerification.run(
      RegistryDatabase(path, access: .readOnly), pins: nil
    ).findings
    #expect(findings.contains { $0.contains("version \(rules ?? 1) of the rules") }, "\(findings)")
  }

  @Test("settings name rules that are known and never lower; an unknown version stops deciding")
  func settingsRules() throws {
    let world = try World(admins: [carol, dave], quorum: 2)
    let change = { StatementBody.settingsChanged(SettingsChanged(rules: $0)) }
    for (rules, code): (Int64, String?) in [
      (2, nil), (1, "invalid"), (0, "invalid"), (3, "rules_unsupported"),
    ] { #expect(faultCode { try world.sign(change(rules)) } == code, "version \(rules)") }
    #expect(world.ledger.state.registry?.rules == 2)
    let state = world.ledger.state
    #expect(try AuthorityState(snapshot: state.snapshot).registry == state.registry)
    // A newer program has appended it: nothing is decided or signed from there on.
    let draft = try world.ledger.draft(change(3), by: world.alice, at: world.clock.now)
    let entry = try LogEntry(
      received: world.clock.now, envelope: try draft.signed(by: try World.key(world.alice))
    ).bytes()
    let size = world.ledger.tree.size
    try world.ledger.database.write { try $0.append(entry, at: size) }
    try world.ledger.catchUp()
    #expect(world.ledger.state.unsupported == size)
    #expect(
      faultCode { try world.sign(.settingsChanged(SettingsChanged(name: "x"))) }
        == "unsupported_entry")
  }
}
