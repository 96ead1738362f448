import CanonicalJSON
import Foundation
import PolicyFunctions
import Rego

/// Runs every case of a folder and prints passed, failed and skipped by group of cases.
struct ConformanceRun {
  let folder: String
  /// A list of cases known to fail, each with its reason: `ID<tab>reason` a line.
  let known: String?
  /// Prints the failures whose id or note contains this, with what was answered.
  let show: String?

  /// Whether every case passes that is not listed, and every listed one fails.
  func run() throws -> Bool {
    let text = try Data(contentsOf: URL(filePath: folder).appending(path: "cases.json"))
    let json = try JSONParser.parse(
      Array(text), limits: JSONParser.Limits(bytes: 256 << 20, depth: 64))
    let reasons = try KnownList.read(known)
    var groups: [String: (passed: Int, failed: Int, listed: Int)] = [:]
    var wrong: [String] = []
    // What the cases' own runner adds.
    let builtins = PolicyFunctions.builtins.adding([
      Builtin("test.sleep", [.string], .null) { (_, _) throws(BuiltinFailure) in .null }
    ])
    for value in json.array ?? [] {
      let test = ConformanceCase(json: value)
      var group = groups[test.folder] ?? (0, 0, 0)
      switch (test.run(builtins), reasons[test.id]) {
      case (.passed, nil): group.passed += 1
      case (.passed, .some(let reason)):
        group.passed += 1
        wrong.append("\(test.id): passes, and is listed: \(reason)")
      case (.failed, .some): group.listed += 1
      case (.failed(let what), nil):
        group.failed += 1
        wrong.append("\(test.id) [\(test.note)]")
        if let show, test.id.contains(show) || test.note.contains(show) || show == "all" {
          print("\(test.id) [\(test.note)]\n  \(what)")
        }
      }
      groups[test.folder] = group
    }
    var total = (passed: 0, failed: 0, listed: 0)
    for (name, group) in groups.sorted(by: { $0.key < $1.key }) {
      print("\(name): \(group.passed) passed, \(group.failed) failed, \(group.listed) skipped")
      total.passed += group.passed
      total.failed += group.failed
      total.listed += group.listed
    }
    for line in wrong where show == nil { print("  \(line)") }
    print(
      "\(total.passed) passed, \(total.failed) failed, \(total.listed) skipped of \(total.passed + total.failed + total.listed)"
    )
    return wrong.isEmpty
  }
}

/// A file of what is known to differ: `ID<tab>reason` a line.
enum KnownList {
  static func read(_ file: String?) throws -> [String: String] {
    guard let file else { return [:] }
    var reasons: [String: String] = [:]
    for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
    where !line.hasPrefix("#") {
      let parts = line.split(separator: "\t", maxSplits: 1)
      if parts.count == 2 { reasons[String(parts[0])] = String(parts[1]) }
    }
    return reasons
  }
}
