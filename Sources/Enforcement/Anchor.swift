package import CanonicalJSON
import Foundation
import Glibc
package import Keys
package import Statements
import TransparencyLog

/// What an agent's side verifies receipts with: which registry, and the keys of its services.
///
/// It comes from who enrolled the agent's key, never from the daemon whose word it is to check.
package struct Anchor: Sendable, Hashable {
  package struct Service: Sendable, Hashable {
    package let name: Principal
    package let key: PublicKey

    package init(name: Principal, key: PublicKey) {
      self.name = name
      self.key = key
    }
  }

  /// The registry's id.
  package let registry: ByteString
  /// One for each key; a service may have several.
  package let services: [Service]

  package init(registry: ByteString, services: [Service]) {
    self.registry = registry
    self.services = services
  }

  /// Why there is no anchor to verify with.
  package enum Fault: Error, Sendable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case exposed(path: String, mode: UInt32)
    case malformed(path: String, reason: String)
    case unwritable(path: String, reason: String)
    /// The file there is of another registry.
    case otherRegistry(path: String, registry: ByteString)
    /// The daemon is not one that the anchor knows.
    case unknownDaemon(registry: ByteString, service: Principal, why: String)

    package var code: String {
      switch self {
      case .unreadable, .malformed: "anchor_unreadable"
      case .exposed: "anchor_exposed"
      case .unwritable: "anchor_unwritable"
      case .otherRegistry: "anchor_exists"
      case .unknownDaemon: "anchor_mismatch"
      }
    }

    package var description: String {
      let anew = "write it anew on the registry's side: countersign key anchor --out FILE"
      return switch self {
      case .unreadable(let path, let reason):
        "the anchor \(path) cannot be read (\(reason)); \(anew)"
      case .exposed(let path, let mode):
        "the anchor \(path) can be written by others (mode \(String(mode, radix: 8))), who could put "
          + "their own keys there; see that it is right, then run: chmod go-w \(path)"
      case .malformed(let path, let reason): "\(path) is no anchor (\(reason)); \(anew)"
      case .unwritable(let path, let reason):
        "the anchor \(path) cannot be written: \(reason)"
      case .otherRegistry(let path, let registry):
        "\(path) is the anchor of registry \(registry.text) and is not replaced; name another file"
      case .unknownDaemon(let registry, let service, let why):
        "the daemon says it is \(service) of registry \(registry.text), and the anchor \(why); "
          + "if that service is new, \(anew)"
      }
    }
  }

  private static let sizeLimit = 1 << 20
  private static let serviceLimit = 1024

  /// Where the anchor of a key lies.
  package static func path(besides key: String) -> String { key + ".anchor" }

  /// Reads an anchor; nil if there is no file.
  package static func read(_ path: String) throws(Fault) -> Anchor? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size <= sizeLimit
    else { throw .unreadable(path: path, reason: "it is no regular file of at most 1 MiB") }
    guard status.st_mode & 0o022 == 0 else {
      throw .exposed(path: path, mode: status.st_mode & 0o777)
    }
    guard
      let data = try? FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        .read(upToCount: sizeLimit)
    else { throw .malformed(path: path, reason: "it is empty") }
    do {
      return try Anchor(bytes: Array(data))
    } catch {
      throw .malformed(path: path, reason: "\(error)")
    }
  }

  init(bytes: [UInt8]) throws {
    var fields = try JSONFields(try JSONParser.parse(bytes), path: "")
    guard try fields.integer("v") == 1 else { throw fields.fault("v", "is not 1") }
    registry = ByteString(try fields.digest("registry").hex)
    services = try fields.array("services", limit: Anchor.serviceLimit).enumerated().map {
      var inner = try JSONFields($1, path: "services[\($0)]")
      let service = Service(
        name: try inner.principal("service", .service), key: try inner.publicKey("key"))
      try inner.finish()
      return service
    }
    try fields.finish()
  }

  package var json: JSONValue {
    [
      "registry": JSONValue(registry),
      "services": .array(
        services.map { ["key": JSONValue($0.key.hex), "service": $0.name.json] }), "v": 1,
    ]
  }

  /// Whether an anchor may be written there: not over one of another registry.
  package func checkPlace(_ path: String) throws(Fault) {
    if let there = try Anchor.read(path), there.registry != registry {
      throw .otherRegistry(path: path, registry: there.registry)
    }
  }

  /// Writes the anchor, in place of an earlier one of the same registry.
  package func write(_ path: String) throws(Fault) {
    try checkPlace(path)
    do {
      let bytes = try json.canonicalBytes() + [0x0A]
      try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
      guard chmod(path, 0o644) == 0 else { throw CocoaError(.fileWriteNoPermission) }
    } catch {
      throw .unwritable(path: path, reason: error.localizedDescription)
    }
  }

  /// Refuses a daemon that is none of the anchor's services.
  package func check(_ daemon: AgentClient.Head) throws(Fault) {
    guard daemon.registry == registry else {
      throw .unknownDaemon(
        registry: daemon.registry, service: daemon.service, why: "is of \(registry.text)")
    }
    guard services.contains(where: { $0.name == daemon.service }) else {
      let known = services.map(\.name.description).joined(separator: ", ")
      throw .unknownDaemon(
        registry: daemon.registry, service: daemon.service,
        why: "knows \(known.isEmpty ? "no service" : known)")
    }
  }

  fileprivate var verifiers: [NoteVerifier] {
    let origin = Checkpoint.origin(registry: registry)
    return Set(services.map(\.key)).map { NoteVerifier(name: origin, key: $0) }
  }
}

/// A decision about one envelope that the log of the anchor's registry holds, by its receipt.
///
/// The initializer is out of reach: ``Anchor/verify(_:of:)`` is the only way to get one.
package struct VerifiedDecision: Sendable {
  package let action: Digest
  package let verdict: Verdict
  package let index: UInt64
  package let received: Timestamp

  fileprivate init(action: Digest, verdict: Verdict, index: UInt64, received: Timestamp) {
    self.action = action
    self.verdict = verdict
    self.index = index
    self.received = received
  }
}

/// A receipt that does not prove what the answer says; nothing is then executed.
package struct ReceiptFault: Error, Sendable, CustomStringConvertible {
  package let code = "receipt_invalid"
  package let description: String

  init(_ why: String) {
    description =
      "the daemon's answer is not proven by its receipt: \(why); do not execute the action, and find "
      + "out who answers on this socket"
  }
}

extension Anchor {
  /// Verifies that the log holds what an answer says about an envelope.
  ///
  /// - Returns: nil for a refusal that the answer says was not logged: there is nothing to prove, and
  ///   nothing to execute.
  package func verify(
    _ answer: JSONValue, of envelope: UnverifiedEnvelope
  ) throws(ReceiptFault) -> VerifiedDecision? {
    guard let verdict = answer["verdict"]?.string.flatMap({ Verdict(rawValue: $0.text) }) else {
      throw ReceiptFault("it names no verdict")
    }
    if let action = answer["action"], action.string != ByteString(envelope.digest.hex) {
      throw ReceiptFault("it is about another action")
    }
    if verdict == .deny, answer["receipt"] == nil, answer["log_index"] == nil { return nil }
    guard let text = answer["receipt"]?.string,
      let bytes = answer["entry"]?.string.flatMap({ Base64.bytes(of: $0.bytes) })
    else { throw ReceiptFault("it has no receipt with its entry") }
    let index = try checkInclusion(text.bytes, of: bytes)
    guard answer["log_index"]?.integer == Int64(exactly: index) else {
      throw ReceiptFault("its log_index is not the receipt's")
    }
    let (entry, decision) = try decision(bytes)
    guard decision.action == envelope.digest, let own = envelope.signatures.first,
      envelope.signatures.count == 1, decision.key == own.key, decision.signature == own.signature
    else { throw ReceiptFault("the entry decides another action") }
    // A hold that has ended is answered as a denial; nothing else may differ from what was logged.
    guard decision.verdict == verdict || (decision.verdict == .hold && verdict == .deny) else {
      throw ReceiptFault(
        "it says \(verdict.rawValue), and the entry says \(decision.verdict.rawValue)")
    }
    return VerifiedDecision(
      action: envelope.digest, verdict: verdict, index: index, received: entry.received)
  }

  private func checkInclusion(_ text: [UInt8], of entry: [UInt8]) throws(ReceiptFault) -> UInt64 {
    let isProven: Bool
    let index: UInt64
    let origin: ByteString
    do {
      let parsed = try Receipt.parse(text)
      let note = try SignedNote(parsed.checkpoint)
      origin = try Checkpoint(text: note.text).origin
      index = parsed.index
      isProven = try Receipt(index: index, path: parsed.path, checkpoint: note)
        .proves(entry, by: verifiers)
    } catch {
      throw ReceiptFault("\(error)")
    }
    guard origin == Checkpoint.origin(registry: registry) else {
      throw ReceiptFault("its checkpoint is of \(origin.text)")
    }
    guard isProven else { throw ReceiptFault("the entry is not in the checkpoint's log") }
    return index
  }

  private func decision(
    _ bytes: [UInt8]
  ) throws(ReceiptFault) -> (entry: LogEntry, decision: DecisionMade) {
    let entry: LogEntry
    let parts: StatementParts
    do {
      entry = try LogEntry(bytes: bytes)
      parts = try StatementParts(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
      let keys = services.filter { $0.name == parts.header.signer }.map(\.key)
      _ = try entry.envelope.verified { print in keys.first { $0.fingerprint == print } }
    } catch {
      throw ReceiptFault("\(error)")
    }
    guard parts.header.registry == registry, case .decisionMade(let decision) = parts.body else {
      throw ReceiptFault("the entry is no decision of registry \(registry.text)")
    }
    return (entry, decision)
  }
}
