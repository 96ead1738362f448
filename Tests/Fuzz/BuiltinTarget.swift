import CanonicalJSON

@testable import Rego

/// Bytes are a builtin's number and its operands, which the byte 255 separates: JSON, or else text.
///
/// A call answers or fails, twice the same, whatever the types of its operands.
@_cdecl("LLVMFuzzerTestOneInput")
public func callBuiltin(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Comparison.bytes(start, count)
  guard let number = bytes.first else { return 0 }
  let builtin = builtins[Int(number) % builtins.count]
  let parts = bytes.dropFirst().split(separator: 0xFF, omittingEmptySubsequences: false)
  var operands = parts.prefix(builtin.parameters.count).map { operand(Array($0)) }
  while operands.count < builtin.parameters.count { operands.append(.null) }
  // Sets have no text in JSON.
  if number >= 128 { operands = operands.map(asSet) }
  let one = outcome(builtin, operands)
  let other = outcome(builtin, operands)
  guard one == other else { Comparison.fail("\(builtin.name) \(operands)", one, other) }
  return 0
}

private let builtins =
  BuiltinTable.core.builtins.values.sorted { $0.name < $1.name } + Operators.all

private func operand(_ bytes: [UInt8]) -> Value {
  if let value = try? Value(json: bytes) { return value }
  return .string(
    ByteString(validating: bytes) ?? ByteString(String(decoding: bytes, as: UTF8.self)))
}

private func asSet(_ value: Value) -> Value {
  if case .array(let elements) = value { .set(SetValue(elements.map(asSet))) } else { value }
}

private func outcome(_ builtin: Builtin, _ operands: [Value]) -> String {
  var context = BuiltinContext(
    environment: BuiltinContext.Environment(now: 1_700_000_000_000_000_000, seed: [1]),
    steps: 100_000, bytes: 16 << 20)
  do throws(BuiltinFailure) {
    let value = try builtin.body(operands, &context)
    guard let value else { return "undefined" }
    var levels = LevelCount(most: 1 << 20)
    // The machine checks this of what builtins make.
    return levels.levels(of: value) > UInt8(Value.depthLimit) ? "deep" : value.source.text
  } catch {
    return "\(error)"
  }
}
