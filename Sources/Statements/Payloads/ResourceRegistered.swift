package import CanonicalJSON

/// What the URIs of one pattern are.
package struct ResourceEntry: Sendable, Hashable {
  package let pattern: ByteString
  package let type: ByteString
  package let env: ByteString?
  package let attributes: JSONObject

  package static let patternLimit = 1024

  package init(
    pattern: ByteString, type: ByteString, env: ByteString?, attributes: JSONObject = JSONObject()
  ) {
    self.pattern = pattern
    self.type = type
    self.env = env
    self.attributes = attributes
  }

  package init(_ json: JSONValue, path: String) throws(FieldFault) {
    var fields = try JSONFields(json, path: path)
    pattern = try fields.string("pattern")
    guard pattern.count <= ResourceEntry.patternLimit else {
      throw fields.fault("pattern", "is over \(ResourceEntry.patternLimit) bytes long")
    }
    type = try fields.string("resource_type")
    env = try fields.optionalString("env")
    attributes = try fields.attributes("attributes")
    try fields.finish()
  }

  package var json: JSONValue {
    let value: JSONValue = [
      "pattern": JSONValue(pattern), "resource_type": JSONValue(type),
      "env": env.json { JSONValue($0) }, "attributes": .object(attributes),
    ]
    return value.withoutNulls
  }
}

/// `resource.registered`: what URIs are; agents name resources, they do not classify them.
package struct ResourceRegistered: Sendable, Hashable {
  package let resources: [ResourceEntry]

  package static let limit = 256

  package init(_ resources: [ResourceEntry]) {
    self.resources = resources
  }

  /// One pattern.
  package init(
    pattern: ByteString, type: ByteString, env: ByteString?, attributes: JSONObject = JSONObject()
  ) {
    self.init([ResourceEntry(pattern: pattern, type: type, env: env, attributes: attributes)])
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    var resources: [ResourceEntry] = []
    let elements = try fields.array("resources", limit: ResourceRegistered.limit)
    for (index, element) in elements.enumerated() {
      resources.append(
        try ResourceEntry(element, path: "\(fields.place("resources"))[\(index)]"))
    }
    guard !resources.isEmpty else { throw fields.fault("resources", "is empty") }
    var seen: Set<ByteString> = []
    for entry in resources where !seen.insert(entry.pattern).inserted {
      throw fields.fault("resources", "registers \(entry.pattern.text) twice")
    }
    self.resources = resources
  }

  package var json: JSONValue { ["resources": .array(resources.map(\.json))] }
}
