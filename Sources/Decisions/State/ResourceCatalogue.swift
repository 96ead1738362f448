package import CanonicalJSON
package import Delegations
package import Statements

/// What URIs are: the operators' word, never the agents'.
package struct ResourceCatalogue: Sendable, Hashable {
  package private(set) var entries: [ByteString: ResourceRegistered] = [:]
  /// The patterns of the entries by what stands before their first wildcard.
  private var patterns: [ByteString: [ResourcePattern]] = [:]

  package init() {}

  /// Another entry with the same literal prefix, between which no URI could decide.
  func tie(with pattern: ResourcePattern) -> ByteString? {
    patterns[pattern.literalPrefix]?
      .filter { $0.text != pattern.text && $0.overlaps(pattern) }
      .map(\.text).min()
  }

  mutating func register(_ entry: ResourceRegistered, _ pattern: ResourcePattern) {
    if entries.updateValue(entry, forKey: entry.pattern) == nil {
      patterns[pattern.literalPrefix, default: []].append(pattern)
    }
  }

  /// The entry for a URI: the longest literal prefix wins.
  package func entry(for uri: ResourceURI) -> ResourceRegistered? {
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
