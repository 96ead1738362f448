package import CanonicalJSON
package import Keys

/// `policy.published`: one bundle of Rego modules and optional data, each named by its digest.
package struct PolicyPublished: Sendable, Hashable {
  package struct Module: Sendable, Hashable {
    package let file: ByteString
    /// SHA-256 of the module's text, which the registry keeps beside the log.
    package let digest: Digest

    package init(file: ByteString, digest: Digest) {
      self.file = file
      self.digest = digest
    }
  }

  package let name: ByteString
  package let version: Int64
  package let modules: [Module]
  /// SHA-256 of a JSON document.
  package let data: Digest?

  package init(name: ByteString, version: Int64, modules: [Module], data: Digest?) {
    self.name = name
    self.version = version
    self.modules = modules
    self.data = data
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    name = try fields.string("name")
    version = try fields.integer("version", in: 1...Int64.max)
    var modules: [Module] = []
    for (index, element) in try fields.array("modules", limit: 256).enumerated() {
      var inner = try JSONFields(element, path: "body.modules[\(index)]")
      modules.append(
        Module(file: try inner.string("file"), digest: try inner.digest("digest")))
      try inner.finish()
    }
    guard !modules.isEmpty else { throw fields.fault("modules", "is empty") }
    self.modules = modules
    data = try fields.optionalDigest("data")
  }

  package var json: JSONValue {
    [
      "name": JSONValue(name), "version": JSONValue(version),
      "modules": .array(
        modules.map { ["file": JSONValue($0.file), "digest": JSONValue($0.digest.hex)] }),
      "data": data.json { JSONValue($0.hex) },
    ]
  }

  /// As `prod-destructive@v12`.
  package var label: String { "\(name.text)@v\(version)" }
}

/// `policy.activated`: from here on this bundle judges.
package struct PolicyActivated: Sendable, Hashable {
  /// The digest of the `policy.published` statement.
  package let policy: Digest

  package init(policy: Digest) {
    self.policy = policy
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    policy = try fields.digest("policy")
  }

  package var json: JSONValue { ["policy": JSONValue(policy.hex)] }
}
