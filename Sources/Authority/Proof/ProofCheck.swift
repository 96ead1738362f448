import Approvals
package import CanonicalJSON
import Decisions
import Delegations
import Keys
import Statements
import TransparencyLog

/// Checks a proof with nothing but the registry's id.
///
/// It proves bytes, signatures, inclusion, order, and every key back to genesis. That nothing else in
/// the log revoked, locked or replaced what it shows is the deciding service's word, until the whole
/// log is replayed.
package struct ProofCheck: Sendable {
  /// What is proven, a sentence each.
  package private(set) var proven: [String] = []
  /// What is not.
  package private(set) var restsOn: [String] = []

  package struct Fault: Error, Sendable, CustomStringConvertible {
    package let description: String

    package var code: String { "proof_invalid" }
  }

  private struct Proposal {
    let inner: StatementBody
    var signers: Set<Principal>
    var isInEffect = false
  }

  /// On which host a service's key signs.
  private var hosts: [Fingerprint: ByteString] = [:]
  private var operators: [Principal: (roles: [OperatorRole], groups: [GroupMembership])] = [:]
  private var keys: [Fingerprint: (key: PublicKey, holder: Principal)] = [:]
  private var adminQuorum = 1
  private var proposals: [Digest: Proposal] = [:]
  private var requests: [Digest: KeyRequested] = [:]
  private var grants: [Digest: Grant] = [:]
  private var policies: [Digest: PolicyPublished] = [:]
  private var activated: [Digest: UInt64] = [:]
  private var holds: [Digest: DecisionMade] = [:]
  private var votes: [Digest: (ballot: ApprovalVoted, by: Principal, index: UInt64)] = [:]
  private var glasses: [Digest: (hold: Digest, by: Principal, index: UInt64)] = [:]

  /// Checks a bundle.
  ///
  /// - Throws: ``Fault`` saying what does not hold.
  package init(_ bundle: ProofBundle, registry: ByteString) throws {
    guard bundle.registry == registry else {
      throw Fault(
        description: "the proof is of registry \(bundle.registry.text), not of \(registry.text)")
    }
    let head = try Checkpoint(text: bundle.checkpoint.text)
    guard head.origin == Checkpoint.origin(registry: registry) else {
      throw Fault(description: "the checkpoint is of \(head.origin.text)")
    }
    let bodies = Dictionary(
      bundle.bodies.map { (Digest.sha256($0), $0) }, uniquingKeysWith: { first, _ in first })
    var last: UInt64?
    var subject: (parts: StatementParts, entry: LogEntry)?
    for item in bundle.entries {
      guard last.map({ $0 < item.index }) ?? (item.index == 0) else {
        throw Fault(description: "the entries do not begin with 0 or are not in order")
      }
      last = item.index
      guard
        MerkleProof.includes(
          leaf: MerkleHash.leaf(item.bytes), at: item.index, size: head.size, root: head.root,
          path: item.path)
      else { throw Fault(description: "entry \(item.index) is not in the checkpoint's log") }
      let entry = try LogEntry(bytes: item.bytes)
      let parts = try take(entry, at: item.index, registry)
      if item.index == bundle.subject {
        subject = (parts, entry)
        try judge(parts, entry, at: item.index, bodies)
      }
    }
    guard let subject else { throw Fault(description: "the entry it is about is missing") }
    let signers = keys.values.filter { $0.holder.kind != .agent }
    let verified = try bundle.checkpoint.verified(
      by: signers.map { NoteVerifier(name: head.origin, key: $0.key) })
    guard let signer = verified.verified.first else {
      throw Fault(description: "the checkpoint is signed by no key the proof establishes")
    }
    let host = hosts[signer.key.fingerprint].map { " on \($0.text)" } ?? ""
    let who =
      signers.first { $0.key == signer.key }.map { "\($0.holder)\(host)" } ?? "an enrolled key"
    proven.insert(
      "the log of \(head.size) entries with root \(head.root.hex), signed by \(who), has entry "
        + "#\(bundle.subject) received \(subject.entry.received.text)", at: 0)
    proven.append(
      "every key used here goes back, signature by signature, to the genesis of registry "
        + registry.text)
    restsOn = [
      "that no entry left out here revoked, locked, retired or replaced any of this",
      "that the policy's text, run on this input, says what the decision says",
    ].map { $0 + ": the deciding service's word, until `countersign log verify` replays the log" }
  }

  // MARK: entries in order

  private mutating func take(
    _ entry: LogEntry, at index: UInt64, _ registry: ByteString
  ) throws -> StatementParts {
    func fault(_ text: String) -> Fault { Fault(description: "entry \(index): \(text)") }
    let envelope = entry.envelope
    let parts = try StatementParts(payloadType: envelope.payloadType, payload: envelope.payload)
    let signer = parts.header.signer
    if case .registryCreated(let body) = parts.body {
      guard index == 0, ByteString(envelope.digest.hex) == registry else {
        throw fault("it is not the genesis of \(registry.text)")
      }
      for founder in body.operators {
        keys[founder.key.fingerprint] = (founder.key, founder.principal)
        operators[founder.principal] = (founder.roles, founder.groups)
      }
      adminQuorum = Int(body.adminQuorum)
      guard
        Set(envelope.signatures.map(\.key)) == Set(body.operators.map(\.key.fingerprint))
      else { throw fault("not every founder has signed") }
      guard RulesVersion.isKnown(body.rules) else {
        throw fault("\(AdmissionFault.rulesUnsupported(body.rules))")
      }
    } else if parts.header.registry != registry {
      throw fault("it is of another registry")
    }
    let brought: PublicKey? =
      switch parts.body {
      case .keyRequested(let body): body.key
      case .keyEnrolled(let body): body.key
      case .keyRotated(let body): body.key
      default: nil
      }
    _ = try envelope.verified { print in
      keys[print]?.key ?? (brought?.fingerprint == print ? brought : nil)
    }
    let isOwn = envelope.signatures.contains { keys[$0.key]?.holder == signer }
    if case .keyRequested = parts.body {
    } else if !isOwn {
      throw fault("none of its signatures is \(signer)'s")
    }
    func need(_ role: OperatorRole) throws {
      guard operators[signer]?.roles.contains(role) == true else {
        throw fault("\(signer) is no \(role.rawValue)")
      }
    }
    switch parts.body {
    case .proposalOpened(let body):
      try need(.admin)
      proposals[envelope.digest] = Proposal(inner: body.inner, signers: [signer])
      try complete(envelope.digest, at: index)
    case .proposalSigned(let body):
      try need(.admin)
      guard proposals[body.proposal] != nil else { throw fault("the proposal it signs is missing") }
      proposals[body.proposal]?.signers.insert(signer)
      try complete(body.proposal, at: index)
    case .keyRequested(let body): requests[envelope.digest] = body
    case .keyEnrolled(let body):
      try need(.admin)
      let proof = body.request.flatMap { requests[$0] }
      guard
        proof?.key == body.key
          || envelope.signatures.contains(where: { $0.key == body.key.fingerprint })
      else { throw fault("possession of the key is not proven") }
      keys[body.key.fingerprint] = (body.key, body.holder)
    case .keyRotated(let body):
      let proof = body.request.flatMap { requests[$0] }
      let signed = Set(envelope.signatures.map(\.key))
      guard
        (proof?.key == body.key && proof?.replaces == body.old)
          || signed.isSuperset(of: [body.key.fingerprint, body.old])
      else { throw fault("possession of both keys is not proven") }
      keys[body.key.fingerprint] = (body.key, body.holder)
    case .grantIssued(let body):
      let key = envelope.signatures[0].key
      grants[envelope.digest] = try Grant(
        digest: envelope.digest, issuer: signer, key: key, received: entry.received, terms: body)
    case .policyPublished(let body): policies[envelope.digest] = body
    case .decisionMade(let body): holds[envelope.digest] = body
    case .approvalVoted(let body):
      try need(.approver)
      votes[envelope.digest] = (body, signer, index)
    case .approvalBrokenGlass(let body):
      try need(.approver)
      glasses[envelope.digest] = (body.hold, signer, index)
    default: break
    }
    return parts
  }

  private mutating func complete(_ digest: Digest, at index: UInt64) throws {
    guard let proposal = proposals[digest], !proposal.isInEffect,
      proposal.signers.filter({ operators[$0]?.roles.contains(.admin) == true }).count
        >= adminQuorum
    else { return }
    proposals[digest]?.isInEffect = true
    switch proposal.inner {
    case .operatorEnrolled(let body):
      keys[body.key.fingerprint] = (body.key, body.principal)
      operators[body.principal] = (body.roles, body.groups)
    case .operatorUpdated(let body):
      for standing in body.operators {
        operators[standing.principal] = (standing.roles, standing.groups)
      }
    case .operatorRemoved(let body): operators[body.principal] = nil
    case .operatorKeyRotated(let body): keys[body.key.fingerprint] = (body.key, body.principal)
    case .settingsChanged(let body): adminQuorum = body.adminQuorum.map { Int($0) } ?? adminQuorum
    case .serviceEnrolled(let body):
      for host in body.hosts {
        keys[host.key.fingerprint] = (host.key, body.service)
        hosts[host.key.fingerprint] = host.host
      }
    case .policyActivated(let body): activated[body.policy] = index
    default: break
    }
  }

  // MARK: the entry it is about

  private mutating func judge(
    _ parts: StatementParts, _ entry: LogEntry, at index: UInt64, _ bodies: [Digest: [UInt8]]
  ) throws {
    proven.append(
      "entry #\(index) is \(parts.body.type.rawValue), signed by \(parts.header.signer)")
    let decision: DecisionMade
    switch parts.body {
    case .decisionMade(let made): decision = made
    case .approvalVoted(let vote):
      let word = vote.vote == .approve ? "approved" : "denied"
      return try judge(vote.hold, parts.header.signer, word, reason: vote.reason, bodies)
    case .approvalBrokenGlass(let use):
      return try judge(
        use.hold, parts.header.signer, "released by break-glass, alone,", reason: use.reason, bodies
      )
    case .approvalWithdrawn(let vote):
      return try judge(
        vote.hold, parts.header.signer, "withdrew the approval of", reason: vote.reason, bodies)
    case .reviewCompleted(let review):
      let count = review.subjects.count
      proven.append(
        "\(parts.header.signer) found \(count == 1 ? "a statement" : "\(count) statements") "
          + "\(review.outcome.rawValue), noting \"\(review.note.text)\": "
          + review.subjects.map(\.digest.hex).joined(separator: ", "))
      return
    default: return
    }
    guard parts.header.signer.kind == .service else {
      throw Fault(description: "the decision is not a service's")
    }
    guard let action = try action(of: decision, bodies) else {
      throw Fault(description: "the action's bytes are missing")
    }
    proven.append(
      "\(action.agent) signed the action \(action.action.text) on \(action.resource.text) with key "
        + "\(decision.key)")
    try judge(decision.chain, of: action, at: entry.received)
    if let policy = decision.policy {
      guard let published = policies[policy.digest], published.label == policy.label,
        let since = activated[policy.digest],
        published.modules.allSatisfy({ bodies[$0.digest] != nil })
      else { throw Fault(description: "the policy, its text or its activation is missing") }
      proven.append(
        "policy \(policy.label) judged it, in force since #\(since) by the admin quorum; its text "
          + "is in the proof; rules: \(decision.rules.map(\.text).joined(separator: ", "))")
    }
    let reasons = decision.reasons.map { "\($0.code.text): \($0.detail.text)" }
    proven.append(
      "the verdict is \(decision.verdict.rawValue) (\(reasons.joined(separator: "; ")))")
    if let hold = decision.releases { try judge(votes: decision, of: hold, at: entry.received) }
  }

  /// The action of a decision, as its agent signed it; nil if its bytes are not in the bundle.
  private func action(
    of decision: DecisionMade, _ bodies: [Digest: [UInt8]]
  ) throws -> Action? {
    guard let payload = bodies[decision.action] else { return nil }
    let action = try Action(payload: payload)
    guard let key = keys[decision.key], key.holder == action.agent,
      key.key.verifies(
        decision.signature,
        over: PreAuthEncoding.bytes(payloadType: Action.payloadType, payload: payload))
    else { throw Fault(description: "the action is not signed by an enrolled key of its agent") }
    return action
  }

  /// What a person decided: of which action, on what, by which agent, and for what reason.
  private mutating func judge(
    _ hold: Digest, _ voter: Principal, _ word: String, reason: ByteString,
    _ bodies: [Digest: [UInt8]]
  ) throws {
    guard let held = holds[hold], held.hold != nil else {
      throw Fault(description: "the hold \(hold.hex) that it is about is missing")
    }
    let because = reason.isEmpty ? "giving no reason" : "giving the reason \"\(reason.text)\""
    guard let action = try action(of: held, bodies) else {
      proven.append(
        "\(voter) \(word) hold \(hold.hex) of action \(held.action.hex), \(because); the action's "
          + "bytes are not in the proof")
      return
    }
    let params = action.params.members.map { "\($0.name.text) = \($0.value.exactText)" }
    proven.append(
      "\(voter) \(word) the action \(action.action.text) on \(action.resource.text) by "
        + "\(action.agent), "
        + (params.isEmpty ? "with no params, " : "with \(params.joined(separator: ", ")), ")
        + because)
    proven.append(
      "\(action.agent) signed that action with key \(held.key); the vote names its hold, "
        + hold.hex)
  }

  private mutating func judge(
    _ digests: [Digest], of action: Action, at received: Timestamp
  ) throws {
    guard !digests.isEmpty else { return }
    let chain = try digests.map { digest in
      guard let grant = grants[digest] else {
        throw Fault(description: "grant \(digest.hex) of its chain is missing")
      }
      return grant
    }
    let (links, known, people) = (grants, keys, operators)
    let verifier = ChainVerifier(
      ChainRecords(
        grant: { links[$0] },
        key: { print in
          known[print].map {
            KeyRecord(
              key: $0.key, holder: $0.holder, enrollers: [],
              received: Timestamp(milliseconds: 0))
          }
        }, isPresent: { $0.kind != .user || people[$0] != nil }))
    let verified = try verifier.verify(
      leaf: chain[chain.count - 1].digest, agent: action.agent, audience: action.audience,
      at: received)
    guard verified.digests == digests, action.grant == digests.last else {
      throw Fault(description: "the chain is not the one the action names")
    }
    proven.append(
      "its authority: "
        + verified.principals.map(\.description).joined(separator: " > ")
        + ", each grant signed by its issuer, none wider than the one above")
  }

  private mutating func judge(
    votes decision: DecisionMade, of hold: Digest, at received: Timestamp
  ) throws {
    guard let held = holds[hold], held.action == decision.action, held.key == decision.key,
      let terms = held.hold
    else {
      throw Fault(description: "the hold it releases is missing, or of another action")
    }
    var voters: [Voter] = []
    var isGlass = false
    for digest in decision.votes {
      if let vote = votes[digest] {
        guard vote.ballot.hold == hold, vote.ballot.vote == .approve,
          terms.rule.allowSelf || !terms.excluded.contains(vote.by)
        else { throw Fault(description: "vote \(digest.hex) is no approval of this hold") }
        voters.append(
          Voter(
            principal: vote.by, groups: operators[vote.by]?.groups.names(at: received) ?? []))
        proven.append("\(vote.by) approved it at #\(vote.index): \(vote.ballot.reason.text)")
      } else if let glass = glasses[digest], glass.hold == hold, terms.rule.breakGlass {
        isGlass = true
        proven.append("\(glass.by) used break-glass at #\(glass.index)")
      } else {
        throw Fault(description: "vote \(digest.hex) is missing")
      }
    }
    guard decision.verdict != .allow || isGlass || Quorum.isMet(terms.rule.quorum, by: voters)
    else { throw Fault(description: "these votes do not make its quorum") }
  }
}
