package import CanonicalJSON
import Glibc
package import Keys
package import Statements

/// What a deciding service remembers of its looks at the log, beside the pin.
package struct LookRecord: Sendable, Hashable {
  /// An entry for which the service stopped deciding.
  package struct Blocking: Sendable, Hashable {
    package let index: UInt64
    package let received: Timestamp
    package let missing: Timestamp
    package let reason: String

    var fault: AuthorityFault {
      .lateEntry(index: index, claims: received, missing: missing, reason: reason)
    }
  }

  package var last: LastLook?
  /// Approvals that were found late, by the digests of their statements.
  package var lateVotes: Set<Digest> = []
  package var blocking: [Blocking] = []
}

extension PinStore {
  private func path(_ registry: ByteString, _ service: Principal) -> String {
    "\(folder)/\(registry.text).\(service.name).look.json"
  }

  /// What a service remembers of its looks; empty if it never looked.
  ///
  /// - Throws: ``AuthorityFault`` `pin` if there is a file and it cannot be read or understood.
  package func look(
    for registry: ByteString, by service: Principal
  ) throws(AuthorityFault) -> LookRecord {
    let path = path(registry, service)
    guard let bytes = try read(path, limit: 16 << 20) else { return LookRecord() }
    do {
      let limits = JSONParser.Limits(bytes: bytes.count + 1, depth: 8)
      var fields = try JSONFields(try JSONParser.parse(bytes, limits: limits), path: "")
      guard try fields.integer("v") == 1 else { throw fields.fault("v", "is not 1") }
      var record = LookRecord(
        last: LastLook(
          at: try fields.timestamp("at"), size: UInt64(try fields.integer("size"))))
      for text in try fields.strings("late", limit: .max) {
        guard let digest = Digest(hex: text.bytes) else {
          throw fields.fault("late", "holds what is no digest")
        }
        record.lateVotes.insert(digest)
      }
      for element in try fields.array("blocking", limit: .max) {
        var inner = try JSONFields(element, path: "blocking")
        record.blocking.append(
          LookRecord.Blocking(
            index: UInt64(try inner.integer("index")), received: try inner.timestamp("received"),
            missing: try inner.timestamp("missing"), reason: try inner.string("reason").text))
        try inner.finish()
      }
      try fields.finish()
      return record
    } catch {
      throw .pin(path: path, reason: "\(error)")
    }
  }

  /// Writes down what a service remembers, with what another process of the same service has found.
  ///
  /// `accepted`: Entries that stop the service no more. `isNeeded`: Whether a late vote could still
  /// release a hold.
  /// - Returns: What is written.
  package func store(
    _ record: LookRecord, for registry: ByteString, by service: Principal,
    without accepted: [UInt64] = [], keeping isNeeded: (Digest) -> Bool = { _ in true }
  ) throws(AuthorityFault) -> LookRecord {
    guard let last = record.last else { return record }
    let lock = try lock(registry)
    defer { close(lock) }
    let known = try look(for: registry, by: service)
    var merged = record
    merged.lateVotes = merged.lateVotes.union(known.lateVotes).filter(isNeeded)
    for entry in known.blocking where !merged.blocking.contains(entry) {
      merged.blocking.append(entry)
    }
    merged.blocking.removeAll { accepted.contains($0.index) }
    let seen = known.last.map { max($0.at, last.at) } ?? last.at
    try write(
      path(registry, service),
      [
        "at": seen.json, "size": JSONValue(max(known.last?.size ?? 0, last.size)), "v": 1,
        "late": merged.lateVotes.sorted().json,
        "blocking": .array(
          merged.blocking.map {
            [
              "index": JSONValue($0.index), "received": $0.received.json,
              "missing": $0.missing.json, "reason": JSONValue($0.reason),
            ]
          }),
      ])
    return merged
  }
}
