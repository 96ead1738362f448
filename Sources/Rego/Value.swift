package import CanonicalJSON

/// A value of the policy language; ordered as Rego orders its types.
package enum Value: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(Number)
  case string(ByteString)
  case array([Value])
  case object(ObjectValue)
  case set(SetValue)

  package static let emptyObject = Value.object(ObjectValue())

  fileprivate var rank: Int {
    switch self {
    case .null: 0
    case .bool: 1
    case .number: 2
    case .string: 3
    case .array: 4
    case .object: 5
    case .set: 6
    }
  }

  package var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    case .set: "set"
    }
  }

  /// The element under a key: of an array by index, an object by key, a set by membership.
  func element(_ key: Value) -> Value? {
    switch self {
    case .array(let elements):
      guard case .number(let number) = key, let index = number.integer, index >= 0,
        index < elements.count
      else { return nil }
      return elements[Int(index)]
    case .object(let object): return object[key]
    case .set(let set): return set.contains(key) ? key : nil
    default: return nil
    }
  }
}

extension Value {
  /// How deep values may nest: comparing, hashing and freeing them recurses.
  static let depthLimit = 128

  /// What a value weighs: a unit for each value in it, and for each 8 bytes of text; nil if it nests
  /// deeper than ``depthLimit`` levels.
  var weight: Int? { weight(level: 0) }

  private func weight(level: Int) -> Int? {
    guard level <= Value.depthLimit else { return nil }
    var total = 1
    switch self {
    case .null, .bool, .number: break
    case .string(let text): total += text.count / 8
    case .array(let elements):
      for element in elements {
        guard let more = element.weight(level: level + 1) else { return nil }
        total += more
      }
    case .set(let set):
      for element in set.elements {
        guard let more = element.weight(level: level + 1) else { return nil }
        total += more
      }
    case .object(let object):
      for pair in object.pairs {
        guard let key = pair.key.weight(level: level + 1),
          let value = pair.value.weight(level: level + 1)
        else { return nil }
        total += key + value
      }
    }
    return total
  }
}

extension Value: Comparable {
  package static func < (left: Value, right: Value) -> Bool { order(left, right) < 0 }

  static func order(_ left: Value, _ right: Value) -> Int {
    switch (left, right) {
    case (.null, .null): return 0
    case (.bool(let a), .bool(let b)): return a == b ? 0 : (b ? -1 : 1)
    case (.number(let a), .number(let b)): return a == b ? 0 : (a < b ? -1 : 1)
    case (.string(let a), .string(let b)): return a == b ? 0 : (a < b ? -1 : 1)
    case (.array(let a), .array(let b)): return lexical(a, b)
    case (.set(let a), .set(let b)): return lexical(a.elements, b.elements)
    case (.object(let a), .object(let b)):
      for (first, second) in zip(a.pairs, b.pairs) {
        let keys = order(first.key, second.key)
        if keys != 0 { return keys }
        let values = order(first.value, second.value)
        if values != 0 { return values }
      }
      return a.pairs.count - b.pairs.count
    default: return left.rank - right.rank
    }
  }

  private static func lexical(_ left: [Value], _ right: [Value]) -> Int {
    for (a, b) in zip(left, right) {
      let result = order(a, b)
      if result != 0 { return result }
    }
    return left.count - right.count
  }
}

/// A number: a 64-bit integer where it is one, else a double.
package enum Number: Sendable, Comparable {
  case integer(Int64)
  case double(Double)

  init(_ value: Double) {
    if value.magnitude < 9e15, value == value.rounded() {
      self = .integer(Int64(value))
    } else {
      self = .double(value)
    }
  }

  var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .double(let value): Int64(exactly: value)
    }
  }

  var double: Double {
    switch self {
    case .integer(let value): Double(value)
    case .double(let value): value
    }
  }

  package static func == (left: Number, right: Number) -> Bool {
    switch (left, right) {
    case (.integer(let a), .integer(let b)): a == b
    default: left.double == right.double
    }
  }

  package static func < (left: Number, right: Number) -> Bool {
    switch (left, right) {
    case (.integer(let a), .integer(let b)): a < b
    default: left.double < right.double
    }
  }
}

extension Number: Hashable {
  package func hash(into hasher: inout Hasher) {
    hasher.combine(double)
  }
}

/// An object of the policy language: any value may be a key; sorted by key.
package struct ObjectValue: Sendable, Hashable {
  package struct Pair: Sendable, Hashable {
    package let key: Value
    package var value: Value
  }

  package private(set) var pairs: [Pair] = []

  package init() {}

  /// Takes members in any order.
  init(_ members: [Value: Value]) {
    pairs = members.map { Pair(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
  }

  package var isEmpty: Bool { pairs.isEmpty }

  package subscript(key: Value) -> Value? {
    get {
      let index = position(of: key)
      return index < pairs.count && pairs[index].key == key ? pairs[index].value : nil
    }
    set {
      let index = position(of: key)
      let present = index < pairs.count && pairs[index].key == key
      switch (present, newValue) {
      case (true, .some(let value)): pairs[index].value = value
      case (true, .none): pairs.remove(at: index)
      case (false, .some(let value)): pairs.insert(Pair(key: key, value: value), at: index)
      case (false, .none): break
      }
    }
  }

  package subscript(name: ByteString) -> Value? {
    get { self[.string(name)] }
    set { self[.string(name)] = newValue }
  }

  private func position(of key: Value) -> Int {
    if let last = pairs.last, last.key < key { return pairs.count }
    var low = 0
    var high = pairs.count
    while low < high {
      let middle = (low + high) / 2
      if pairs[middle].key < key { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// A set of the policy language, sorted.
package struct SetValue: Sendable, Hashable {
  package private(set) var elements: [Value] = []

  package init(_ unsorted: [Value] = []) {
    elements = unsorted.sorted()
    var unique: [Value] = []
    for element in elements where unique.last != element { unique.append(element) }
    elements = unique
  }

  package func contains(_ value: Value) -> Bool {
    let index = position(of: value)
    return index < elements.count && elements[index] == value
  }

  mutating func insert(_ value: Value) {
    let index = position(of: value)
    if index < elements.count, elements[index] == value { return }
    elements.insert(value, at: index)
  }

  private func position(of value: Value) -> Int {
    var low = 0
    var high = elements.count
    while low < high {
      let middle = (low + high) / 2
      if elements[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Value {
  /// Takes a JSON value over unchanged.
  package init(_ json: JSONValue) {
    switch json {
    case .null: self = .null
    case .bool(let value): self = .bool(value)
    case .number(let number):
      self = .number(number.integer.map(Number.integer) ?? Number(number.double))
    case .string(let text): self = .string(text)
    case .array(let elements): self = .array(elements.map(Value.init))
    case .object(let object):
      var result = ObjectValue()
      for member in object.members { result[member.name] = Value(member.value) }
      self = .object(result)
    }
  }

  /// The value as JSON: sets become arrays, keys that are no strings become their JSON text.
  package var json: JSONValue {
    switch self {
    case .null: .null
    case .bool(let value): .bool(value)
    case .number(.integer(let value)): JSONValue(value)
    case .number(.double(let value)): JSONNumber(value).map(JSONValue.number) ?? .null
    case .string(let text): .string(text)
    case .array(let elements): .array(elements.map(\.json))
    case .set(let set): .array(set.elements.map(\.json))
    case .object(let object):
      .object(
        JSONObject(
          object.pairs.map { JSONObject.Member(name: $0.key.keyText, value: $0.value.json) }))
    }
  }

  private var keyText: ByteString {
    if case .string(let text) = self { return text }
    let bytes = (try? json.canonicalBytes()) ?? []
    return ByteString(validating: bytes) ?? ""
  }
}
