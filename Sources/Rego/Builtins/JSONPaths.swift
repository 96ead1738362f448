import CanonicalJSON

/// `json.filter`, `json.remove`, `json.patch`: each path takes at most as many steps as it has parts,
/// and what an edit copies is counted.
extension BuiltinTable {
  private static let pathsType = RegoType.anyOf([
    .array(of: .anyOf([.string, .array(of: .any)])), .set(.anyOf([.string, .array(of: .any)])),
  ])

  package static let jsonPaths: [Builtin] = [
    Builtin("json.filter", [.object(.any, .any), pathsType], .any) {
      (values, context) throws(BuiltinFailure) in
      _ = try values.object(0)
      let tree = try PathTree(try paths(values, &context))
      try context.charge(reading: [values[0]])
      return try filtered(values[0], tree, level: 0)
    },
    Builtin("json.remove", [.object(.any, .any), pathsType], .any) {
      (values, context) throws(BuiltinFailure) in
      _ = try values.object(0)
      let tree = try PathTree(try paths(values, &context))
      try context.charge(reading: [values[0]])
      return try removed(values[0], tree, level: 0)
    },
    Builtin(
      "json.patch",
      [
        .any,
        .array(
          of: .object(
            [
              RegoType.Property(key: .string("op"), type: .string),
              RegoType.Property(key: .string("path"), type: .any),
            ], rest: RegoType.Rest(key: .any, value: .any))),
      ], .any
    ) { (values, context) throws(BuiltinFailure) in
      var document = values[0]
      for operation in try values.array(1) {
        guard let next = try JSONPatch.applied(operation, to: document, &context) else {
          throw .failed(JSONPatch.reason(operation, document))
        }
        document = next
      }
      return document
    },
  ]

  /// The parts of a path: `/a/b` or an array of them.
  static func parts(_ path: Value) throws(BuiltinFailure) -> [Value] {
    switch path {
    case .string(let text):
      if text.isEmpty { return [] }
      let trimmed = text.bytes.drop { $0 == UInt8(ascii: "/") }
      return trimmed.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        .map { part in
          let text = String(decoding: part, as: UTF8.self)
            .replacing("~1", with: "/").replacing("~0", with: "~")
          return .string(ByteString(text))
        }
    case .array(let parts): return parts
    default:
      throw .type(
        "operand 2 must be one of {set, array} containing string paths or array of path segments "
          + "but got \(path.typeName)")
    }
  }

  private static func paths(
    _ values: [Value], _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> [[Value]] {
    try context.charge(reading: [values[1], values[1], values[1], values[1]])
    var paths: [[Value]] = []
    for path in try values.elements(1, order: "one of {set, array}") {
      paths.append(try parts(path))
    }
    return paths
  }

  private static func filtered(
    _ value: Value, _ tree: PathTree, level: Int
  ) throws(BuiltinFailure) -> Value {
    guard level < Value.depthLimit, let children = tree.children else { return value }
    switch value {
    case .object(let object):
      var pairs: [ObjectValue.Pair] = []
      for pair in object.pairs {
        guard let child = children[pair.key] else { continue }
        pairs.append(
          ObjectValue.Pair(key: pair.key, value: try filtered(pair.value, child, level: level + 1)))
      }
      return .object(ObjectValue(sorted: pairs))
    case .array(let elements):
      var kept: [Value] = []
      for (index, element) in elements.enumerated() {
        guard let child = children[.string(ByteString(String(index)))] else { continue }
        kept.append(try filtered(element, child, level: level + 1))
      }
      return .array(kept)
    case .set(let set):
      var kept: [Value] = []
      for element in set.elements {
        guard let child = children[element] else { continue }
        kept.append(try filtered(element, child, level: level + 1))
      }
      return .set(SetValue(kept))
    default: return value
    }
  }

  private static func removed(
    _ value: Value, _ tree: PathTree, level: Int
  ) throws(BuiltinFailure) -> Value? {
    guard level < Value.depthLimit else { return value }
    guard let children = tree.children else { return nil }
    func rest(_ element: Value, _ key: Value) throws(BuiltinFailure) -> Value? {
      guard let child = children[key] else { return element }
      return try removed(element, child, level: level + 1)
    }
    switch value {
    case .object(let object):
      var pairs: [ObjectValue.Pair] = []
      for pair in object.pairs {
        guard let value = try rest(pair.value, pair.key) else { continue }
        pairs.append(ObjectValue.Pair(key: pair.key, value: value))
      }
      return .object(ObjectValue(sorted: pairs))
    case .array(let elements):
      var kept: [Value] = []
      for (index, element) in elements.enumerated() {
        guard let value = try rest(element, .string(ByteString(String(index)))) else { continue }
        kept.append(value)
      }
      return .array(kept)
    case .set(let set):
      var kept: [Value] = []
      for element in set.elements {
        if let value = try rest(element, element) { kept.append(value) }
      }
      return .set(SetValue(kept))
    default: return value
    }
  }

  /// Paths by their parts.
  ///
  /// Without children: a path ends here.
  private final class PathTree {
    private(set) var children: [Value: PathTree]?

    private init(children: [Value: PathTree]?) {
      self.children = children
    }

    init(_ paths: [[Value]]) throws(BuiltinFailure) {
      children = [:]
      for path in paths {
        // Freeing recurses as deep as a path is long.
        guard path.count <= Value.depthLimit else { throw .limit(.nesting) }
        var node = self
        for (index, part) in path.enumerated() {
          if node.children == nil { break }
          let isLast = index == path.count - 1
          if isLast {
            node.children?[part] = PathTree(children: nil)
          } else {
            let child = node.children?[part] ?? PathTree(children: [:])
            node.children?[part] = child
            node = child
          }
        }
      }
    }
  }
}

/// One operation of RFC 6902, which may also reach into sets as OPA's does.
enum JSONPatch {
  /// The document after an operation; nil where the operation does not apply.
  static func applied(
    _ operation: Value, to document: Value, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value? {
    guard case .object(let members) = operation, case .string(let name)? = members["op"],
      let path = members["path"]
    else { return nil }
    try context.charge(reading: [path, path])
    guard let target = try? BuiltinTable.parts(path) else { return nil }
    var from: [Value] = []
    if name == "move" || name == "copy" {
      guard let path = members["from"], let parts = try? BuiltinTable.parts(path) else {
        return nil
      }
      from = parts
    }
    let value = members["value"]
    switch name {
    case "add":
      guard let value else { return nil }
      return try inserted(value, at: target[...], in: document, &context)
    case "remove": return try deleted(at: target[...], in: document, &context)
    case "replace":
      guard let value else { return nil }
      if target.isEmpty { return value }
      guard let rest = try deleted(at: target[...], in: document, &context) else { return nil }
      return try inserted(value, at: target[...], in: rest, &context)
    case "move":
      guard let moved = found(from, in: document),
        let rest = try deleted(at: from[...], in: document, &context)
      else { return nil }
      return try inserted(moved, at: target[...], in: rest, &context)
    case "copy":
      guard let copied = found(from, in: document) else { return nil }
      return try inserted(copied, at: target[...], in: document, &context)
    case "test":
      guard let value, let present = found(target, in: document) else { return nil }
      try context.charge(reading: [value])
      return present == value ? document : nil
    default: return nil
    }
  }

  /// Why an operation does not apply.
  static func reason(_ operation: Value, _ document: Value) -> String {
    guard case .object(let members) = operation else {
      return "must be an array of JSON-Patch objects, but at least one element is not an object"
    }
    let names = ["add", "remove", "replace", "move", "copy", "test"]
    guard case .string(let name)? = members["op"] else { return "missing required attribute 'op'" }
    guard names.contains(name.text) else { return "unrecognized op: '\(name)'" }
    guard let path = members["path"] else { return "missing required attribute 'path'" }
    if ["move", "copy"].contains(name), members["from"] == nil {
      return "missing required attribute 'from'"
    }
    if ["add", "replace", "test"].contains(name), members["value"] == nil {
      return "missing required attribute 'value'"
    }
    return "\(name) does not apply at path \(path.source)"
  }

  /// An index of an array as a path names it: a number, or digits without a leading zero.
  private static func index(_ part: Value, count: Int) -> Int? {
    switch part {
    case .number(let number):
      guard let index = number.integer, index >= 0, index < count else { return nil }
      return Int(index)
    case .string(let text):
      guard let index = Int(text.text), String(index) == text.text, index >= 0, index < count else {
        return nil
      }
      return index
    default: return nil
    }
  }

  private static func found(_ path: [Value], in document: Value) -> Value? {
    var value = document
    for part in path {
      switch value {
      case .array(let elements):
        guard let index = index(part, count: elements.count) else { return nil }
        value = elements[index]
      case .object, .set:
        guard let next = value.element(part) else { return nil }
        value = next
      default: return nil
      }
    }
    return value
  }

  private static func inserted(
    _ value: Value, at path: ArraySlice<Value>, in document: Value,
    _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value? {
    guard let part = path.first else { return value }
    guard path.count + Int(value.levels) <= Value.depthLimit else { throw .limit(.nesting) }
    let isLast = path.count == 1
    switch document {
    case .object(var object):
      try context.charge(copying: object.count)
      if isLast {
        object[part] = value
        return .object(object)
      }
      guard let inner = object[part],
        let next = try inserted(value, at: path.dropFirst(), in: inner, &context)
      else { return nil }
      object[part] = next
      return .object(object)
    case .array(var elements):
      try context.charge(copying: elements.count)
      if isLast {
        if part == .string("-") {
          elements.append(value)
          return .array(elements)
        }
        guard let index = index(part, count: elements.count + 1) else { return nil }
        elements.insert(value, at: index)
        return .array(elements)
      }
      guard let index = index(part, count: elements.count),
        let next = try inserted(value, at: path.dropFirst(), in: elements[index], &context)
      else { return nil }
      elements[index] = next
      return .array(elements)
    case .set(var set):
      try context.charge(copying: set.count)
      if isLast {
        // A member of a set is its own key.
        guard part == value else { return nil }
        set.insert(value)
        return .set(set)
      }
      guard set.contains(part),
        let next = try inserted(value, at: path.dropFirst(), in: part, &context)
      else { return nil }
      return .set(SetValue(set.elements.filter { $0 != part } + [next]))
    default: return nil
    }
  }

  private static func deleted(
    at path: ArraySlice<Value>, in document: Value, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value? {
    guard let part = path.first else { return .null }
    let isLast = path.count == 1
    switch document {
    case .object(var object):
      try context.charge(copying: object.count)
      guard let inner = object[part] else { return nil }
      if isLast {
        object[part] = nil
        return .object(object)
      }
      guard let next = try deleted(at: path.dropFirst(), in: inner, &context) else { return nil }
      object[part] = next
      return .object(object)
    case .array(var elements):
      try context.charge(copying: elements.count)
      guard let index = index(part, count: elements.count) else { return nil }
      if isLast {
        elements.remove(at: index)
        return .array(elements)
      }
      guard let next = try deleted(at: path.dropFirst(), in: elements[index], &context) else {
        return nil
      }
      elements[index] = next
      return .array(elements)
    case .set(let set):
      try context.charge(copying: set.count)
      guard set.contains(part) else { return nil }
      let rest = set.elements.filter { $0 != part }
      if isLast { return .set(SetValue(rest)) }
      guard let next = try deleted(at: path.dropFirst(), in: part, &context) else { return nil }
      return .set(SetValue(rest + [next]))
    default: return nil
    }
  }
}
