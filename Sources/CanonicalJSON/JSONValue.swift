/// A JSON document as a value; numbers keep their text, strings their bytes.
package enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(ByteString)
  case array([JSONValue])
  case object(JSONObject)

  package var string: ByteString? {
    if case .string(let value) = self { value } else { nil }
  }

  package var object: JSONObject? {
    if case .object(let value) = self { value } else { nil }
  }

  package var array: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  package var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  package var integer: Int64? {
    if case .number(let value) = self { value.integer } else { nil }
  }

  /// The member of an object, or nil if this is no object or has none of that name.
  package subscript(key: ByteString) -> JSONValue? { object?[key] }

  /// What kind of value this is, in words for a message.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// A JSON number as it was written: exact, of any size.
package struct JSONNumber: Sendable, Hashable {
  /// The number's text, following the JSON grammar.
  package let text: ByteString

  init(checked text: ByteString) {
    self.text = text
  }

  package init(_ value: some BinaryInteger) {
    text = ByteString(String(value))
  }

  /// Takes the text of one number as it stands; nil if it does not follow the JSON grammar.
  package init?(text: ByteString) {
    guard let parsed = try? JSONParser.parse(text.bytes), case .number(let number) = parsed,
      number.text == text
    else { return nil }
    self = number
  }

  /// Takes a finite double; infinities and NaN have no JSON form and give nil.
  package init?(_ value: Double) {
    guard value.isFinite else { return nil }
    text = ByteString(ECMAScriptNumber.text(of: value))
  }

  /// The nearest double; infinite if the number is beyond its range.
  package var double: Double {
    Double(text.text) ?? .infinity
  }

  /// The value if it is written as an integer and fits 64 bits.
  package var integer: Int64? { Int64(text.text) }
}

/// The members of a JSON object: unique names, kept in RFC 8785 order.
package struct JSONObject: Sendable, Hashable {
  package struct Member: Sendable, Hashable {
    package let name: ByteString
    package let value: JSONValue

    package init(name: ByteString, value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// The members, sorted by the UTF-16 code units of their names.
  package private(set) var members: [Member]

  package init() {
    members = []
  }

  /// Takes members in any order; of two with one name the later wins.
  package init(_ unsorted: [Member]) {
    let order = unsorted.indices.sorted { left, right in
      let (one, other) = (unsorted[left].name, unsorted[right].name)
      return one == other ? left < right : one.precedesByUTF16(other)
    }
    members = []
    members.reserveCapacity(unsorted.count)
    for index in order {
      if members.last?.name == unsorted[index].name { members.removeLast() }
      members.append(unsorted[index])
    }
  }

  /// Takes members whose names the caller has found to be unique and sorted.
  init(sorted: [Member]) {
    members = sorted
  }

  package var isEmpty: Bool { members.isEmpty }
  package var count: Int { members.count }

  package subscript(name: ByteString) -> JSONValue? {
    get {
      let index = position(of: name)
      return index < members.count && members[index].name == name ? members[index].value : nil
    }
    set {
      let index = position(of: name)
      let present = index < members.count && members[index].name == name
      switch (present, newValue) {
      case (true, .some(let value)): members[index] = Member(name: name, value: value)
      case (true, .none): members.remove(at: index)
      case (false, .some(let value)): members.insert(Member(name: name, value: value), at: index)
      case (false, .none): break
      }
    }
  }

  private func position(of name: ByteString) -> Int {
    if let last = members.last, last.name.precedesByUTF16(name) { return members.count }
    var low = 0
    var high = members.count
    while low < high {
      let middle = (low + high) / 2
      if members[middle].name.precedesByUTF16(name) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(ByteString(value)) }
  package init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (ByteString, JSONValue)...) {
    self = .object(JSONObject(elements.map { JSONObject.Member(name: $0.0, value: $0.1) }))
  }

  package init(_ text: String) { self = .string(ByteString(text)) }
  package init(_ text: ByteString) { self = .string(text) }
  package init(_ number: some BinaryInteger) { self = .number(JSONNumber(number)) }

  /// This object without the members whose value is null; other values unchanged.
  package var withoutNulls: JSONValue {
    guard case .object(let object) = self else { return self }
    return .object(JSONObject(sorted: object.members.filter { $0.value != .null }))
  }
}
