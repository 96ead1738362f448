import Authority
import CanonicalJSON
import Decisions
import Documents
import Registry
import Statements

/// Several operators' standing, read from a file.
enum Rota {
  static func record(of principal: Principal, in ledger: Ledger) throws -> OperatorRecord {
    guard let record = ledger.state.operators[principal] else {
      throw CommandFault("operator_unknown", "no operator \(principal) is enrolled")
    }
    return record
  }

  /// - Throws: A fault naming the member that is wrong.
  static func read(_ path: String, in ledger: Ledger) throws -> [OperatorUpdated.Standing] {
    let text = String(decoding: try Parse.file(path), as: UTF8.self)
    guard let elements = try YAMLDocument.parse(text, file: path).array else {
      throw FieldFault(path: path, problem: "is no list of operators")
    }
    return try elements.enumerated().map { index, element in
      var fields = try JSONFields(element, path: "\(path)[\(index)]")
      let now = try record(of: try fields.principal("operator", .user), in: ledger)
      let roles =
        fields.optional("roles") == nil
        ? now.roles
        : try Parse.roles(try fields.strings("roles").map(\.text).joined(separator: ","))
      let groups =
        try fields.optional("groups").map { _ in
          try fields.array("groups", limit: GroupMembership.limit).enumerated().map {
            try GroupMembership(withMilliseconds($1), path: "\(path)[\(index)].groups[\($0)]")
          }
        } ?? now.memberships
      let mayGrant =
        try fields.optional("may_grant").map { _ in
          try fields.strings("may_grant").map { try Parse.capability($0.text) }
        } ?? now.mayGrant
      try fields.finish()
      return OperatorUpdated.Standing(
        principal: now.principal, roles: roles, groups: groups, mayGrant: mayGrant)
    }
  }

  /// People leave the decimals of a second out; statements have them.
  private static func withMilliseconds(_ value: JSONValue) -> JSONValue {
    guard let object = value.object else { return value }
    return .object(
      JSONObject(
        object.members.map { member in
          guard ["from", "until"].contains(member.name), let text = member.value.string,
            let time = Timestamp(lenient: text)
          else { return member }
          return JSONObject.Member(name: member.name, value: time.json)
        }))
  }
}

/// The groups of a row, which are JSON, in words.
enum GroupText {
  /// What can be read of it; a row is not to be trusted.
  static func memberships(_ json: String) -> [GroupMembership] {
    ((try? JSONParser.parse(Array(json.utf8)))?.array ?? []).compactMap {
      try? GroupMembership($0, path: "groups")
    }
  }

  /// In a narrow column: `sre until 2026-12-08 00:00`, `sre from 2026-12-08 00:00`, `security`.
  static func short(_ json: String, at now: Timestamp) -> String {
    memberships(json).filter { $0.until.map { now < $0 } ?? true }.map { membership in
      let name = membership.group.text
      if let from = membership.from, now < from { return "\(name) from \(from.minute)" }
      return membership.until.map { "\(name) until \($0.minute)" } ?? name
    }.joined(separator: ", ")
  }

  static func words(_ json: String) -> String {
    guard let elements = try? JSONParser.parse(Array(json.utf8)).array else { return json }
    return elements.map { element in
      (try? GroupMembership(element, path: "groups"))?.words ?? element.shownText
    }.joined(separator: " ")
  }
}
