import ArgumentParser
import Authority
import CanonicalJSON
import Keys
import Registry
import Statements

struct DecisionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decisions", abstract: "List decisions, or follow them.",
    subcommands: [List.self, Tail.self], defaultSubcommand: List.self)

  static func print(_ rows: [DecisionRow]) {
    Output.table(
      ["ENTRY", "TIME", "VERDICT", "AGENT", "ACTION", "RESOURCE", "CODE", "RULE"],
      rows.map(\.columns))
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "The newest decisions, newest first.")

    @Option(help: "Only this agent's.")
    var agent: String?

    @Option(help: "How many.")
    var limit: Int = 50

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading(list).read {
        try $0.decisions(agent: agent, limit: limit)
      }
      if list.json { Output.json(.array(rows.map(\.json))) } else { DecisionsCommand.print(rows) }
    }
  }

  struct Tail: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Print decisions as they are made, until interrupted.")

    @Option(help: "Stop after this many seconds.")
    var seconds: Int?

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let database = try registry.reading(list)
      var next = try database.read { try $0.size() }
      let start = ContinuousClock.now
      while seconds.map({ ContinuousClock.now - start < .seconds($0) }) ?? true {
        let rows = try database.read { try $0.decisions(from: next, limit: 1000) }
        for row in rows {
          if list.json {
            Output.json(row.json)
          } else {
            Output.line(row.columns.joined(separator: "  "))
          }
          next = row.index + 1
        }
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }
}

extension DecisionRow {
  var columns: [String] {
    [
      "#\(index)", received.textToSeconds, verdict == "allow" ? verdict : verdict.uppercased(),
      agent, name, uri, code, rule,
    ]
  }

  var json: JSONValue {
    let value: JSONValue = [
      "log_index": JSONValue(index), "decision": JSONValue(digest.hex),
      "action_digest": JSONValue(action.hex), "agent": JSONValue(agent),
      "action": JSONValue(name), "resource": JSONValue(uri), "verdict": JSONValue(verdict),
      "code": JSONValue(code), "rule": JSONValue(rule), "timestamp": received.json,
      "releases": releases.json { JSONValue($0.hex) },
    ]
    return value.withoutNulls
  }
}
