import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Keys
import Registry
import Statements

struct WhoCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "who", abstract: "Who could do something now: every agent with a grant for it.")

  @Argument(help: "The action, as deploy.")
  var action: String

  @Argument(help: "The resource's URI.")
  var resource: String

  @Flag(help: "Also those whose chain is broken or who are locked.")
  var all = false

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var list: ListOptions

  func perform() async throws {
    let ledger = try registry.ledger(.readOnly)
    let ways = ledger.state.reach(
      action: ByteString(action), resource: try ResourceURI(ByteString(resource)),
      at: try ledger.now(.system))
    ReachText.print(ways.filter { all || $0.isUsable }, json: list.json)
  }
}

/// Chains in lines: a hop each, with its verdict and what it narrows.
enum ReachText {
  static func print(_ ways: [Reach], json: Bool) {
    if json { return Output.json(.array(ways.map(\.json))) }
    if ways.isEmpty { return Output.line("none") }
    for way in ways {
      Output.line("\(way.agent)  grant \(way.grant.digest.hex)  \(way.summary)")
      for (index, hop) in way.report.hops.enumerated() {
        Output.line(
          "  hop \(index)  \(hop.grant.issuer) > \(hop.grant.terms.holder)  \(hop.verdict.word)")
        for line in hop.narrowing { Output.line("         \(line)") }
        if let fault = hop.verdict.fault { Output.line("         ! \(fault.code): \(fault)") }
      }
      if let fault = way.report.end?.fault { Output.line("  ! \(fault.code): \(fault)") }
      if let obstacle = way.obstacle { Output.line("  ! \(obstacle)") }
    }
  }
}

extension Reach {
  var summary: String {
    let scope = grant.terms.capabilities.map(\.words).joined(separator: "; ")
    return "\(scope)  \(isUsable ? "usable" : obstacle == nil ? report.verdict.word : "not now")"
  }

  var json: JSONValue {
    let value: JSONValue = [
      "agent": agent.json, "grant": JSONValue(grant.digest.hex), "usable": .bool(isUsable),
      "verdict": JSONValue(report.verdict.word),
      "code": report.verdict.fault.json { JSONValue($0.code) },
      "obstacle": obstacle.json { JSONValue($0) },
      "capabilities": .array(grant.terms.capabilities.map(\.json)),
      "hops": .array(
        report.hops.map { hop in
          let value: JSONValue = [
            "grant": JSONValue(hop.grant.digest.hex), "issuer": hop.grant.issuer.json,
            "holder": hop.grant.terms.holder.json, "verdict": JSONValue(hop.verdict.word),
            "code": hop.verdict.fault.json { JSONValue($0.code) },
            "narrowing": .array(hop.narrowing.map { JSONValue($0) }),
          ]
          return value.withoutNulls
        }),
    ]
    return value.withoutNulls
  }
}
