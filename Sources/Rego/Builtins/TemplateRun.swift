import CanonicalJSON

extension TextTemplate {
  /// A value in a template: what JSON has, or the index of a range.
  private enum Item {
    case index(Int)
    case value(Value)
    case none

    /// Whether a condition holds: of numbers, which are texts to a template, always.
    var isTrue: Bool {
      switch self {
      case .index(let index): index != 0
      case .none, .value(.null): false
      case .value(.bool(let value)): value
      case .value(.number): true
      case .value(.string(let text)): !text.isEmpty
      case .value(.array(let elements)): !elements.isEmpty
      case .value(.set(let set)): !set.isEmpty
      case .value(.object(let object)): !object.isEmpty
      }
    }
  }

  private struct Scope {
    let dot: Item
    let variables: Int
    /// Elements of a range that are still to come.
    var left: [(key: Item, element: Item)] = []
    var names: (key: String?, element: String?) = (nil, nil)
  }

  private struct State {
    var dot: Item
    var variables: [(name: String, item: Item)]
    var scopes: [Scope] = []
    var output: [UInt8] = []
  }

  /// The text with values filled in; each operation and each byte counts.
  func rendered(
    _ root: Value, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> ByteString {
    var state = State(dot: .value(root), variables: [("$", .value(root))])
    var pc = 0
    while pc < operations.count {
      try context.charge(steps: 4)
      let operation = operations[pc]
      pc += 1
      switch operation {
      case .text(let range):
        try context.charge(making: range.count)
        state.output += bytes(range)
      case .show(let operand):
        try show(try item(operand, state), &state.output, &context)
      case .set(let name, let operand, let isNew):
        let item = try item(operand, state)
        if isNew {
          try context.charge(bytes: 64)
          state.variables.append((name, item))
        } else if let index = state.variables.lastIndex(where: { $0.name == name }) {
          state.variables[index].item = item
        } else {
          throw .failed("template: undefined variable \"\(name)\"")
        }
      case .jump(let target): pc = target
      case .begin(let operand, let name, let isWith, let otherwise):
        let item = try item(operand, state)
        guard item.isTrue else {
          pc = otherwise
          continue
        }
        state.scopes.append(Scope(dot: state.dot, variables: state.variables.count))
        if let name { state.variables.append((name, item)) }
        if isWith { state.dot = item }
      case .range(let operand, let key, let element, let otherwise):
        let found = try elements(of: try item(operand, state), operand, &context)
        guard !found.isEmpty else {
          pc = otherwise
          continue
        }
        state.scopes.append(
          Scope(
            dot: state.dot, variables: state.variables.count, left: found.reversed(),
            names: (key, element)))
        takeNext(&state)
      case .next(let body):
        if takeNext(&state) { pc = body } else { endScope(&state) }
      case .end: endScope(&state)
      }
    }
    return ByteString(validating: state.output)
      ?? ByteString(String(decoding: state.output, as: UTF8.self))
  }

  private func endScope(_ state: inout State) {
    guard let scope = state.scopes.popLast() else { return }
    state.dot = scope.dot
    state.variables.removeLast(max(0, state.variables.count - scope.variables))
  }

  @discardableResult
  private func takeNext(_ state: inout State) -> Bool {
    guard let last = state.scopes.indices.last, let next = state.scopes[last].left.popLast() else {
      return false
    }
    let scope = state.scopes[last]
    state.variables.removeLast(max(0, state.variables.count - scope.variables))
    if let name = scope.names.key { state.variables.append((name, next.key)) }
    if let name = scope.names.element { state.variables.append((name, next.element)) }
    state.dot = next.element
    return true
  }

  private func elements(
    of item: Item, _ operand: Operand, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> [(key: Item, element: Item)] {
    let values: [Value]
    switch item {
    case .none, .value(.null): return []
    case .value(.array(let elements)): values = elements
    case .value(.set(let set)): values = set.elements
    case .value(.object(let object)):
      try context.charge(steps: object.count)
      try context.charge(bytes: object.count * 64)
      return object.pairs.map { (.value($0.key), .value($0.value)) }
    default: throw .failed("template: range can't iterate over <\(operand.text)>")
    }
    try context.charge(steps: values.count)
    try context.charge(bytes: values.count * 64)
    return values.enumerated().map { (.index($0.offset), .value($0.element)) }
  }

  private func item(_ operand: Operand, _ state: State) throws(BuiltinFailure) -> Item {
    var item: Item
    switch operand.root {
    case .dot: item = state.dot
    case .constant(let value): item = .value(value)
    case .variable(let name):
      guard let found = state.variables.last(where: { $0.name == name }) else {
        throw .failed("template: undefined variable \"\(name)\"")
      }
      item = found.item
    }
    for field in operand.fields {
      switch item {
      case .value(.object(let object)): item = object[field].map { Item.value($0) } ?? .none
      case .none: return .none
      case .value(.null):
        throw .failed("template: <\(operand.text)>: nil pointer evaluating field \(field.text)")
      default:
        throw .failed("template: <\(operand.text)>: can't evaluate field \(field.text)")
      }
    }
    return item
  }

  // MARK: text

  private func show(
    _ item: Item, _ output: inout [UInt8], _ context: inout BuiltinContext
  ) throws(BuiltinFailure) {
    switch item {
    case .index(let index): output += String(index).utf8
    case .none, .value(.null): output += "<undefined>".utf8
    case .value(let value):
      try context.charge(weight: value)
      let before = output.count
      TextTemplate.write(value, &output)
      try context.charge(making: output.count - before)
    }
  }

  /// As Go prints it; values nest no deeper than ``Value/depthLimit``.
  private static func write(_ value: Value, _ output: inout [UInt8]) {
    func list(_ elements: [Value]) {
      output.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { output.append(UInt8(ascii: " ")) }
        write(element, &output)
      }
      output.append(UInt8(ascii: "]"))
    }
    switch value {
    case .null: output += "<nil>".utf8
    case .bool(let flag): output += (flag ? "true" : "false").utf8
    case .number(let number): output += number.text.bytes
    case .string(let text): output += text.bytes
    case .array(let elements): list(elements)
    case .set(let set): list(set.elements)
    case .object(let object):
      output += "map[".utf8
      for (index, pair) in object.pairs.enumerated() {
        if index > 0 { output.append(UInt8(ascii: " ")) }
        write(pair.key, &output)
        output.append(UInt8(ascii: ":"))
        write(pair.value, &output)
      }
      output.append(UInt8(ascii: "]"))
    }
  }
}
