package import CanonicalJSON

/// A value of the policy language; ordered as Rego orders its types.
package enum Value: Sendable {
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
  package static let depthLimit = 128

  /// How many levels it has: 0 for a scalar, 1 for an array of scalars; at most 255.
  package var levels: UInt8 {
    switch self {
    case .null, .bool, .number, .string: return 0
    case .object(let object): return object.nesting == 255 ? 255 : object.nesting + 1
    case .set(let set): return set.nesting == 255 ? 255 : set.nesting + 1
    case .array:
      var count = LevelCount(most: LevelCount.mostUncounted)
      return count.levels(of: self)
    }
  }

  /// What a value weighs: a unit for each value in it, and for each 8 bytes of text; nil if that is more
  /// than `most`, or if it nests deeper than ``depthLimit`` levels.
  ///
  /// Values may stand in many places at once, so that few bytes weigh without end: no more is looked at
  /// than `most`.
  package func weight(within most: Int) -> Int? {
    var left = most
    return takeWeight(from: &left, level: 0) ? most - left : nil
  }

  private func takeWeight(from left: inout Int, level: Int) -> Bool {
    guard level <= Value.depthLimit, left > 0 else { return false }
    left -= 1
    switch self {
    case .null, .bool, .number: return true
    case .string(let text):
      left -= text.count / 8
      return left >= 0
    case .array(let elements):
      for element in elements {
        guard element.takeWeight(from: &left, level: level + 1) else { return false }
      }
    case .set(let set):
      for element in set.elements {
        guard element.takeWeight(from: &left, level: level + 1) else { return false }
      }
    case .object(let object):
      for pair in object.pairs {
        guard pair.key.takeWeight(from: &left, level: level + 1),
          pair.value.takeWeight(from: &left, level: level + 1)
        else { return false }
      }
    }
    return true
  }
}

extension Value: Hashable {
  package static func == (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.string(let a), .string(let b)): a == b
    case (.number(let a), .number(let b)): a == b
    case (.bool(let a), .bool(let b)): a == b
    case (.null, .null): true
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a == b
    case (.set(let a), .set(let b)): a == b
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .string(let text): text.hash(into: &hasher)
    case .number(let number): hasher.combine(number)
    case .null: hasher.combine(0 as UInt8)
    case .bool(let value): hasher.combine(value)
    case .array(let elements): hasher.combine(elements)
    case .object(let object): hasher.combine(object)
    case .set(let set): hasher.combine(set)
    }
  }
}

extension Value: Comparable {
  package static func < (left: Value, right: Value) -> Bool { order(left, right) < 0 }

  package static func order(_ left: Value, _ right: Value) -> Int {
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

extension Value {
  /// Takes a JSON value over unchanged.
  package init(_ json: JSONValue) {
    switch json {
    case .null: self = .null
    case .bool(let value): self = .bool(value)
    case .number(let number):
      self = Number(text: number.text).map(Value.number) ?? .null
    case .string(let text): self = .string(text)
    case .array(let elements): self = .array(elements.map(Value.init))
    case .object(let object):
      self = .object(
        ObjectValue(
          unsorted: object.members.map {
            ObjectValue.Pair(key: .string($0.name), value: Value($0.value))
          }))
    }
  }

  /// The value as JSON: sets become arrays, keys that are no strings become their JSON text.
  ///
  /// Of keys with one text the last in order counts, as in OPA.
  package var json: JSONValue {
    switch self {
    case .null: .null
    case .bool(let value): .bool(value)
    case .number(.integer(let value)): JSONValue(value)
    case .number(let number): JSONNumber(text: number.text).map(JSONValue.number) ?? .null
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
    return ByteString(validating: JSONText.key(self)) ?? ""
  }
}
