/// Whether terms may be equal, as far as their types tell.
extension Planner {
  /// Whether two terms may be equal; variables not known yet take the other's type.
  mutating func unify(_ left: TypedTerm, _ right: TypedTerm) -> Bool {
    switch (known(left), known(right)) {
    case (let one?, let other?): return one.mayBe(other)
    case (nil, let other?): return unify(left, with: other)
    case (let one?, nil): return unify(right, with: one)
    case (nil, nil): break
    }
    switch (left, right) {
    case (.array(let terms), .array(let others)) where terms.count == others.count:
      for (one, other) in zip(terms, others) where !unify(one, other) { return false }
      return true
    case (.object(let members), .object(let others)) where members.count == others.count:
      for member in members {
        guard let key = member.key, let other = others.first(where: { $0.key == key }) else {
          return true
        }
        if !unify(member.value, other.value) { return false }
      }
      return true
    // A variable that nothing is known of yet: nothing can be said.
    default: return true
    }
  }

  /// Whether a term may be of a type; variables not known yet take it.
  ///
  /// `isUnion`: they take it beside what they have.
  mutating func unify(
    _ term: TypedTerm, with type: RegoType, isUnion: Bool = false
  ) -> Bool {
    switch term {
    case .known(let found): return found.map { $0.mayBe(type) } ?? true
    case .local(let slot):
      if isUnion {
        types[slot] = RegoType.union(types[slot], type)?.bounded
      } else if let present = types[slot] {
        return present.mayBe(type)
      } else {
        types[slot] = type.bounded
      }
      return true
    default: break
    }
    if case .anyOf(let alternatives) = type {
      var isPossible = false
      for alternative in alternatives where unify(term, with: alternative, isUnion: true) {
        isPossible = true
      }
      return isPossible
    }
    switch term {
    case .known, .local: return true
    case .array(let terms):
      for (index, part) in terms.enumerated() {
        switch type {
        case .any: _ = unify(part, with: .any, isUnion: true)
        case .array(let items, let rest):
          guard items.count == terms.count || rest != nil,
            let item = index < items.count ? items[index] : rest,
            unify(part, with: item, isUnion: isUnion)
          else { return false }
        default: return false
        }
      }
      if case .array(let items, nil) = type { return items.count == terms.count }
      return type == .any || !terms.isEmpty || type.isArray
    case .object(let members):
      switch type {
      case .any:
        for member in members { _ = unify(member.value, with: .any, isUnion: true) }
        return true
      case .object(let properties, let rest):
        guard members.count == properties.count || rest != nil else { return false }
        for member in members {
          guard let key = member.key else {
            _ = unify(member.value, with: .any, isUnion: isUnion)
            continue
          }
          guard let found = type.element(key), unify(member.value, with: found, isUnion: isUnion)
          else { return false }
        }
        return true
      default: return false
      }
    case .set(let terms):
      switch type {
      case .any:
        for part in terms { _ = unify(part, with: .any, isUnion: true) }
        return true
      case .set(let element):
        for part in terms where !unify(part, with: element, isUnion: isUnion) { return false }
        return true
      default: return false
      }
    }
  }
}

extension RegoType {
  fileprivate var isArray: Bool { if case .array = self { true } else { false } }
}
