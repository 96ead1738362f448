package import CanonicalJSON

/// What may be done to what: every action pattern on every resource pattern.
///
/// Empty lists grant nothing.
package struct Capability: Sendable, Hashable {
  /// `deploy`, `pull_request:*` or `*`.
  package let actions: [ByteString]
  /// `prod://payments/**`.
  package let resources: [ByteString]

  package init(actions: [ByteString], resources: [ByteString]) {
    self.actions = actions
    self.resources = resources
  }

  package init(_ json: JSONValue, path: String) throws(FieldFault) {
    var fields = try JSONFields(json, path: path)
    actions = try fields.strings("actions", limit: 64)
    resources = try fields.strings("resources", limit: 64)
    try fields.finish()
  }

  package var json: JSONValue { ["actions": actions.json, "resources": resources.json] }
}
