/// Reads the members of one object strictly: every name known, every type right.
package struct JSONFields {
  private let object: JSONObject
  private let path: String
  private var read: Set<ByteString> = []

  /// `path`: Where the object stands, for messages: `body.limits`.
  package init(_ value: JSONValue, path: String) throws(FieldFault) {
    guard case .object(let object) = value else {
      throw FieldFault(path: path, problem: "is \(value.kind), and must be an object")
    }
    self.object = object
    self.path = path
  }

  package func place(_ name: ByteString) -> String {
    path.isEmpty ? name.text : "\(path).\(name.text)"
  }

  package func fault(_ name: ByteString, _ problem: String) -> FieldFault {
    FieldFault(path: place(name), problem: problem)
  }

  /// The member's value, or nil if it is absent.
  package mutating func optional(_ name: ByteString) -> JSONValue? {
    read.insert(name)
    return object[name]
  }

  package mutating func value(_ name: ByteString) throws(FieldFault) -> JSONValue {
    guard let value = optional(name) else { throw fault(name, "is missing") }
    return value
  }

  package mutating func string(_ name: ByteString) throws(FieldFault) -> ByteString {
    let found = try value(name)
    guard let text = found.string else {
      throw fault(name, "is \(found.kind), and must be a string")
    }
    return text
  }

  package mutating func optionalString(_ name: ByteString) throws(FieldFault) -> ByteString? {
    optional(name) == nil ? nil : try string(name)
  }

  package mutating func integer(
    _ name: ByteString, in range: ClosedRange<Int64> = 0...Int64.max
  ) throws(FieldFault) -> Int64 {
    let found = try value(name)
    guard let number = found.integer else {
      throw fault(name, "is \(found.kind), and must be a whole number")
    }
    guard range.contains(number) else {
      throw fault(
        name, "is \(number), and must be from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  package mutating func optionalInteger(
    _ name: ByteString, in range: ClosedRange<Int64> = 0...Int64.max
  ) throws(FieldFault) -> Int64? {
    optional(name) == nil ? nil : try integer(name, in: range)
  }

  package mutating func bool(
    _ name: ByteString, default absent: Bool? = nil
  ) throws(FieldFault) -> Bool {
    if let absent, optional(name) == nil { return absent }
    let found = try value(name)
    guard let flag = found.bool else {
      throw fault(name, "is \(found.kind), and must be true or false")
    }
    return flag
  }

  package mutating func array(
    _ name: ByteString, limit: Int = 1024
  ) throws(FieldFault) -> [JSONValue] {
    let found = try value(name)
    guard let elements = found.array else {
      throw fault(name, "is \(found.kind), and must be an array")
    }
    guard elements.count <= limit else {
      throw fault(name, "has \(elements.count) elements; at most \(limit) are allowed")
    }
    return elements
  }

  package mutating func strings(
    _ name: ByteString, limit: Int = 1024
  ) throws(FieldFault) -> [ByteString] {
    var texts: [ByteString] = []
    for (index, element) in try array(name, limit: limit).enumerated() {
      guard let text = element.string else {
        throw FieldFault(
          path: "\(place(name))[\(index)]", problem: "is \(element.kind), and must be a string")
      }
      texts.append(text)
    }
    return texts
  }

  package mutating func optionalStrings(_ name: ByteString) throws(FieldFault) -> [ByteString] {
    optional(name) == nil ? [] : try strings(name)
  }

  /// Refuses members that nothing has read.
  package func finish() throws(FieldFault) {
    for member in object.members where !read.contains(member.name) {
      throw fault(member.name, "is not a known member")
    }
  }
}

/// A member of a JSON document that is missing, unknown or of the wrong type.
package struct FieldFault: Error, Sendable, Equatable, CustomStringConvertible {
  /// Where it stands, as `body.limits.max_depth`.
  package let path: String
  package let problem: String

  package init(path: String, problem: String) {
    self.path = path
    self.problem = problem
  }

  package var description: String { "\(path) \(problem)" }
}
