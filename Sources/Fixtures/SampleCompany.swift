package import CanonicalJSON
import Documents
package import Statements

/// A company described in YAML, from which a registry and its traffic are made.
package struct SampleCompany: Sendable {
  package struct Member: Sendable {
    package let name: Principal
    package let roles: [ByteString]
    package let groups: [ByteString]
  }

  package struct Link: Sendable {
    package let id: ByteString
    package let issuer: Principal
    package let holder: Principal
    package let parent: ByteString?
    package let depth: Int64
    package let capabilities: [Capability]
  }

  package struct Policy: Sendable {
    package let name: ByteString
    package let file: String
    package let isActive: Bool
  }

  /// Something an agent does now and then.
  package struct Errand: Sendable {
    package let agent: Principal
    package let grant: ByteString
    package let action: ByteString
    package let resource: ByteString
    package let params: JSONObject
    package let claimedEnv: ByteString?
    package let words: ByteString?
    package let weight: Int
  }

  package let name: ByteString
  package let founder: Principal
  package let service: Principal
  package let operators: [Member]
  package let mayGrant: [Capability]
  package let resources: [ResourceEntry]
  package let agents: [Member]
  package let grants: [Link]
  package let policies: [Policy]
  package let traffic: [Errand]

  /// Reads a manifest.
  ///
  /// - Throws: A fault naming the member that is wrong.
  package init(yaml: String, file: String) throws {
    var fields = try JSONFields(try YAMLDocument.parse(yaml, file: file), path: "")
    name = try fields.string("name")
    founder = try fields.principal("founder", .user)
    service = try fields.principal("service", .service)
    operators = try SampleCompany.list(&fields, "operators") { try Member(&$0, .user) }
    agents = try SampleCompany.list(&fields, "agents") { try Member(&$0, .agent) }
    mayGrant = try fields.strings("may_grant").map(SampleCompany.capability)
    resources = try SampleCompany.list(&fields, "resources") { inner in
      ResourceEntry(
        pattern: try inner.string("pattern"), type: try inner.string("type"),
        env: try inner.optionalString("env"))
    }
    grants = try SampleCompany.list(&fields, "grants") { inner in
      Link(
        id: try inner.string("id"), issuer: try inner.principal("from"),
        holder: try inner.principal("to", .agent), parent: try inner.optionalString("parent"),
        depth: try inner.integer("depth"),
        capabilities: try inner.strings("can").map(SampleCompany.capability))
    }
    policies = try SampleCompany.list(&fields, "policies") { inner in
      Policy(
        name: try inner.string("name"), file: try inner.string("file").text,
        isActive: try inner.bool("active", default: false))
    }
    traffic = try SampleCompany.list(&fields, "traffic") { inner in
      Errand(
        agent: try inner.principal("agent", .agent), grant: try inner.string("grant"),
        action: try inner.string("action"), resource: try inner.string("resource"),
        params: try inner.attributes("params"), claimedEnv: try inner.optionalString("env"),
        words: try inner.optionalString("says"), weight: Int(try inner.integer("weight")))
    }
    try fields.finish()
  }

  private static func list<Item>(
    _ fields: inout JSONFields, _ name: ByteString, _ read: (inout JSONFields) throws -> Item
  ) throws -> [Item] {
    try fields.array(name).enumerated().map { index, element in
      var inner = try JSONFields(element, path: "\(name.text)[\(index)]")
      let item = try read(&inner)
      try inner.finish()
      return item
    }
  }

  /// Reads `deploy,restart@prod://payments/**`.
  private static func capability(_ text: ByteString) throws -> Capability {
    let parts = text.split(on: "@")
    guard parts.count == 2 else {
      throw FieldFault(path: "can", problem: "holds \"\(text.text)\", which is not ACTIONS@PATTERN")
    }
    return Capability(actions: parts[0].split(on: ","), resources: [parts[1]])
  }
}

extension SampleCompany.Member {
  fileprivate init(_ fields: inout JSONFields, _ kind: Principal.Kind) throws {
    name = try fields.principal("name", kind)
    roles = try fields.strings("roles")
    groups = try fields.optionalStrings("groups")
  }
}
