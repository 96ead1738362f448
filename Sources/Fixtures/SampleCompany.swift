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

  /// A part of the story that a demonstration tells.
  package struct Scene: Sendable {
    package let errand: Errand
    /// When it begins.
    package let afterSeconds: Int
    /// Between an answer and the next request; of a flood, between two requests.
    package let pauseSeconds: Int
    /// Whether it does not wait for answers: a compromised agent.
    package let isFlood: Bool
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
  package let story: [Scene]

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
      try Errand(&inner, weight: Int(clamping: try inner.integer("weight")))
    }
    story = try SampleCompany.list(&fields, "story") { inner in
      Scene(
        errand: try Errand(&inner, weight: 0), afterSeconds: try inner.seconds("after"),
        pauseSeconds: try inner.seconds("pause"),
        isFlood: try inner.bool("flood", default: false))
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

extension SampleCompany.Errand {
  fileprivate init(_ fields: inout JSONFields, weight: Int) throws {
    agent = try fields.principal("agent", .agent)
    grant = try fields.string("grant")
    action = try fields.string("action")
    resource = try fields.string("resource")
    params = try fields.attributes("params")
    claimedEnv = try fields.optionalString("env")
    words = try fields.optionalString("says")
    self.weight = weight
  }
}

extension JSONFields {
  /// A span of time in a story.
  fileprivate mutating func seconds(_ name: ByteString) throws -> Int {
    let value = try integer(name)
    guard (0...3600).contains(value) else {
      throw FieldFault(path: name.text, problem: "is a number of seconds from 0 to 3600")
    }
    return Int(value)
  }
}

extension SampleCompany.Member {
  fileprivate init(_ fields: inout JSONFields, _ kind: Principal.Kind) throws {
    name = try fields.principal("name", kind)
    roles = try fields.strings("roles")
    groups = try fields.optionalStrings("groups")
  }
}
