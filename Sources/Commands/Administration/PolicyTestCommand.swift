import ArgumentParser
import CanonicalJSON
import Foundation
import Rego

extension PolicyCommand {
  struct Test: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Run the rules named test_... of Rego files, as `opa test` does.",
      discussion: """
        A test passes if its rule holds. Exit status 2: a test failed, or too little is covered. The \
        coverage counts lines: the heads of rules that held, and the literals that were evaluated.
        """)

    @Argument(help: "Rego files, and JSON files that are data.")
    var files: [String]

    @Flag(help: "Say of each file which lines the tests do not cover.")
    var coverage = false

    @Option(help: ArgumentHelp("Fail below this coverage, in percent.", valueName: "percent"))
    var threshold: Double?

    @OptionGroup var list: ListOptions

    func perform() async throws {
      let policy = try PolicySources(files).compiled()
      var coverage = Coverage(of: policy)
      let outcomes = policy.tests.map { path in
        (path: path, outcome: TestOutcome.of(path, in: policy, &coverage))
      }
      let passed = outcomes.count { $0.outcome == .passed }
      let report = CoverageReport(coverage.files(of: policy))
      let showsCoverage = self.coverage || threshold != nil
      if list.json {
        Output.json(
          [
            "tests": .array(
              outcomes.map {
                [
                  "name": JSONValue(TestOutcome.name($0.path)),
                  "outcome": JSONValue($0.outcome.word),
                  "detail": $0.outcome.detail.map { JSONValue($0) } ?? .null,
                ]
              }),
            "coverage": showsCoverage ? report.json : .null,
          ])
      } else {
        for (path, outcome) in outcomes {
          Output.line("\(TestOutcome.name(path)): \(outcome.word)")
          if let detail = outcome.detail { Output.line("  \(detail)") }
        }
        Output.line("\(passed) of \(outcomes.count) tests passed")
        if showsCoverage { for line in report.lines { Output.line(line) } }
      }
      guard passed == outcomes.count, !outcomes.isEmpty,
        threshold.map({ report.percent >= $0 }) ?? true
      else { throw ExitCode(2) }
    }
  }
}

/// What came of one test.
enum TestOutcome: Equatable {
  case passed
  case failed
  case fault(String)

  static func of(
    _ path: [ByteString], in policy: CompiledPolicy, _ coverage: inout Coverage
  ) -> TestOutcome {
    do {
      let answer = try policy.answers(
        [path], input: nil, environment: PolicySources.environment, coverage: &coverage)
      switch answer.first?.value {
      case nil, .bool(false)?: return .failed
      default: return .passed
      }
    } catch {
      return .fault("\(error)")
    }
  }

  static func name(_ path: [ByteString]) -> String {
    (["data"] + path.map(\.text)).joined(separator: ".")
  }

  var word: String {
    switch self {
    case .passed: "PASS"
    case .failed: "FAIL"
    case .fault: "ERROR"
    }
  }

  var detail: String? { if case .fault(let detail) = self { detail } else { nil } }
}

/// Coverage in lines and percent.
struct CoverageReport {
  let files: [Coverage.File]

  init(_ files: [Coverage.File]) {
    self.files = files
  }

  var percent: Double {
    let covered = files.reduce(0) { $0 + $1.covered.count }
    let missed = files.reduce(0) { $0 + $1.notCovered.count }
    return CoverageReport.percent(covered, of: covered + missed)
  }

  private static func percent(_ covered: Int, of all: Int) -> Double {
    all == 0 ? 100 : (Double(covered) * 10_000 / Double(all)).rounded() / 100
  }

  private static func percent(_ file: Coverage.File) -> Double {
    percent(file.covered.count, of: file.covered.count + file.notCovered.count)
  }

  var lines: [String] {
    files.map { file in
      let missing =
        file.notCovered.isEmpty
        ? "" : "   not covered: lines \(CoverageReport.ranges(file.notCovered))"
      return "\(file.name)  \(CoverageReport.percent(file)) %\(missing)"
    } + ["coverage \(percent) %"]
  }

  var json: JSONValue {
    [
      "percent": JSONNumber(percent).map(JSONValue.number) ?? .null,
      "files": .array(
        files.map { file in
          [
            "file": JSONValue(file.name),
            "percent": JSONNumber(CoverageReport.percent(file)).map(JSONValue.number) ?? .null,
            "covered": .array(file.covered.map { JSONValue(Int64($0)) }),
            "not_covered": .array(file.notCovered.map { JSONValue(Int64($0)) }),
          ]
        }),
    ]
  }

  /// `3, 7-9`.
  static func ranges(_ lines: [Int]) -> String {
    var parts: [(first: Int, last: Int)] = []
    for line in lines {
      if let last = parts.last, last.last + 1 == line {
        parts[parts.count - 1].last = line
      } else {
        parts.append((line, line))
      }
    }
    return parts.map { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" }
      .joined(separator: ", ")
  }
}
