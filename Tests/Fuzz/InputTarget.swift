import CanonicalJSON

@testable import Rego

/// Bytes are a JSON document: read where it stands it says what the strict parser makes of it, or has the
/// same fault.
@_cdecl("LLVMFuzzerTestOneInput")
public func readInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Comparison.bytes(start, count)
  let (input, json) = (outcome(bytes), parsed(bytes))
  switch (input, json) {
  case (.success(let input), .success(let json)):
    let value = Value(json)
    compare(input.value, value, "the whole")
    if case .text(let text) = input { compareParts(text, json, value, []) }
  case (.failure(let one), .failure(let other)):
    guard one == other else { Comparison.fail("faults differ", "\(one)", "\(other)") }
  case (.success, .failure(let fault)): Comparison.fail("not refused", "", "\(fault)")
  case (.failure(let fault), .success): Comparison.fail("refused", "\(fault)", "")
  }
  return 0
}

private func outcome(_ bytes: [UInt8]) -> Result<EvaluationInput, JSONFault> {
  do { return .success(try EvaluationInput(json: bytes)) } catch { return .failure(error) }
}

private func parsed(_ bytes: [UInt8]) -> Result<JSONValue, JSONFault> {
  do { return .success(try JSONParser.parse(bytes)) } catch { return .failure(error) }
}

private func compare(_ one: Value, _ other: Value, _ what: String) {
  guard one == other, one.source == other.source else {
    Comparison.fail(what, one.source.text, other.source.text)
  }
}

/// Every part of a document under its path, and what is beside it.
private func compareParts(
  _ text: InputText, _ json: JSONValue, _ value: Value, _ path: [Value]
) {
  var isFar = false
  guard let node = text.node(under: path[...], isFar: &isFar) else {
    if !isFar { Comparison.fail("nothing at \(path)", "", value.source.text) }
    return
  }
  if path.count <= 8 { compare(text.value(at: node), value, "at \(path)") }
  for constant in [value, .string("a"), .number(.integer(0)), .bool(true), .bool(false), .null] {
    guard let isEqual = text.isEqual(node, to: constant) else { continue }
    guard isEqual == (value == constant) else {
      Comparison.fail("equal at \(path)", value.source.text, constant.source.text)
    }
  }
  guard let whole = EvaluationInput.element(of: json, under: []), path.count <= 16 else { return }
  for key in keys(of: whole) {
    let under = EvaluationInput.element(of: json, under: [key])
    let other = Machine.walk(value, [key])
    guard let under, let other else {
      if under != nil || other != nil || text.node(under: (path + [key])[...], isFar: &isFar) != nil
      {
        Comparison.fail("a part that is not there", "\(path)", key.source.text)
      }
      continue
    }
    compareParts(text, under, other, path + [key])
  }
}

private func keys(of json: JSONValue) -> [Value] {
  let absent: [Value] = [.string("absent"), .string(""), .number(.integer(-1)), .null]
  switch json {
  case .object(let object): return object.members.prefix(64).map { .string($0.name) } + absent
  case .array(let elements):
    return (0..<min(64, elements.count + 1)).map { .number(.integer(Int64($0))) } + absent
  default: return absent
  }
}
