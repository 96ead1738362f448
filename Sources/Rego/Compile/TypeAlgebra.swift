import CanonicalJSON

/// What follows from types: unions, elements, and whether two can ever be of one value; as OPA's checker has
/// it, so that both refuse the same policies.
extension RegoType {
  /// A union of both; `nil` is what is not known yet.
  static func union(_ left: RegoType?, _ right: RegoType?) -> RegoType? {
    guard let left else { return right }
    guard let right else { return left }
    if left == right { return left }
    if case .any = left { return .any }
    if case .any = right { return .any }
    var members: [RegoType] = []
    for type in [left, right] {
      let parts = if case .anyOf(let types) = type { types } else { [type] }
      for part in parts where !members.contains(part) { members.append(part) }
    }
    // A union of so many kinds tells nothing.
    guard members.count <= 64 else { return .any }
    members.sort { ($0.rank, $0.text) < ($1.rank, $1.text) }
    return members.count == 1 ? members[0] : .anyOf(members)
  }

  /// The type, or what is known of its kind where it has too many parts: values may stand in many places at
  /// once, so that a type could grow without end.
  var bounded: RegoType {
    var left = 500
    guard !isWithin(&left) else { return self }
    return switch self {
    case .array: .array(of: .any)
    case .object: .object(.any, .any)
    case .set: .set(.any)
    default: .any
    }
  }

  private func isWithin(_ left: inout Int) -> Bool {
    left -= 1
    guard left > 0 else { return false }
    switch self {
    case .any, .null, .boolean, .number, .string: return true
    case .array(let items, let rest):
      for item in items where !item.isWithin(&left) { return false }
      return rest?.isWithin(&left) ?? true
    case .object(let properties, let rest):
      for property in properties where !property.type.isWithin(&left) { return false }
      return (rest?.key.isWithin(&left) ?? true) && (rest?.value.isWithin(&left) ?? true)
    case .set(let element): return element.isWithin(&left)
    case .anyOf(let types):
      for type in types where !type.isWithin(&left) { return false }
      return true
    }
  }

  private var rank: Int {
    switch self {
    case .null: 0
    case .boolean: 1
    case .number: 2
    case .string: 3
    case .array: 4
    case .object: 5
    case .set: 6
    case .any, .anyOf: 7
    }
  }

  /// The type of keys; nil if it has none.
  var keys: RegoType? {
    switch self {
    case .any: return .any
    case .array: return .number
    case .object(let properties, let rest):
      return RegoType.union(
        properties.reduce(nil) {
          RegoType.union($0, TypeInference.type(of: $1.key))
        }, rest?.key)
    case .set(let element): return element
    case .anyOf(let types): return types.reduce(nil) { RegoType.union($0, $1.keys) }
    case .null, .boolean, .number, .string: return nil
    }
  }

  /// The type of elements; nil if it has none.
  var elements: RegoType? {
    switch self {
    case .any: return .any
    case .array(let items, let rest):
      return RegoType.union(items.reduce(nil) { RegoType.union($0, $1) }, rest)
    case .object(let properties, let rest):
      return RegoType.union(
        properties.reduce(nil) { RegoType.union($0, $1.type) }, rest?.value)
    case .set(let element): return element
    case .anyOf(let types): return types.reduce(nil) { RegoType.union($0, $1.elements) }
    case .null, .boolean, .number, .string: return nil
    }
  }

  /// The type of the element under a constant key; nil if there can be none.
  func element(_ key: Value) -> RegoType? {
    switch self {
    case .any: return .any
    case .array(let items, let rest):
      guard case .number(.integer(let index)) = key, index >= 0 else { return nil }
      return index < items.count ? items[Int(index)] : rest
    case .object(let properties, let rest):
      if let found = properties.first(where: { $0.key == key }) { return found.type }
      guard let rest, rest.key.includes(TypeInference.type(of: key)) else { return nil }
      return rest.value
    case .set(let element):
      let type = TypeInference.type(of: key)
      return element.includes(type) ? type : nil
    case .anyOf(let types): return types.reduce(nil) { RegoType.union($0, $1.element(key)) }
    case .null, .boolean, .number, .string: return nil
    }
  }

  /// Whether it is another type or a union with it.
  private func includes(_ other: RegoType) -> Bool {
    switch self {
    case .any: true
    case .anyOf(let types): types.contains(other)
    default: self == other
    }
  }

  /// Whether some value may be of both types.
  func mayBe(_ other: RegoType) -> Bool {
    switch (self, other) {
    case (.any, _), (_, .any): return true
    case (.anyOf(let types), _): return types.isEmpty || types.contains { $0.mayBe(other) }
    case (_, .anyOf(let types)): return types.isEmpty || types.contains { mayBe($0) }
    case (.null, .null), (.boolean, .boolean), (.number, .number), (.string, .string): return true
    case (.array(let items, let rest), .array(let others, let otherRest)):
      for index in 0..<max(items.count, others.count) {
        guard let one = index < items.count ? items[index] : rest,
          let other = index < others.count ? others[index] : otherRest
        else { return false }
        if !one.mayBe(other) { return false }
      }
      guard let rest, let otherRest else { return true }
      return rest.mayBe(otherRest)
    case (.object(let properties, let rest), .object(let others, let otherRest)):
      for property in properties {
        guard let found = other.element(property.key), property.type.mayBe(found) else {
          return false
        }
      }
      for property in others {
        guard let found = element(property.key), property.type.mayBe(found) else { return false }
      }
      guard let rest, let otherRest else { return true }
      return rest.value.mayBe(otherRest.value)
    case (.set(let one), .set(let another)): return one.mayBe(another)
    default: return false
    }
  }
}
