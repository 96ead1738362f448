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
    commandName: "who", abstract: "Who could do something now: every agent with a grant for it.",
    discussion: "Hops are counted from 0, the grant that a user: issued.")

  @Argument(help: "The action, as deploy.")
  var action: String

  @Argument(help: "The URI of one resource, as prod://payments/api; no pattern.")
  var resource: String

  @Flag(help: "Also those whose chain is broken or who are locked.")
  var all = false

  @Flag(help: "Each chain hop by hop: its verdict and what each hop narrows.")
  var chains = false

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var list: ListOptions

  func perform() async throws {
    // "None" would be a false answer: no agent acts on a pattern.
    guard !resource.contains("*") else {
      throw CommandFault(
        "resource_pattern",
        "\(resource) is a pattern; name one resource, as prod://payments/api")
    }
    let ledger = try registry.ledger(.readOnly)
    let (name, uri) = (ByteString(action), try ResourceURI(ByteString(resource)))
    let now = try ledger.now(.system)
    let ways = ledger.state.reach(action: name, resource: uri, at: now)
      .filter { all || $0.isUsable }
    if chains || list.json { return ReachText.print(ways, json: list.json) }
    let policy = try ledger.database.read { try ledger.policyInForce($0) }
    ReachText.table(ways, at: now, in: ledger.state) { way in
      ReachText.approval(
        policy.map { way.answer(to: name, on: uri, in: ledger.state, by: $0, at: now) })
    }
    guard !ways.isEmpty else { return }
    Output.line(
      policy.map {
        "approval: as \($0.record.label) says of it without params; params may change it"
      }
        ?? "no policy is in force: everything is denied")
  }
}

/// Ways to do something: as a table, or each chain in lines, a hop each, with its verdict and what it
/// narrows.
enum ReachText {
  /// `approval`: Whose approval a way takes, in words.
  static func table(
    _ ways: [Reach], at now: Timestamp, in state: AuthorityState, approval: (Reach) -> String
  ) {
    if ways.isEmpty { return Output.line("none") }
    let header = ["AGENT", "THROUGH", "CAN", "LIMITS", "NEEDS APPROVAL FROM", "STATUS"]
    let rows = ways.map { way in
      [
        way.agent.description, way.through,
        way.grant.terms.capabilities.map(\.words).joined(separator: "; "),
        limits(way, state), approval(way),
        way.isUsable
          ? "usable" : way.obstacle ?? way.report.verdict.fault?.code ?? way.report.verdict.word,
      ]
    }
    guard !Output.fits(header, rows) else { return Output.table(header, rows) }
    // Where the table is wider than the screen, one way below the other: no name is cut.
    for row in rows {
      Output.line("\(row[0])  \(row[5])")
      Output.line("  needs approval from  \(row[4])")
      Output.line("  through              \(row[1])")
      Output.line("  can                  \(row[2])")
      Output.line("  limits               \(row[3])")
    }
  }

  /// The narrowest of the limits along the chain.
  private static func limits(_ way: Reach, _ state: AuthorityState) -> String {
    let grants = way.report.hops.map(\.grant)
    var words: [String] = []
    if let end = grants.compactMap(\.terms.limits.notAfter).min() {
      words.append("until \(end.minute)")
    }
    for grant in grants {
      guard let most = grant.terms.limits.maxUses else { continue }
      words.append("\(state.uses[grant.digest, default: 0]) of \(most) uses")
    }
    let depth = way.grant.terms.limits.maxDepth
    if depth > 0 {
      words.append("may delegate \(depth) more level\(depth == 1 ? "" : "s")")
    }
    let audiences = way.grant.terms.limits.audiences
    if !audiences.isEmpty {
      words.append("at " + audiences.map(\.text).joined(separator: ", "))
    }
    return words.isEmpty ? "none" : words.joined(separator: ", ")
  }

  /// `answer`: nil without a policy; inside it nil where the chain does not verify.
  static func approval(_ answer: PolicyRuling.Answer??) -> String {
    switch answer {
    case nil: "no policy"
    case .some(nil): "-"
    case .some(.allow?): "nobody"
    case .some(.deny(let reasons)?):
      "denied: \(reasons.first.map { $0.detail.text } ?? "by the policy")"
    case .some(.hold(let rule)?):
      rule.quorum.map { item in
        "\(item.count) of "
          + (item.anyOf.isEmpty
            ? "any approver" : item.anyOf.map(\.text).joined(separator: " or "))
      }.joined(separator: " and ")
    }
  }

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
  /// The principals of the chain, from its root to the one who granted it.
  var through: String {
    let grants = report.hops.map(\.grant)
    guard let root = grants.first?.issuer else { return grant.issuer.description }
    return ([root] + grants.dropLast().map(\.terms.holder)).map(\.description)
      .joined(separator: " > ")
  }

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
