package import CanonicalJSON
package import Statements

extension Capability {
  /// Checks every pattern.
  package func checked() throws(PatternFault) {
    for action in actions { _ = try ActionPattern(action) }
    for resource in resources { _ = try ResourcePattern(resource) }
  }

  /// Whether this capability allows an action on a resource.
  package func covers(action: ByteString, resource: ResourceURI) -> Bool {
    actions.contains { (try? ActionPattern($0))?.matches(action) == true }
      && resources.contains { (try? ResourcePattern($0))?.matches(resource) == true }
  }
}

/// Whether one link is no wider than another.
package enum Attenuation {
  /// The first action and resource of some capabilities that no capability of others covers.
  ///
  /// Each pair of patterns must lie within one pair of the wider side.
  package static func excess(
    of narrow: [Capability], over wide: [Capability]
  ) throws(PatternFault) -> (action: ByteString, resource: ByteString)? {
    for capability in narrow {
      for action in capability.actions {
        let actionPattern = try ActionPattern(action)
        for resource in capability.resources {
          let resourcePattern = try ResourcePattern(resource)
          var isCovered = false
          for candidate in wide {
            let actions = try candidate.actions.map { (text) throws(PatternFault) in
              try ActionPattern(text)
            }
            let resources = try candidate.resources.map { (text) throws(PatternFault) in
              try ResourcePattern(text)
            }
            isCovered =
              actions.contains { $0.covers(actionPattern) }
              && resources.contains { $0.covers(resourcePattern) }
            if isCovered { break }
          }
          if !isCovered { return (action, resource) }
        }
      }
    }
    return nil
  }
}
