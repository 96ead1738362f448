package import CanonicalJSON
package import Delegations
package import Statements

/// What URIs are: the operators' word, never the agents'.
package struct ResourceCatalogue: Sendable, Hashable {
  package private(set) var entries: [ByteString: ResourceEntry] = [:]
  /// The patterns of the entries, parsed once, by their literal prefixes.
  private var patterns: [ByteString: [ResourcePattern]] = [:]

  package init() {}

  /// A pattern with the same literal prefix as this one, between which no URI could decide.
  ///
  /// Only those of that prefix are looked at, however many there are in all.
  private func tie(with pattern: ResourcePattern, _ prefix: ByteString) -> ByteString? {
    patterns[prefix]?.first { $0.text != pattern.text && $0.overlaps(pattern) }?.text
  }

  /// Two patterns that tie, if these entries were registered: with what is there, or among themselves.
  func tie(with added: [ResourceEntry]) throws(PatternFault) -> (ByteString, ByteString)? {
    var trial = self
    for entry in added {
      let pattern = try ResourcePattern(entry.pattern)
      if let other = trial.tie(with: pattern, pattern.literalPrefix) {
        return (entry.pattern, other)
      }
      trial.register(entry, pattern)
    }
    return nil
  }

  private mutating func register(_ entry: ResourceEntry, _ pattern: ResourcePattern) {
    if entries.updateValue(entry, forKey: entry.pattern) == nil {
      patterns[pattern.literalPrefix, default: []].append(pattern)
    }
  }

  mutating func register(_ entry: ResourceEntry) throws(PatternFault) {
    register(entry, try ResourcePattern(entry.pattern))
  }

  /// The entry for a URI: the longest literal prefix wins.
  package func entry(for uri: ResourceURI) -> ResourceEntry? {
    for prefix in uri.prefixes {
      if let pattern = patterns[prefix]?.first(where: { $0.matches(uri) }) {
        return entries[pattern.text]
      }
    }
    return nil
  }

  /// What policy sees of a resource: attributes, then uri, type and env, which nothing overrides.
  package func facts(for uri: ResourceURI) -> JSONObject {
    let entry = entry(for: uri)
    var facts = entry?.attributes ?? JSONObject()
    facts["uri"] = JSONValue(uri.text)
    facts["type"] = JSONValue(entry?.type ?? uri.scheme)
    facts["env"] = entry?.env.map { JSONValue($0) }
    return facts
  }
}
