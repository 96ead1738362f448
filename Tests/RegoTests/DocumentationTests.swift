import CanonicalJSON
import Foundation
import TestSupport
import Testing

@testable import Rego

/// What `Rego.md` says of limits and instructions is what the engine has.
@Suite struct DocumentationTests {
  private static func text(_ path: String) throws -> String {
    String(
      decoding: try SharedSuites.bytes(SharedSuites.root.appending(path: path)), as: UTF8.self)
  }

  /// The rows of the tables in a section, as cells.
  private static func rows(of section: String) throws -> [[String]] {
    let text = try text("Sources/Rego/Rego.docc/Rego.md")
    let start = try #require(text.range(of: "\n## \(section)\n"))
    let rest = text[start.upperBound...]
    let body = rest[..<(rest.range(of: "\n## ")?.lowerBound ?? rest.endIndex)]
    return body.split(separator: "\n").filter { $0.hasPrefix("|") }.map { line in
      line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  @Test func `the limits are those of the engine`() throws {
    let limits = EvaluationLimits()
    let parsing = JSONParser.Limits()
    let numbers: [String: Int] = [
      "steps": limits.steps, "depth": limits.depth, "bytes": limits.bytes,
      "nesting": Value.depthLimit, "JSON levels": JSONText.depthLimit,
      "input bytes": parsing.bytes, "input levels": parsing.depth,
      "terms": Int(Parser.depthLimit), "path": Parser.pathLimit,
      "templates": Scanner.templateDepth * 2, "else": Parser.elseLimit,
      "variables": Resolver.slotLimit, "file": SourceFile.byteLimit,
      "regular expression": RegexProgram.sizeLimit, "groups": RegexParser.nestingLimit,
      "watchdog": BuiltinContext.stepsBetweenLooks,
    ]
    var found: [String: Int] = [:]
    for row in try DocumentationTests.rows(of: "Limits") where row.count == 3 {
      if let number = Int(row[2].filter { $0 != "," }) { found[row[0]] = number }
    }
    #expect(found == numbers)
    #expect(InputText.mostScanned == 32)
  }

  @Test func `every instruction has its line`() throws {
    let source = try DocumentationTests.text("Sources/Rego/Program/Instruction.swift")
    var names: [Substring] = []
    for line in source.split(separator: "\n") where line.hasPrefix("  case ") {
      names.append(line.dropFirst("  case ".count).prefix { $0.isLetter })
    }
    #expect(names.count > 50)
    let documented = try DocumentationTests.rows(of: "The machine").compactMap { row in
      row[0].hasPrefix("`") ? Substring(row[0].trimmingCharacters(in: ["`"])) : nil
    }
    #expect(documented == names)
  }

  @Test func `the keywords are those of the scanner`() throws {
    let text = try DocumentationTests.text("Sources/Rego/Rego.docc/Rego.md")
    let start = try #require(text.range(of: "Keywords are `"))
    let words = text[start.upperBound...].prefix { $0 != "`" }.split(separator: " ")
    var scanner = Scanner(Array(words.joined(separator: " ").utf8))
    try scanner.scan()
    #expect(words.count == 15)
    #expect(scanner.tokens.dropLast().allSatisfy { $0.keyword != .none })
  }
}
