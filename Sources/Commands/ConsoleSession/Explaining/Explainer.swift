import Approvals
import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Rego
import Statements

/// Why a decision came out as it did, from the entries themselves: the reasons, the rule that
/// matched with what it read, the chain hop by hop, similar requests, and what would have let it
/// through.
struct Explainer {
  let ledger: Ledger
  let log: RegistryTransaction
  let now: Timestamp

  private var state: AuthorityState { ledger.state }

  func explain(_ index: UInt64, as target: Target) throws -> Document {
    let (entry, parts) = try ledger.statement(at: index, log)
    guard case .decisionMade(let decision) = parts.body else {
      throw CommandFault("entry_no_decision", "entry #\(index) is no decision")
    }
    let payload = try log.body(decision.action)
    let action = try payload.map { try Action(payload: $0) } ?? state.erased[decision.action]
    var lines = verdict(decision, entry, index)
    if decision.verdict == .hold || decision.releases != nil {
      lines += holdLines(decision, entry)
    }
    let input = action.map { self.input($0, decision, at: entry.received) }
    lines += try rules(decision, input)
    if let action {
      lines += chain(action, at: entry.received)
      lines += request(action, decision)
    } else {
      lines.append(Line("action", "payload erased", .alert))
    }
    lines += try similar(index)
    if decision.verdict == .deny, let action, let input {
      lines += try wayThrough(action, decision, input)
    }
    lines += [
      Line("bytes", SafeText("action sha256 \(decision.action.hex)")),
      Line(
        "", SafeText("entry #\(index), statement sha256 \(entry.envelope.digest.hex)"),
        target: .entry(index)),
      Line("decided by", SafeText(parts.header.signer.description)),
    ]
    return Document(.why(target), title: SafeText("Explain decision #\(index)"), lines: lines)
  }

  private func heading(_ text: SafeText) -> Line { Line("", text, .title) }

  private func verdict(
    _ decision: DecisionMade, _ entry: LogEntry, _ index: UInt64
  ) -> [Line] {
    let (word, role): (String, Role) =
      switch decision.verdict {
      case .allow: (decision.releases == nil ? "allow" : "allow, released after approval", .stateOK)
      case .hold: ("HOLD", .statePending)
      case .deny: ("DENY", .stateBad)
      }
    var lines = [
      Line("verdict", SafeText("\(word)   #\(index) at \(entry.received.text)"), role)
    ]
    lines += decision.reasons.map {
      Line("reason", SafeText("\($0.code.text): \($0.detail.text)"))
    }
    return lines
  }

  private func holdLines(_ decision: DecisionMade, _ entry: LogEntry) -> [Line] {
    let digest = decision.releases ?? entry.envelope.digest
    guard let hold = state.holds[digest] else { return [] }
    var lines = [
      Line(
        "hold", SafeText("\(digest.hex.prefix(8)) is \(hold.state(at: now).word)"),
        target: .hold(digest))
    ]
    for vote in hold.votes {
      lines.append(
        Line(
          vote.vote == .approve ? "approved" : "denied",
          SafeText("\(vote.voter) \(vote.received.text) \"\(vote.reason.text)\""),
          vote.vote == .approve ? .stateOK : .stateBad, target: .person(vote.voter.description)))
    }
    if let glass = hold.brokenGlass {
      lines.append(
        Line("break-glass", SafeText("used by \(glass.by) \"\(glass.reason.text)\""), .riskHigh))
    }
    return lines
  }

  // MARK: policy

  private func rules(_ decision: DecisionMade, _ input: JSONValue?) throws -> [Line] {
    guard let policy = decision.policy else {
      return [Line("policy", "not evaluated: an earlier step decided")]
    }
    var lines = [
      heading("Policy"),
      Line(
        "policy", SafeText("\(policy.label) \(policy.digest.hex)"), target: .policy(policy.digest)),
    ]
    if let zones = decision.zones {
      lines.append(Line("time zones", SafeText("release \(zones.text) of the database")))
    }
    if decision.rules.isEmpty { lines.append(Line("rule", "none matched")) }
    let told = try explanation(policy.digest, input)
    for rule in decision.rules {
      lines.append(
        Line(
          "rule", SafeText(rule.text), .title,
          target: .rule(policy: policy.digest, place: rule.text)))
      guard let (source, line) = try PolicySource.find(rule, policy.digest, ledger, log) else {
        continue
      }
      let known = told?.rules.first { "\($0.place.file):\($0.place.line)" == rule.text }
      let last = min(max(line, known?.lastLine ?? line), line + 39)
      for number in line...last where number <= source.lines.count {
        let mark = number == line ? "> " : "  "
        lines.append(
          Line(
            "\(number)", SafeText(mark + source.lines[number - 1]),
            number == line ? .match : .codeString))
      }
      for read in known?.reads ?? [] {
        lines.append(
          Line("read", SafeText("\(read.path) = \(read.value?.json.shownText ?? "undefined")")))
      }
    }
    return lines
  }

  /// What policy saw, rebuilt from the log; roles and owner as they are now.
  private func input(
    _ action: Action, _ decision: DecisionMade, at instant: Timestamp
  ) -> JSONValue {
    let facts =
      decision.resource
      ?? JSONObject([JSONObject.Member(name: "uri", value: JSONValue(action.resource.text))])
    if let agent = state.agents[action.agent]?.registered,
      let chain = try? state.chains.verify(
        leaf: action.grant, agent: action.agent, audience: action.audience, at: instant)
    {
      return PolicyInput.document(
        action: action, agent: agent, key: decision.key, chain: chain, resource: facts,
        now: instant)
    }
    let agent = state.agents[action.agent]?.registered
    return [
      "action": JSONValue(action.action),
      "agent": [
        "id": action.agent.json, "role": agent?.roles.first.map { JSONValue($0) } ?? .null,
        "roles": agent?.roles.json ?? .array([]), "owner": agent?.owner.json ?? .null,
      ],
      "context": .object(action.context), "params": .object(action.params),
      "resource": .object(facts), "time": instant.json,
    ]
  }

  // MARK: chain

  private func chain(_ action: Action, at instant: Timestamp) -> [Line] {
    let report = state.chains.report(leaf: action.grant, audience: nil, at: instant)
    var lines = [heading("Delegation chain at decision time")]
    for (number, hop) in report.hops.enumerated() {
      let role: Role = hop.verdict == .valid ? .stateOK : .stateBad
      lines.append(
        Line(
          "hop \(number)",
          SafeText("\(hop.grant.issuer) > \(hop.grant.terms.holder)   \(hop.verdict.word)"), role,
          target: .grant(hop.grant.digest)))
      lines += hop.narrowing.map { Line(number == 0 ? "gives" : "narrows", SafeText($0)) }
      if let fault = hop.verdict.fault {
        lines.append(Line("", SafeText("\(fault.code): \(fault)"), .alert))
      }
    }
    if let end = report.end, let fault = end.fault {
      lines.append(Line("chain", SafeText("\(fault.code): \(fault)"), .alert))
    }
    return lines
  }

  private func request(_ action: Action, _ decision: DecisionMade) -> [Line] {
    var lines = [
      heading("Request as signed by the agent"),
      Line("action", SafeText(action.action.text)),
      Line("resource", SafeText(action.resource.text)),
      Line(
        "agent", SafeText(action.agent.description), target: .agent(action.agent.description)),
      Line("key", SafeText(decision.key.description), target: .key(decision.key.digest)),
    ]
    lines += action.params.members.map {
      Line("parameter", SafeText("\($0.name.text) = \($0.value.shownText)"))
    }
    lines += action.context.members.filter { $0.name != "justification" }.map {
      Line("agent claims", SafeText("\($0.name.text) = \($0.value.shownText)"))
    }
    if let words = action.context["justification"]?.string {
      lines.append(
        Line("justification", SafeText("\"\(words.text)\"") + "   (agent, unverified)", .untrusted))
    }
    for member in decision.resource?.members ?? [] where member.name != "uri" {
      lines.append(
        Line("catalogue", SafeText("\(member.name.text) = \(member.value.shownText)")))
    }
    return lines
  }

  // MARK: what else

  private func similar(_ index: UInt64) throws -> [Line] {
    guard let row = try log.decision(at: index) else { return [] }
    let found = try log.similarDecisions(to: row, limit: 6)
    guard !found.isEmpty else { return [] }
    return [heading("Similar requests of this agent")]
      + (try found.map { other in
        var end = other.verdict
        if other.verdict == "hold", let hold = try log.hold(other.digest) {
          end = "held, \(hold.word(at: now))"
        }
        if let (outcome, _) = try log.outcome(of: other.action) { end += ", finished \(outcome)" }
        return Line(
          other.received.minute, SafeText("\(end)   \(other.name) on \(other.uri)"),
          other.verdict == "deny" ? .stateBad : .text, target: .decision(other.index))
      })
  }

  private func wayThrough(
    _ action: Action, _ decision: DecisionMade, _ input: JSONValue
  ) throws -> [Line] {
    var lines = [heading("What would allow it")]
    let code = decision.reasons.first?.code.text ?? ""
    switch code {
    case "policy_denied":
      lines += try missingConditions(decision, input)
    case "not_granted", "grant_exhausted":
      let resource = try ResourceURI(action.resource)
      let others = state.alternatives(
        to: action.grant, for: action.agent, action: action.action,
        resource: resource, at: now)
      for other in others {
        lines.append(
          Line(
            "grant", SafeText("another grant of this agent covers it: \(other.grant.digest.short)"),
            .stateOK,
            target: .grant(other.grant.digest)))
      }
      if others.isEmpty {
        lines.append(
          Line(
            "needs",
            SafeText(
              "a grant of \(action.action.text) on \(action.resource.text) to \(action.agent)")))
        let able = state.reach(action: action.action, resource: resource, at: now)
          .filter(\.isUsable).map(\.agent).prefix(6)
        lines.append(
          Line(
            "who could",
            SafeText(
              able.isEmpty ? "nobody" : able.map(\.description).joined(separator: ", "))))
      }
    case "locked":
      lines.append(Line("needs", "the lock lifted: 0 shows locks"))
    case "key_revoked", "key_expired", "key_not_yet_valid", "key_tainted":
      lines.append(Line("needs", "an active key of this agent: 4 shows keys"))
    case "agent_retired": lines.append(Line("needs", "another agent; this one is retired"))
    case let code where code.hasPrefix("chain_"):
      lines.append(Line("needs", "a valid chain: see the failing hop above"))
    default: lines.append(Line("needs", SafeText("see the reason: \(code)")))
    }
    return lines
  }

  /// What the policy in force then says of an input, rule by rule; nil if it cannot be asked.
  private func explanation(_ policy: Digest, _ input: JSONValue?) throws -> Explanation? {
    guard let input, let record = state.policies[policy] else { return nil }
    let paths: [[ByteString]] = ["deny", "require_approval", "allow"].map {
      ["agent", "authz", $0]
    }
    return try? ledger.compile(record, log).compiled.explain(
      paths, input: input, isStrict: true, environment: PolicyRuling.environment(of: input))
  }

  /// For each rule that could allow or hold, which of its conditions held.
  private func missingConditions(
    _ decision: DecisionMade, _ input: JSONValue
  ) throws -> [Line] {
    guard let policy = decision.policy, let told = try explanation(policy.digest, input) else {
      return []
    }
    var lines: [Line] = []
    let denied = decision.rules.filter { !$0.isEmpty }
    if !denied.isEmpty {
      lines.append(
        Line(
          "needs", SafeText("rule \(denied.map(\.text).joined(separator: ", ")) must not match")))
    }
    let asked = ["allow", "require_approval"].map { ["agent", "authz", $0] }
    for rule in told.rules.filter({ asked.contains($0.path) }).prefix(24) {
      let place = "\(rule.place.file):\(rule.place.line)"
      lines.append(
        Line("rule", SafeText(place), .title, target: .rule(policy: policy.digest, place: place)))
      for condition in rule.conditions {
        let failed = condition.outcome == .failed
        let mark = condition.outcome == .held ? "ok  " : failed ? "NO  " : "-   "
        var values = rule.reads.filter { condition.text.contains($0.path) }
          .map { "\($0.path) is \($0.value?.json.shownText ?? "undefined")" }
        if values.isEmpty {
          values = condition.compared.map { $0?.json.shownText ?? "undefined" }
        }
        let told = failed && !values.isEmpty ? "   " + values.joined(separator: ", ") : ""
        lines.append(
          Line("", SafeText(mark + condition.text + told), failed ? .stateBad : .text))
      }
    }
    return lines
  }
}

/// The text of one policy file: its lines.
struct PolicySource {
  let file: String
  let lines: [String]

  init(file: String, bytes: [UInt8]) {
    self.file = file
    lines = String(decoding: bytes, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false
    ).map { $0.replacingOccurrences(of: "\t", with: "  ") }
  }

  /// The file and line that `file:line` names in a published policy.
  static func find(
    _ rule: ByteString, _ policy: Digest, _ ledger: Ledger, _ log: RegistryTransaction
  ) throws -> (PolicySource, Int)? {
    let parts = rule.split(on: ":")
    guard parts.count == 2, let line = Int(parts[1].text),
      let module = ledger.state.policies[policy]?.published.modules.first(where: {
        $0.file == parts[0]
      }), let bytes = try log.body(module.digest)
    else { return nil }
    return (PolicySource(file: parts[0].text, bytes: bytes), line)
  }
}
