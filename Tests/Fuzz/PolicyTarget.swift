import CanonicalJSON

@testable import Rego

/// Bytes are a policy: compiled, or refused with faults in places of the file.
@_cdecl("LLVMFuzzerTestOneInput")
public func compilePolicy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let text = Comparison.bytes(start, count)
  let found = Comparison.compiled(text)
  check(found)
  if let other = withoutShortLiterals(text) { compare(found, Comparison.compiled(other)) }
  check(Comparison.compiled(text, isVersion0: true, isStrict: true))
  return 0
}

private func check(_ result: Result<CompiledPolicy, PolicyFault>) {
  guard case .failure(let fault) = result else { return }
  guard case .invalid(let diagnostics) = fault, !diagnostics.isEmpty else {
    Comparison.fail("refused without a diagnostic", "\(fault)", "")
  }
  for diagnostic in diagnostics {
    guard diagnostic.place.line >= 1, diagnostic.place.column >= 1, !diagnostic.description.isEmpty
    else { Comparison.fail("a diagnostic without a place", "\(diagnostic)", "") }
  }
}

/// The text with `input["a"]` for each `input.a`, so that no literal is read in the way for
/// `input.a == "x"`; nil if there is nothing to replace.
private func withoutShortLiterals(_ text: [UInt8]) -> [UInt8]? {
  var scanner = Scanner(text)
  guard (try? scanner.scan()) != nil else { return nil }
  let tokens = scanner.tokens
  var result: [UInt8] = []
  var copied = 0
  for index in tokens.indices.dropFirst(2) {
    let (base, dot, name) = (tokens[index - 2], tokens[index - 1], tokens[index])
    guard name.kind == .identifier, name.keyword == .none, dot.kind == .dot,
      base.kind == .identifier, !dot.isSpaced, !name.isSpaced,
      index + 1 < tokens.count, tokens[index + 1].kind == .equal,
      Array(text[Int(base.start)..<Int(base.end)]) == Array("input".utf8),
      index < 3 || tokens[index - 3].kind != .dot
    else { continue }
    result += text[copied..<Int(dot.start)]
    result += Array("[\"".utf8) + text[Int(name.start)..<Int(name.end)] + Array("\"]".utf8)
    copied = Int(name.end)
  }
  result += text[copied...]
  return copied == 0 || result.count > SourceFile.byteLimit ? nil : result
}

/// The columns differ, since the texts do.
private func compare(
  _ one: Result<CompiledPolicy, PolicyFault>, _ other: Result<CompiledPolicy, PolicyFault>
) {
  func faults(_ result: Result<CompiledPolicy, PolicyFault>) -> [String] {
    guard case .failure(.invalid(let diagnostics)) = result else { return [] }
    return diagnostics.map { "\($0.place.line): \($0.code)" }
  }
  guard faults(one) == faults(other) else {
    Comparison.fail("input.a is not input[\"a\"]", "\(one)", "\(other)")
  }
}
