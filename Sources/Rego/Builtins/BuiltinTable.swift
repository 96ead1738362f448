/// The builtins that a policy is compiled with, and those refused with a reason.
package struct BuiltinTable: Sendable {
  package private(set) var builtins: [String: Builtin] = [:]
  /// Names that OPA knows and this engine refuses, each with the reason.
  package private(set) var refused: [String: String] = [:]

  package init(_ families: [[Builtin]] = [], refused: [String: String] = [:]) {
    for family in families { for builtin in family { builtins[builtin.name] = builtin } }
    self.refused = refused
  }

  /// This table with more builtins, which stand in place of those of the same name.
  package func adding(
    _ more: [Builtin], refused moreRefused: [String: String] = [:]
  ) -> BuiltinTable {
    var table = self
    for builtin in more {
      table.builtins[builtin.name] = builtin
      table.refused[builtin.name] = nil
    }
    for (name, reason) in moreRefused where table.builtins[name] == nil {
      table.refused[name] = reason
    }
    return table
  }

  package subscript(name: String) -> Builtin? { builtins[name] }
}
