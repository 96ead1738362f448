import CanonicalJSON
import Foundation
import PolicyFunctions
import TestSupport
import Testing

@testable import Rego

/// `Builtins.md` lists every builtin that policies can name, with the signature that the compiler checks and
/// what its answers were compared with.
@Suite struct BuiltinListTests {
  private struct Row: Hashable, CustomStringConvertible {
    let name: String
    let signature: String
    /// `12 cases, own table`, or `refused: REASON`.
    let checks: String

    var description: String { "| `\(name)` | `\(signature)` | \(checks) |" }
  }

  /// What follows this says in words how answers differ; only a reader can check it.
  private static let difference = "; differs: "

  private func documented() throws -> [Row] {
    let file = SharedSuites.root.appending(path: "Sources/Rego/Rego.docc/Builtins.md")
    return String(decoding: try SharedSuites.bytes(file), as: UTF8.self)
      .split(separator: "\n").compactMap { line in
        guard line.hasPrefix("| `") else { return nil }
        let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        guard cells.count == 3 else { return nil }
        return Row(
          name: cells[0].trimmingCharacters(in: ["`"]),
          signature: cells[1].trimmingCharacters(in: ["`"]),
          checks: cells[2].components(separatedBy: BuiltinListTests.difference)[0])
      }
  }

  /// The sources of the tests of this engine, in which calls and their answers stand.
  private func ownTables() throws -> String {
    var text = ""
    for folder in ["RegoTests/Builtins", "RegoTests/Cases", "PolicyFunctionsTests"] {
      let folder = SharedSuites.root.appending(path: "Tests/\(folder)")
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      where name != "BuiltinListTests.swift" {
        text += String(
          decoding: try SharedSuites.bytes(folder.appending(path: name)), as: UTF8.self)
      }
    }
    return text
  }

  /// Operators as they are written.
  private static let signs = [
    "and": "&", "div": "/", "equal": "==", "gt": ">", "gte": ">=", "internal.member_2": "in",
    "internal.member_3": "in", "lt": "<", "lte": "<=", "minus": "-", "mul": "*", "neq": "!=",
    "or": "|", "plus": "+", "rem": "%",
  ]

  /// Operators whose signs say something else too: `some x in xs`, comprehensions.
  private static let uncounted: Set<String> = ["internal.member_2", "internal.member_3", "or"]

  /// Whether a text calls a builtin, by its name or as an operator.
  private func calls(_ builtin: String, in text: String) -> Bool {
    var rest = text[...]
    while let found = rest.range(of: builtin + "(") {
      let before =
        found.lowerBound == text.startIndex ? " " : text[text.index(before: found.lowerBound)]
      if !before.isLetter, !before.isNumber, before != "_", before != "." { return true }
      rest = rest[found.upperBound...]
    }
    guard let sign = BuiltinListTests.signs[builtin] else { return false }
    return text.contains(" \(sign) ")
  }

  /// The modules and the query of each given case.
  private func cases() throws -> [String] {
    let file = SharedSuites.folder("opa-compliance").appending(path: "cases.json")
    let cases = try SharedSuites.json(file).array ?? []
    return cases.map { test in
      let modules = (test["modules"]?.array ?? []).compactMap { $0.string?.text }
      return (modules + [test["query"]?.string?.text ?? ""]).joined(separator: "\n")
    }
  }

  @Test func `every builtin stands in the list, and no other does`() throws {
    let rows = try documented()
    let own = try ownTables()
    let given = SharedSuites.has("opa-compliance") ? try cases() : nil
    var expected: [Row] = []
    let table = PolicyFunctions.builtins
    for builtin in Array(table.builtins.values) + Operators.all {
      let parameters = builtin.parameters.map(\.text).joined(separator: ", ")
      let shown = rows.first { $0.name == builtin.name }?.checks ?? ""
      var checks: [String] = []
      if let given {
        let count =
          BuiltinListTests.uncounted.contains(builtin.name)
          ? 0 : given.count { calls(builtin.name, in: $0) }
        if count > 0 { checks.append("\(count) case\(count == 1 ? "" : "s")") }
      } else if let count = shown.split(separator: ",").first, count.contains("case") {
        checks.append(String(count))
      }
      if calls(builtin.name, in: own) { checks.append("own table") }
      #expect(!checks.isEmpty, "nothing compares the answers of \(builtin.name)")
      expected.append(
        Row(
          name: builtin.name, signature: "(\(parameters)) => \(builtin.result?.text ?? "none")",
          checks: checks.joined(separator: ", ")))
    }
    // Constants by the time a policy is evaluated: what its comments say.
    for name in ["rego.metadata.chain", "rego.metadata.rule"] {
      let count = rows.first { $0.name == name }?.checks.split(separator: ",").first
      #expect(calls(name, in: own))
      expected.append(
        Row(
          name: name, signature: name.hasSuffix("rule") ? "() => any" : "() => array[any]",
          checks: given.map { "\($0.count { calls(name, in: $0) }) cases, own table" }
            ?? "\(count ?? ""), own table"))
    }
    for (name, reason) in table.refused {
      expected.append(Row(name: name, signature: "", checks: "refused: \(reason)"))
    }
    #expect(Set(rows.map(\.name)).count == rows.count)
    for row in Set(expected).subtracting(rows).sorted(by: { $0.name < $1.name }) {
      Issue.record("missing:\n\(row)")
    }
    for row in Set(rows).subtracting(expected).sorted(by: { $0.name < $1.name }) {
      Issue.record("not so:\n\(row)")
    }
  }
}
