import Approvals
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Keys
import Statements
import TestSupport
import Testing

@Suite("operators, the admin quorum and proposals")
struct OperatorTests {
  let carol = Principal.named("user:carol")
  let dave = Principal.named("user:dave")

  /// Alice, carol and dave are admins, two of whom change trust; bob approves.
  func world() throws -> World { try World(admins: [carol, dave], quorum: 2) }

  func refused(_ code: String, _ body: () throws -> Void) {
    do {
      try body()
      Issue.record("it was admitted; expected \(code)")
    } catch let fault as AdmissionFault {
      #expect(fault.code == code, "\(fault)")
    } catch let fault as StatementFault {
      #expect(fault.code == code, "\(fault)")
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test("a proposal takes effect in the entry of the last signature, and not before")
  func takesEffect() throws {
    let world = try world()
    let eve = Principal.named("user:eve")
    let proposal = try world.sign(
      .operatorEnrolled(try world.enrolled(eve, roles: [.approver])), alone: true)
    #expect(world.ledger.state.operators[eve] == nil)
    #expect(world.ledger.state.proposals[proposal]?.signers == [world.alice])
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: carol)
    #expect(world.ledger.state.operators[eve]?.roles == [.approver])
    #expect(world.ledger.state.proposals.isEmpty)
    refused("unknown_subject") {
      try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: dave)
    }
  }

  @Test("one admin's signature counts once, an approver's not at all")
  func countsOnce() throws {
    let world = try world()
    let eve = Principal.named("user:eve")
    let proposal = try world.sign(
      .operatorEnrolled(try world.enrolled(eve, roles: [.admin])), alone: true)
    refused("exists") { try world.sign(.proposalSigned(ProposalSigned(proposal: proposal))) }
    refused("role_missing") {
      try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: world.bob)
    }
    #expect(world.ledger.state.operators[eve] == nil)
  }

  @Test("a rejected, expired or overtaken proposal changes nothing")
  func ends() throws {
    let world = try world()
    let eve = Principal.named("user:eve")
    let enrol = StatementBody.operatorEnrolled(try world.enrolled(eve, roles: [.approver]))
    let first = try world.sign(enrol, alone: true)
    try world.sign(
      .proposalRejected(ProposalRejected(proposal: first, reason: "no")), by: carol)
    refused("unknown_subject") {
      try world.sign(.proposalSigned(ProposalSigned(proposal: first)), by: dave)
    }
    let second = try world.sign(enrol, alone: true)
    world.clock.advance(seconds: 72 * 3600 + 1)
    refused("proposal_void") {
      try world.sign(.proposalSigned(ProposalSigned(proposal: second)), by: dave)
    }
    // Two changes of one thing: the second to be completed no longer finds what it expected.
    let narrow = OperatorUpdated(
      principal: world.bob, roles: [.viewer], groups: [], mayGrant: [])
    let wide = OperatorUpdated(
      principal: world.bob, roles: [.approver], groups: ["sre", "security"], mayGrant: [])
    let a = try world.sign(.operatorUpdated(narrow), alone: true)
    let b = try world.sign(.operatorUpdated(wide), by: carol, alone: true)
    try world.sign(.proposalSigned(ProposalSigned(proposal: a)), by: dave)
    refused("proposal_void") {
      try world.sign(.proposalSigned(ProposalSigned(proposal: b)), by: dave)
    }
    #expect(world.ledger.state.operators[world.bob]?.roles == [.viewer])
  }

  @Test("the target's own signature does not count, and the last admins cannot go")
  func target() throws {
    let world = try world()
    let more = OperatorUpdated(
      principal: carol, roles: [.admin, .approver], groups: ["security"], mayGrant: [])
    let proposal = try world.sign(.operatorUpdated(more), by: carol, alone: true)
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)))
    #expect(
      world.ledger.state.operators[carol]?.memberships == ["sre"], "carol's own did not count")
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: dave)
    #expect(world.ledger.state.operators[carol]?.memberships == ["security"])
    refused("invalid") {
      let other = try world.sign(
        .operatorUpdated(
          OperatorUpdated(principal: dave, roles: [.admin], groups: [], mayGrant: [])),
        alone: true)
      try world.sign(.proposalSigned(ProposalSigned(proposal: other)), by: dave)
    }
    refused("no_spare_admin") {
      try world.sign(.operatorRemoved(OperatorRemoved(principal: dave, reason: "left")))
    }
    try world.sign(
      .operatorRemoved(OperatorRemoved(principal: dave, reason: "left", acceptsNoSpare: true)))
    #expect(world.ledger.state.admins == [world.alice, carol])
    refused("invalid") {
      try world.sign(.operatorRemoved(OperatorRemoved(principal: carol, reason: "left")))
    }
    refused("invalid") {
      try world.sign(
        .operatorUpdated(
          OperatorUpdated(principal: carol, roles: [.viewer], groups: [], mayGrant: [])))
    }
  }

  @Test("a removed admin's signature on an open proposal no longer counts")
  func removedSigner() throws {
    let world = try World(
      admins: [carol, dave, Principal.named("user:fred")], quorum: 2)
    let eve = Principal.named("user:eve")
    let proposal = try world.sign(
      .operatorEnrolled(try world.enrolled(eve, roles: [.admin])), by: dave, alone: true)
    try world.sign(.operatorRemoved(OperatorRemoved(principal: dave, reason: "left")))
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: carol)
    #expect(world.ledger.state.operators[eve] == nil)
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)))
    #expect(world.ledger.state.operators[eve] != nil)
  }

  @Test("who was removed and is enrolled again begins anew: no old key, no old grant")
  func enrolledAgain() throws {
    let world = try world()
    let eve = Principal.named("user:eve")
    let may = [Capability(actions: ["deploy"], resources: ["prod://payments/**"])]
    try world.sign(
      .operatorEnrolled(try world.enrolled(eve, roles: [.approver], mayGrant: may)))
    let grant = try world.sign(
      .grantIssued(
        GrantIssued(holder: world.bot, capabilities: may, limits: GrantLimits(), parent: nil)),
      by: eve)
    try world.sign(.operatorRemoved(OperatorRemoved(principal: eve, reason: "left")))
    let key = try SigningKey.derived(from: "eve's new key")
    try world.sign(
      .operatorEnrolled(
        OperatorEnrolled(
          principal: eve, key: key.publicKey, roles: [.approver], groups: [], mayGrant: may)))
    refused("key_revoked") {
      try world.sign(
        .lockPlaced(LockPlaced(target: .agent(world.bot), reason: "x", until: nil)), by: eve)
    }
    #expect(
      world.ledger.state.chains.report(leaf: grant, audience: nil, at: world.clock.now).verdict
        .fault?.code == "chain_key_untrusted")
    // The same for a service: its old key decides nothing when its name comes back.
    try world.sign(.serviceRemoved(ServiceRemoved(service: world.gateway, reason: "moved")))
    try world.sign(
      .serviceEnrolled(
        ServiceEnrolled(
          service: world.gateway, key: try SigningKey.derived(from: "new gw").publicKey)))
    refused("key_revoked") {
      try world.sign(
        .refusalsCounted(RefusalsCounted(since: world.clock.now, counts: JSONObject())),
        by: world.gateway)
    }
  }

  @Test("roles are enforced: each kind of statement by each role")
  func roles() throws {
    let world = try world()
    let viewer = Principal.named("user:vera")
    try world.sign(.operatorEnrolled(try world.enrolled(viewer, roles: [.viewer])))
    let agent = Principal.named("agent:new")
    let bodies: [StatementBody] = [
      .agentRegistered(AgentRegistered(agent: agent, owner: world.alice, roles: [])),
      .agentRetired(AgentRetired(agent: world.bot, reason: "x")),
      .keyTainted(KeyTainted(key: try World.key(world.bot).publicKey.fingerprint, reason: "x")),
      .keyRevoked(
        KeyRevoked(
          key: try World.key(world.bot).publicKey.fingerprint, reason: .retired,
          compromisedSince: nil, note: "")),
      .settingsChanged(SettingsChanged(name: "mine")),
      .operatorRemoved(OperatorRemoved(principal: world.alice, reason: "x")),
    ]
    for signer in [viewer, world.bob] {
      for body in bodies { refused("role_missing") { try world.sign(body, by: signer) } }
    }
    refused("role_missing") {
      try world.sign(
        .lockPlaced(LockPlaced(target: .everything, reason: "x", until: nil)), by: viewer)
    }
    try world.sign(
      .lockPlaced(LockPlaced(target: .agent(world.bot), reason: "x", until: nil)), by: world.bob)
  }

  @Test("an operator's key rotates: the new one signs, the old one until the overlap ends")
  func rotation() throws {
    let world = try world()
    let next = try SigningKey.derived(from: "bob's next key")
    let end = world.clock.now.advanced(bySeconds: 3600)
    try world.sign(
      .operatorKeyRotated(
        OperatorKeyRotated(principal: world.bob, key: next.publicKey, overlapUntil: end)))
    let lock = StatementBody.lockPlaced(
      LockPlaced(target: .agent(world.bot), reason: "x", until: nil))
    try world.sign(lock, by: world.bob)
    try world.ledger.sign(lock, by: world.bob, key: next, clock: world.clock.clock)
    world.clock.advance(seconds: 3601)
    refused("key_expired") { try world.sign(lock, by: world.bob) }
    try world.ledger.sign(lock, by: world.bob, key: next, clock: world.clock.clock)
  }

  @Test("several founders: the genesis counts only with every signature")
  func founders() throws {
    let world = try world()
    #expect(world.ledger.state.admins == [world.alice, carol, dave])
    let scratch = try World(admins: [carol], quorum: 2)
    let body = RegistryCreated(
      name: "half",
      operators: [
        try scratch.enrolled(world.alice, roles: [.admin]),
        try scratch.enrolled(carol, roles: [.admin]),
      ], adminQuorum: 2, approvalDefault: .standard, isSolo: false, acceptsNoSpare: true)
    var state = AuthorityState()
    let header = StatementHeader(
      at: world.clock.now, head: TreeHead(size: 0, root: Digest.sha256([])),
      id: ByteString(String(repeating: "0", count: 32)), registry: "", signer: world.alice)
    let draft = try StatementDraft(header, .registryCreated(body))
    let context = AdmissionContext(
      received: world.clock.now, knows: { _ in true }, body: { _ in nil }, entry: { _ in nil },
      erased: { _ in nil })
    refused("signatures_wrong") {
      let one = try draft.signed(by: try World.key(world.alice))
      _ = try state.admit(try state.verified(one), in: context)
    }
    let both = draft.envelope(
      try draft.signature(by: try World.key(world.alice)),
      try draft.signature(by: try World.key(carol)))
    _ = try state.admit(try state.verified(both), in: context)
    #expect(state.admins.count == 2)
  }

  // MARK: one admin alone can defeat nothing

  @Test("alone, an admin cannot enrol a service, an operator, or change the rules")
  func aloneCannotEnrol() throws {
    let world = try world()
    let rogue = Principal.named("service:rogue")
    let key = try SigningKey.derived(from: "rogue")
    let before = world.ledger.state
    try world.sign(
      .serviceEnrolled(ServiceEnrolled(service: rogue, key: key.publicKey)), alone: true)
    try world.sign(.settingsChanged(SettingsChanged(adminQuorum: 1, isSolo: true)), alone: true)
    try world.sign(
      .policyActivated(PolicyActivated(policy: world.ledger.state.activePolicy ?? world.grant)),
      alone: true)
    #expect(world.ledger.state.services == before.services)
    #expect(world.ledger.state.registry == before.registry)
    refused("key_unknown") {
      let now = world.clock.now
      let draft = try world.ledger.draft(
        .refusalsCounted(RefusalsCounted(since: now, counts: JSONObject())), by: rogue, at: now)
      try world.ledger.append(try draft.signed(by: key), clock: world.clock.clock)
    }
  }

  @Test("alone, an admin cannot revoke or remove the others, nor lock them out for good")
  func aloneCannotRevoke() throws {
    let world = try world()
    let carolsKey = try World.key(carol).publicKey.fingerprint
    let revoke = StatementBody.keyRevoked(
      KeyRevoked(key: carolsKey, reason: .unspecified, compromisedSince: nil, note: ""))
    try world.sign(revoke, alone: true)
    #expect(world.ledger.state.keys[carolsKey]?.revoked == nil, "it is only proposed")
    try world.sign(
      .operatorRemoved(
        OperatorRemoved(principal: carol, reason: "x", acceptsNoSpare: true)), alone: true)
    #expect(world.ledger.state.operators[carol] != nil)
    let lock = { (until: Timestamp?) in
      StatementBody.lockPlaced(LockPlaced(target: .key(carolsKey), reason: "x", until: until))
    }
    refused("lock_limited") { try world.sign(lock(nil)) }
    refused("lock_limited") { try world.sign(lock(world.clock.now.advanced(bySeconds: 3601))) }
    try world.sign(lock(world.clock.now.advanced(bySeconds: 60)))
    refused("locked") { try world.sign(.settingsChanged(SettingsChanged(name: "x")), by: carol) }
    world.clock.advance(seconds: 61)
    try world.sign(.settingsChanged(SettingsChanged(name: "x")), by: carol, alone: true)
  }

  @Test("alone, an admin cannot enrol an agent's key, or take over an agent, and approve its acts")
  func aloneCannotApprove() async throws {
    let world = try world()
    // Carol enrols a key of her own for the agent that alice owns and granted to.
    let own = try SigningKey.derived(from: "carol's copy")
    let draft = try world.ledger.draft(
      .keyEnrolled(
        KeyEnrolled(holder: world.bot, key: own.publicKey, notBefore: nil, notAfter: nil)),
      by: carol, at: world.clock.now)
    try world.ledger.append(
      draft.envelope(
        try draft.signature(by: try World.key(carol)), try draft.signature(by: own)),
      clock: world.clock.clock)
    let authority = try world.authority()
    func act(_ key: borrowing SigningKey) async throws -> Digest {
      let action = Action(
        action: "deploy", agent: world.bot, audience: world.gateway, context: JSONObject(),
        grant: world.grant, nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
        params: JSONObject(), registry: world.registry, resource: "prod://payments/api",
        timestamp: world.clock.now)
      let answer = try await authority.decide(action.signed(by: key))
      return try #require(answer.hold?.digest)
    }
    let hold = try await act(own)
    #expect(throws: AdmissionFault.self) { try world.vote(.approve, on: hold, by: carol) }
    // Nor after a rotation that another admin signs: who put the first key there is remembered.
    let next = try SigningKey.derived(from: "carol's next copy")
    let rotation = try world.ledger.draft(
      .keyRotated(
        KeyRotated(
          holder: world.bot, old: own.publicKey.fingerprint, key: next.publicKey,
          overlapUntil: nil, notAfter: nil, request: nil)), by: dave, at: world.clock.now)
    try world.ledger.append(
      rotation.envelope(
        try rotation.signature(by: try World.key(dave)), try rotation.signature(by: own),
        try rotation.signature(by: next)), clock: world.clock.clock)
    let later = try await act(next)
    for admin in [carol, dave] {
      #expect(throws: AdmissionFault.self) { try world.vote(.approve, on: later, by: admin) }
    }
    // Nor by giving away an agent of one's own: former owners stay excluded.
    try world.sign(
      .agentUpdated(AgentRegistered(agent: world.bot, owner: carol, roles: ["deployer"])),
      by: dave)
    try world.sign(
      .agentUpdated(AgentRegistered(agent: world.bot, owner: world.bob, roles: ["deployer"])),
      by: dave)
    let third = try await act(try World.key(world.bot))
    #expect(throws: AdmissionFault.self) { try world.vote(.approve, on: third, by: carol) }
    try world.vote(.approve, on: third, by: dave)
    #expect(world.ledger.state.holds[third]?.state(at: world.clock.now).word == "approved")
  }
}
