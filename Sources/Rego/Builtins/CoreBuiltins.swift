import CanonicalJSON

extension BuiltinTable {
  /// The builtins that need nothing but their arguments.
  ///
  /// Each family is one static list in a file of its own: `BuiltinTable.strings` in Strings.swift.
  package static let core = BuiltinTable([
    aggregates, numbers, arrays, sets, objects, types, strings, encoding, jsonPaths, regex, glob,
    units, graphs, networks, identifiers, uris, templates, time(release: "none") { _ in nil },
  ])
}
