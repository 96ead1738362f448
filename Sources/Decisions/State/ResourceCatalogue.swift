package import CanonicalJSON
package import Delegations
package import Statements

/// What URIs are: the operators' word, never the agents'.
package struct ResourceCatalogue: Sendable, Hashable {
  package private(set) var entries: [ByteString: ResourceRegistered] = [:]

  package init() {}

  /// Another entry with the same literal prefix, between which no URI could decide.
  func tie(with entry: ResourceRegistered) throws(PatternFault) -> ByteString? {
    let pattern = try ResourcePattern(entry.pattern)
    for other in entries.keys.sorted() where other != entry.pattern {
      let existing = try ResourcePattern(other)
      if existing.literalPrefix == pattern.literalPrefix, existing.overlaps(pattern) {
        return other
      }
    }
    return nil
  }

  mutating func register(_ entry: ResourceRegistered) {
    entries[entry.pattern] = entry
  }

  /// The entry for a URI: the longest literal prefix wins.
  package func entry(for uri: ResourceURI) -> ResourceRegistered? {
    var best: (length: Int, entry: ResourceRegistered)?
    for entry in entries.values {
      guard let pattern = try? ResourcePattern(entry.pattern), pattern.matches(uri) else {
        continue
      }
      let length = pattern.literalPrefix.count
      if length > best?.length ?? -1 { best = (length, entry) }
    }
    return best?.entry
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
