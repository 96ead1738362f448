package import CanonicalJSON
import Decisions
import Delegations
package import Keys
package import Registry
import Statements
package import TransparencyLog

/// One entry with everything that shows it to be what it says, for people without the registry.
///
/// The format is in `Authority.docc/Proof.md`.
package struct ProofBundle: Sendable {
  package struct Entry: Sendable {
    package let index: UInt64
    package let bytes: [UInt8]
    /// The audit path from the entry to the checkpoint's root.
    package let path: [Digest]
  }

  package let registry: ByteString
  /// The entry it is about.
  package let subject: UInt64
  package let checkpoint: SignedNote
  /// In the order of the log.
  package let entries: [Entry]
  /// Actions and policy texts, found by their digest.
  package let bodies: [[UInt8]]

  private static let format: JSONValue = "countersign-proof"

  package init(
    registry: ByteString, subject: UInt64, checkpoint: SignedNote, entries: [Entry],
    bodies: [[UInt8]]
  ) {
    self.registry = registry
    self.subject = subject
    self.checkpoint = checkpoint
    self.entries = entries
    self.bodies = bodies
  }

  package var json: JSONValue {
    [
      "format": ProofBundle.format, "v": 1, "registry": JSONValue(registry),
      "subject": JSONValue(subject),
      "checkpoint": JSONValue(String(decoding: checkpoint.bytes, as: UTF8.self)),
      "entries": .array(
        entries.map {
          [
            "index": JSONValue($0.index), "bytes": JSONValue(Base64.text(of: $0.bytes)),
            "path": .array($0.path.map { JSONValue(Base64.text(of: $0.bytes)) }),
          ]
        }), "bodies": .array(bodies.map { JSONValue(Base64.text(of: $0)) }),
    ]
  }

  /// Reads a bundle; nothing in it is believed yet.
  package init(json: JSONValue) throws {
    var fields = try JSONFields(json, path: "")
    guard try fields.value("format") == ProofBundle.format, try fields.integer("v") == 1 else {
      throw fields.fault("format", "is not countersign-proof, version 1")
    }
    registry = try fields.string("registry")
    subject = UInt64(try fields.integer("subject"))
    checkpoint = try SignedNote(try fields.string("checkpoint").bytes)
    func bytes(_ text: ByteString, _ what: ByteString) throws -> [UInt8] {
      guard let bytes = Base64.bytes(of: text.bytes) else {
        throw fields.fault(what, "holds what is not base64")
      }
      return bytes
    }
    entries = try fields.array("entries", limit: 100_000).map { element in
      var inner = try JSONFields(element, path: "entries")
      let path = try inner.strings("path", limit: 64).map { text in
        guard let digest = Digest(bytes: try bytes(text, "path")) else {
          throw inner.fault("path", "holds what is not 32 bytes")
        }
        return digest
      }
      let entry = Entry(
        index: UInt64(try inner.integer("index")),
        bytes: try bytes(try inner.string("bytes"), "bytes"), path: path)
      try inner.finish()
      return entry
    }
    bodies = try fields.strings("bodies", limit: 100_000).map { try bytes($0, "bodies") }
    try fields.finish()
  }
}

extension Ledger {
  /// Gathers what shows an entry to be what it says, up to the newest checkpoint.
  package func proof(
    of subject: UInt64, _ transaction: RegistryTransaction
  ) throws -> ProofBundle {
    guard subject < tree.size else {
      throw AuthorityFault.refused(
        .unknownSubject(
          what: "log entry", name: "#\(subject) (the log has \(tree.size) entries)"))
    }
    let (note, size) = try checkpoint(transaction)
    guard subject < size else {
      throw AuthorityFault.uncovered(entry: subject, checkpoint: size)
    }
    var gathering = ProofGathering(ledger: self, transaction: transaction)
    try gathering.add(entry: subject)
    for index in try transaction.rosterIndexes(
      before: size, policyProposals: gathering.policyProposals)
    {
      try gathering.add(entry: index)
    }
    let entries = try gathering.indexes.filter { $0 < size }.sorted().map { index in
      let receipt = try receipt(index, checkpoint: note, size: size, transaction)
      let bytes = try statement(at: index, transaction).entry.bytes()
      return ProofBundle.Entry(index: index, bytes: bytes, path: receipt.path)
    }
    return ProofBundle(
      registry: state.registry?.id ?? "", subject: subject, checkpoint: note, entries: entries,
      bodies: gathering.bodies)
  }
}

/// Follows what an entry rests on, from entry to entry.
private struct ProofGathering {
  let ledger: Ledger
  let transaction: RegistryTransaction
  var indexes: Set<UInt64> = []
  var bodies: [[UInt8]] = []
  var policyProposals: [Digest] = []

  init(ledger: Ledger, transaction: RegistryTransaction) {
    self.ledger = ledger
    self.transaction = transaction
  }

  mutating func add(entry index: UInt64) throws {
    guard indexes.insert(index).inserted else { return }
    let (entry, parts) = try ledger.statement(at: index, transaction)
    for signature in entry.envelope.signatures { try add(key: signature.key) }
    switch parts.body {
    case .keyEnrolled(let body): try add(request: body.request)
    case .keyRotated(let body):
      try add(key: body.old)
      try add(request: body.request)
    case .grantIssued(let body):
      if let parent = body.parent { try add(grant: parent) }
    case .decisionMade(let body):
      try add(key: body.key)
      for grant in body.chain { try add(grant: grant) }
      if let payload = try transaction.body(body.action) { add(body: payload) }
      if let policy = body.policy { try add(policy: policy.digest, before: index) }
      if let hold = body.releases {
        if let at = try transaction.holdIndex(hold) { try add(entry: at) }
        for vote in try transaction.voteIndexes(of: hold) where vote < index {
          try add(entry: vote)
        }
      }
    case .approvalVoted(let body):
      if let at = try transaction.holdIndex(body.hold) { try add(entry: at) }
    case .approvalWithdrawn(let body):
      if let at = try transaction.holdIndex(body.hold) { try add(entry: at) }
    case .approvalBrokenGlass(let body):
      if let at = try transaction.holdIndex(body.hold) { try add(entry: at) }
    case .policyPublished(let body):
      for digest in body.modules.map(\.digest) + (body.data.map { [$0] } ?? []) {
        if let text = try transaction.body(digest) { add(body: text) }
      }
    default: break
    }
  }

  private mutating func add(body: [UInt8]) {
    if !bodies.contains(body) { bodies.append(body) }
  }

  /// Operators' and services' keys are in the roster; an agent's has an entry of its own.
  private mutating func add(key: Fingerprint) throws {
    guard ledger.state.keys[key]?.holder.kind == .agent,
      let index = try transaction.index(ofKey: key)
    else { return }
    try add(entry: index)
  }

  private mutating func add(grant: Digest) throws {
    if let index = try transaction.index(ofGrant: grant) { try add(entry: index) }
  }

  private mutating func add(request: Digest?) throws {
    guard let request, let index = try transaction.index(ofRequest: request) else { return }
    try add(entry: index)
  }

  /// The policy's publication, and the last proposal before the decision that put it in force.
  private mutating func add(policy: Digest, before limit: UInt64) throws {
    if let index = try transaction.index(ofPolicy: policy) { try add(entry: index) }
    let candidates = try transaction.proposals(of: .policyActivated).filter { $0.index < limit }
    for (digest, index) in candidates.sorted(by: { $0.index > $1.index }) {
      guard
        case .proposalOpened(let opened) = try ledger.statement(at: index, transaction).parts.body,
        case .policyActivated(let body) = opened.inner, body.policy == policy
      else { continue }
      policyProposals.append(digest)
      return
    }
  }
}
