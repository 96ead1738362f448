package import CanonicalJSON

/// That an operator is in a group: always, or from one instant until another.
///
/// In JSON a name, or `{"group":"sre","from":"...","until":"..."}`.
package struct GroupMembership: Sendable, Hashable {
  package let group: ByteString
  /// From when on it counts; from its enrolment if none.
  package let from: Timestamp?
  /// Until when it counts, that instant not included.
  package let until: Timestamp?

  package init(_ group: ByteString, from: Timestamp? = nil, until: Timestamp? = nil) {
    self.group = group
    self.from = from
    self.until = until
  }

  package init(_ json: JSONValue, path: String) throws(FieldFault) {
    if let name = json.string {
      self.init(name)
    } else {
      var fields = try JSONFields(json, path: path)
      self.init(
        try fields.string("group"), from: try fields.optionalTimestamp("from"),
        until: try fields.optionalTimestamp("until"))
      try fields.finish()
    }
    guard (1...GroupMembership.nameLimit).contains(group.count),
      group.bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
    else {
      throw FieldFault(
        path: path,
        problem: "names no group: 1 to \(GroupMembership.nameLimit) bytes without white space")
    }
    if let from, let until, from >= until {
      throw FieldFault(path: path, problem: "has an until that is not after its from")
    }
  }

  package static let nameLimit = 64
  /// Memberships of one operator: a year of weeks in a rota, and room for the lasting ones.
  package static let limit = 128

  package func counts(at now: Timestamp) -> Bool {
    (from.map { $0 <= now } ?? true) && (until.map { now < $0 } ?? true)
  }

  /// As `sre`, `sre@2026-12-01T00:00:00.000Z..2026-12-08T00:00:00.000Z`, `sre@..2026-12-08...`.
  package var words: String {
    guard from != nil || until != nil else { return group.text }
    return "\(group.text)@\(from?.text ?? "")..\(until?.text ?? "")"
  }

  package var json: JSONValue {
    guard from != nil || until != nil else { return JSONValue(group) }
    let value: JSONValue = [
      "group": JSONValue(group), "from": from.json(\.json), "until": until.json(\.json),
    ]
    return value.withoutNulls
  }
}

extension GroupMembership: ExpressibleByStringLiteral {
  package init(stringLiteral name: String) {
    self.init(ByteString(name))
  }
}

extension Sequence<GroupMembership> {
  /// The groups that count at an instant.
  package func names(at now: Timestamp) -> [ByteString] {
    var names: [ByteString] = []
    for membership in self where membership.counts(at: now) && !names.contains(membership.group) {
      names.append(membership.group)
    }
    return names
  }

  package var words: String { map(\.words).joined(separator: " ") }
}

extension JSONFields {
  package mutating func groups(_ name: ByteString) throws(FieldFault) -> [GroupMembership] {
    var groups: [GroupMembership] = []
    for (index, element) in try array(name, limit: GroupMembership.limit).enumerated() {
      groups.append(try GroupMembership(element, path: "\(place(name))[\(index)]"))
    }
    return groups
  }
}
