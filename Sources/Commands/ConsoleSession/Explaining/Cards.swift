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
import Statements

/// Everything about one thing, from the verified state and the entries behind it.
struct Cards {
  let ledger: Ledger
  let log: RegistryTransaction
  let now: Timestamp

  private var state: AuthorityState { ledger.state }

  func document(_ request: DocumentRequest) throws -> Document {
    switch request {
    case .why(.hold(let hold)):
      guard let index = try log.holdIndex(hold) else {
        throw CommandFault("hold_unknown", "no hold \(hold.hex) is on record")
      }
      return try explainer.explain(index, as: .hold(hold))
    case .why(.decision(let index)), .card(.decision(let index)):
      return try explainer.explain(index, as: .decision(index))
    case .why(.entry(let index)), .card(.entry(let index)): return try entry(index)
    case .why(let target), .card(let target): return try card(target)
    case .source(let target): return try source(target)
    case .json(.reviewGroup(let group)): return try reviewsJSON(group)
    case .json(let target): return try json(target)
    case .notes, .messages, .output:
      throw CommandFault("not_here", "this is no card")
    }
  }

  private var explainer: Explainer { Explainer(ledger: ledger, log: log, now: now) }

  private func card(_ target: Target) throws -> Document {
    let lines: [Line]
    switch target {
    case .agent(let name): lines = try agent(name)
    case .key(let digest): lines = try key(Fingerprint(digest: digest))
    case .grant(let digest): lines = try grant(digest)
    case .person(let name), .root(let name): lines = try person(name)
    case .service(let name): lines = try service(name)
    case .keyRequest(let digest): lines = try keyRequest(digest)
    case .owed(let subject): lines = try reviews(.owed(subject))
    case .reviewGroup(let group): lines = try reviews(.reviews(group))
    default: throw CommandFault("no_card", "there is no card of \(target.words)")
    }
    return Document(.card(target), title: SafeText(target.words), lines: lines)
  }

  private func heading(_ text: SafeText) -> Line { Line("", text, .title) }

  // MARK: agents and keys

  private func agent(_ name: String) throws -> [Line] {
    guard let principal = Principal(ByteString(name)) else {
      throw CommandFault("agent_unknown", "no agent \(name) is on record")
    }
    var lines: [Line] = []
    if let record = state.agents[principal] {
      let body = record.registered
      lines += [
        Line("agent", SafeText(name), .title),
        Line("owner", SafeText(body.owner.description), target: .person(body.owner.description)),
        Line("roles", SafeText(body.roles.map(\.text).joined(separator: " "))),
      ]
      let former = record.owners.filter { $0 != body.owner }
      if !former.isEmpty {
        lines.append(
          Line("former owners", SafeText(former.map(\.description).joined(separator: ", "))))
      }
      lines += body.attributes.members.map {
        Line("attribute", SafeText("\($0.name.text) = \($0.value.shownText)"))
      }
    } else {
      lines.append(
        Line(
          "agent",
          SafeText(state.retiredAgents.contains(principal) ? "retired" : "not registered"),
          .stateBad))
    }
    lines += locks { lock in if case .agent(principal) = lock.target { true } else { false } }
    lines.append(heading("Keys"))
    lines +=
      state.keys.all(.holder(principal))
      .sorted { $0.received < $1.received }.map(keyLine).orNothing
    lines.append(heading("Capabilities, by grant"))
    lines +=
      state.reach(of: principal, at: now).map { reach in
        let word = reach.isUsable ? "usable" : reach.obstacle ?? reach.report.verdict.word
        return Line(
          reach.isUsable ? "ok" : "!",
          SafeText(
            "\(reach.grant.terms.capabilities.map(\.words).joined(separator: "; "))  from "
              + "\(reach.grant.issuer)  \(word)"), reach.isUsable ? .text : .stateBad,
          target: .grant(reach.grant.digest))
      }.orNothing
    lines.append(heading("Grants it issued"))
    lines += grantLines(.issuer(principal))
    lines.append(heading("Last decisions"))
    lines += try log.decisions(agent: name, limit: 20).map { row in
      Line(
        row.received.minute, SafeText("\(row.verdict)  \(row.name) on \(row.uri)  \(row.code)"),
        row.verdict == "deny" ? .stateBad : .text, target: .decision(row.index))
    }.orNothing
    return lines
  }

  /// So many of what hangs together with something are shown.
  private static let limit = 100

  /// A line for each of some records, and a word if there are more; they were asked for with one to
  /// spare.
  private func some<Record>(of records: [Record], _ line: (Record) -> Line) -> [Line] {
    let lines = records.prefix(Cards.limit).map(line)
    return records.count > Cards.limit
      ? lines + [Line("", "more not shown", .hint)] : lines.orNothing
  }

  private func grantLines(_ link: Link) -> [Line] {
    let grants = state.grants.all(link, limit: Cards.limit + 1)
    return some(of: grants.sorted { $0.received < $1.received }, grantLine)
  }

  private func grantLine(_ grant: Grant) -> Line {
    let can = grant.terms.capabilities.map(\.words).joined(separator: "; ")
    return Line(
      grant.revoked == nil ? "to" : "revoked", SafeText("\(grant.terms.holder)  \(can)"),
      target: .grant(grant.digest))
  }

  private func keyLine(_ record: KeyRecord) -> Line {
    let status = record.status(at: now)
    let end = record.notAfter.map { ", ends \($0.minute)" } ?? ""
    return Line(
      status.rawValue, SafeText("\(record.key.fingerprint)  since \(record.received.minute)\(end)"),
      status == .active ? .stateOK : .stateBad, target: .key(record.key.fingerprint.digest))
  }

  private func locks(_ covers: (LockPlaced) -> Bool) -> [Line] {
    state.locks.values.filter {
      $0.isInForce(at: now) && (covers($0.placed) || $0.placed.target == .everything)
    }.sorted { $0.digest < $1.digest }.map {
      Line(
        "LOCKED",
        SafeText("\($0.placed.target.words) by \($0.placer): \($0.placed.reason.text)"), .alert,
        target: .lock($0.digest))
    }
  }

  private func key(_ fingerprint: Fingerprint) throws -> [Line] {
    guard let record = state.keys[fingerprint] else {
      throw CommandFault("key_unknown", "no key \(fingerprint) is enrolled")
    }
    let status = record.status(at: now)
    let holder: Target =
      switch record.holder.kind {
      case .agent: .agent(record.holder.description)
      case .user: .person(record.holder.description)
      case .service: .service(record.holder.description)
      }
    var lines = [
      Line("key", SafeText(fingerprint.description), .title),
      Line("holder", SafeText(record.holder.description), target: holder),
      Line("status", SafeText(status.rawValue), status == .active ? .stateOK : .stateBad),
      Line(
        "enrolled",
        SafeText(
          "\(record.received.textToSeconds) by "
            + record.enrolledBy.map(\.description).joined(separator: ", "))),
    ]
    let earlier = record.enrollers.filter { !record.enrolledBy.contains($0) }
    if !earlier.isEmpty {
      lines.append(
        Line(
          "",
          SafeText("the keys before it by \(earlier.map(\.description).joined(separator: ", "))")))
    }
    if let begin = record.notBefore { lines.append(Line("begins", SafeText(begin.textToSeconds))) }
    lines.append(Line("ends", SafeText(record.notAfter?.textToSeconds ?? "never")))
    if let before = record.predecessor {
      lines.append(Line("replaced", SafeText(before.description), target: .key(before.digest)))
    }
    if let tainted = record.tainted {
      lines.append(Line("tainted", SafeText(tainted.textToSeconds), .stateBad))
    }
    if let revoked = record.revoked, let body = record.revocation {
      lines.append(
        Line(
          "revoked",
          SafeText(
            "\(revoked.textToSeconds)  \(body.reason.rawValue)  "
              + (body.compromisedSince.map { "since \($0.textToSeconds)  " } ?? "") + body.note.text
          ),
          .stateBad))
    }
    lines += locks { lock in if case .key(fingerprint) = lock.target { true } else { false } }
    lines.append(
      Line("last used", SafeText(try log.lastUse(of: fingerprint, by: record.holder).words)))
    lines.append(heading("Grants it signed"))
    lines += grantLines(.signer(fingerprint))
    return lines
  }

  private func grant(_ digest: Digest) throws -> [Line] {
    guard let grant = state.grants[digest] else {
      throw CommandFault("grant_unknown", "no grant \(digest.hex) is on record")
    }
    let report = state.chains.report(leaf: digest, audience: nil, at: now)
    var lines = [
      Line("grant", SafeText(digest.hex), .title),
      Line(
        "chain", SafeText(report.verdict.word), report.verdict == .valid ? .stateOK : .stateBad),
    ]
    if let fault = report.verdict.fault {
      lines.append(Line("", SafeText("\(fault.code): \(fault)"), .alert))
    }
    for (number, hop) in report.hops.enumerated() {
      lines.append(
        Line(
          "hop \(number)",
          SafeText("\(hop.grant.issuer) > \(hop.grant.terms.holder)   \(hop.verdict.word)"),
          hop.verdict == .valid ? .text : .stateBad, target: .grant(hop.grant.digest)))
      lines += hop.narrowing.map { Line(number == 0 ? "gives" : "narrows", SafeText($0)) }
    }
    lines.append(
      Line(
        "issued", SafeText("\(grant.received.textToSeconds), signed by key \(grant.key)"),
        target: .key(grant.key.digest)))
    if let revoked = grant.revoked {
      lines.append(Line("revoked", SafeText(revoked.textToSeconds), .stateBad))
    }
    if let most = grant.terms.limits.maxUses {
      lines.append(Line("uses", SafeText("\(state.uses[digest, default: 0]) of \(most)")))
    }
    let others = state.reach(of: grant.terms.holder, at: now).filter {
      $0.grant.digest != digest && $0.isUsable
    }
    lines.append(heading("Other usable grants of the same holder"))
    lines +=
      others.map {
        Line(
          "",
          SafeText(
            "\($0.grant.issuer): \($0.grant.terms.capabilities.map(\.words).joined(separator: "; "))"
          ),
          target: .grant($0.grant.digest))
      }.orNothing
    lines.append(heading("Grants under it"))
    lines += grantLines(.parent(digest))
    return lines
  }

  private func person(_ name: String) throws -> [Line] {
    guard let principal = Principal(ByteString(name)), let record = state.operators[principal]
    else {
      throw CommandFault("operator_unknown", "no operator \(name) is enrolled")
    }
    var lines = [
      Line("operator", SafeText(name), .title),
      Line("roles", SafeText(record.roles.map(\.rawValue).joined(separator: " "))),
      Line("groups", SafeText(record.memberships.words)),
    ]
    let rotas = OnCall.rotas(of: try log.operators(), at: now)
    lines += rotas.filter { rota in record.memberships.contains { $0.group.text == rota.group } }
      .map { Line("on call", SafeText("\($0.group): \($0.words)")) }
    lines += [
      Line(
        "may grant", SafeText(record.mayGrant.map(\.words).joined(separator: "; "))),
      heading("Keys"),
    ]
    lines +=
      state.keys.all(.holder(principal))
      .sorted { $0.received < $1.received }.map(keyLine).orNothing
    lines.append(heading("Agents they own (they cannot approve for these)"))
    lines += some(of: state.agents.all(.owner(principal), limit: Cards.limit + 1)) {
      Line("agent", SafeText($0.id.description), target: .agent($0.id.description))
    }
    lines.append(heading("Their votes on open holds"))
    lines +=
      state.openHolds(at: now).flatMap { hold in
        hold.votes.filter { $0.voter == principal }.map {
          Line(
            $0.vote.rawValue,
            SafeText("\(hold.digest.hex.prefix(8)) \(hold.agent) on \(hold.resource.text)"),
            target: .hold(hold.digest))
        }
      }.orNothing
    return lines
  }

  private func service(_ name: String) throws -> [Line] {
    guard let principal = Principal(ByteString(name)), let record = state.services[principal] else {
      throw CommandFault("service_unknown", "no service \(name) is enrolled")
    }
    return [
      Line("service", SafeText(name), .title)
    ]
      + record.hosts.flatMap { host in
        [
          Line("host", SafeText(host.host.text)),
          Line("key", SafeText(host.key.description), target: .key(host.key.digest)),
        ]
      } + [
        Line("may attest", SafeText(record.mayAttest.map(\.description).joined(separator: ", ")))
      ]
  }

  private func keyRequest(_ digest: Digest) throws -> [Line] {
    guard let request = state.requests[digest] else {
      throw CommandFault("request_unknown", "no key request \(digest.hex) waits")
    }
    let body = request.requested
    let verb = body.replaces == nil ? "enroll" : "rotate"
    return [
      Line(
        "agent", SafeText(body.holder.description), .title, target: .agent(body.holder.description)),
      Line("key", SafeText(body.key.fingerprint.description)),
      Line("replaces", SafeText(body.replaces?.description ?? "no key")),
      Line("note", SafeText("\"\(body.note.text)\"") + "   (agent, unverified)", .untrusted),
      Line("requested", SafeText(request.received.textToSeconds)),
      Line("", "signed by the requested key itself (proof of possession)"),
      Line("answer", SafeText(":key \(verb) \(body.holder) --request \(digest.hex.prefix(16))")),
    ]
  }

  // MARK: entries and statements

  private func entry(_ index: UInt64) throws -> Document {
    let (entry, parts) = try ledger.statement(at: index, log)
    let about = EntryText.about(parts.body)
    var lines = [
      Line("entry", SafeText("#\(index)"), .title),
      Line("type", SafeText(parts.body.type.rawValue)),
      Line("received", SafeText(entry.received.text)),
      Line("signed at", SafeText(parts.header.at.text)),
      Line("signer", SafeText(parts.header.signer.description)),
      Line(
        "log head",
        SafeText("\(parts.header.head.size) entries, root \(parts.header.head.root.hex)")),
      Line("statement", SafeText("sha256 \(entry.envelope.digest.hex)")),
    ]
    lines += entry.envelope.signatures.map {
      Line("signature", SafeText("by key \($0.key)"), target: .key($0.key.digest))
    }
    if let refused = ledger.refused.first(where: { $0.index == index }) {
      lines.append(Line("REFUSED", SafeText("\(refused.reason): not admitted, no effect"), .alert))
    }
    lines.append(
      Line("inclusion", "verified against the log root", .stateOK))
    lines.append(heading("Body"))
    lines += EntryText.lines(parts.body.json.withoutNulls)
    lines += about.related.map { Line("related", SafeText($0.words), target: $0) }
    if case .decisionMade = parts.body {
      lines.append(Line("why", SafeText("decision #\(index)"), target: .decision(index)))
    }
    return Document(.card(.entry(index)), title: SafeText("Entry #\(index)"), lines: lines)
  }

  private func json(_ target: Target) throws -> Document {
    var index: UInt64?
    switch target {
    case .hold(let hold): index = try log.holdIndex(hold)
    case .decision(let at), .entry(let at): index = at
    case .key(let digest): index = try log.index(ofKey: Fingerprint(digest: digest))
    case .grant(let digest): index = try log.index(ofGrant: digest)
    case .policy(let digest): index = try log.index(ofPolicy: digest)
    case .keyRequest(let digest): index = try log.index(ofRequest: digest)
    case .proposal(let digest):
      index = try log.proposalIndex(digest)
    case .owed(let subject):
      index = try log.reviewGroup(of: subject)?.first
    default: break
    }
    guard let index else {
      throw CommandFault("no_statement", "no single statement stands behind \(target.words)")
    }
    let (entry, _) = try ledger.statement(at: index, log)
    var lines = [
      Line("entry", SafeText("#\(index)"), target: .entry(index)),
      Line("sha256", SafeText(entry.envelope.digest.hex)),
    ]
    let value = try JSONParser.parse(entry.envelope.payload)
    lines += JSONText.lines(value).map { Line("", $0) }
    if case .decisionMade(let made) = try StatementParts(
      payloadType: entry.envelope.payloadType, payload: entry.envelope.payload
    ).body, let payload = try log.body(made.action) {
      lines.append(
        Line("action", SafeText("as the agent signed it, sha256 \(made.action.hex)"), .title))
      lines += JSONText.lines(try JSONParser.parse(payload)).map { Line("", $0) }
    }
    return Document(.json(target), title: SafeText("\(target.words) as JSON"), lines: lines)
  }

  // MARK: policies

  private func source(_ target: Target) throws -> Document {
    let digest: Digest
    var place: String?
    switch target {
    case .policy(let policy): digest = policy
    case .rule(let policy, let rule): (digest, place) = (policy, rule)
    default: throw CommandFault("no_policy", "\(target.words) is no policy")
    }
    guard let record = state.policies[digest] else {
      throw CommandFault("policy_unknown", "no policy \(digest.hex) is on record")
    }
    let isActive = state.activePolicy == digest
    var lines = [
      Line("policy", SafeText(record.published.label), .title),
      Line("digest", SafeText(digest.hex)),
      Line(
        "publisher", SafeText(record.publisher.description),
        target: .person(record.publisher.description)),
      Line(
        "status", isActive ? "in force" : "Inactive until activated: a activates it",
        isActive ? .stateOK : .text),
    ]
    for proposal in state.proposals.values {
      if case .policyActivated(let body) = proposal.opened.inner, body.policy == digest {
        lines.append(
          Line(
            "waits", SafeText("for admins: proposal \(proposal.digest.hex.prefix(8))"),
            .statePending, target: .proposal(proposal.digest)))
      }
    }
    for other in state.policies.values.filter({
      $0.published.name == record.published.name && $0.digest != digest
    }).sorted(by: { $0.published.version < $1.published.version }) {
      lines.append(
        Line("other version", SafeText(other.published.label), target: .policy(other.digest)))
    }
    let hits = Dictionary(
      try log.ruleHits(newest: 10_000).map { ($0.rule, $0.count) }, uniquingKeysWith: +)
    var start = 0
    for module in record.published.modules {
      guard let bytes = try log.body(module.digest) else { continue }
      lines.append(
        heading(SafeText("\(module.file.text)   sha256 \(module.digest.hex.prefix(16))")))
      let source = PolicySource(file: module.file.text, bytes: bytes)
      for (number, text) in source.lines.enumerated() {
        let name = "\(module.file.text):\(number + 1)"
        let count = isActive ? hits[name] : nil
        if name == place { start = lines.count }
        lines.append(
          Line(
            "\(number + 1)\(count.map { " x\($0)" } ?? "")", SafeText(text),
            name == place ? .match : Highlight.role(of: text)))
      }
    }
    let before = state.policies.values.filter {
      $0.published.name == record.published.name && $0.published.version < record.published.version
    }.max { $0.published.version < $1.published.version }
    lines.append(
      heading(
        SafeText("Changes since \(before?.published.label ?? "nothing: this is the first version")")
      ))
    lines += try PolicyChange.changedLines(from: before, to: record, log)
    return Document(
      .source(target), title: SafeText(record.published.label), lines: lines, start: start)
  }
}

/// JSON over several lines.
enum JSONText {
  static func lines(_ value: JSONValue) -> [SafeText] {
    var lines: [String] = []
    func add(_ value: JSONValue, _ lead: String, _ prefix: String, _ tail: String) {
      switch value {
      case .object(let object) where !object.members.isEmpty:
        lines.append(lead + prefix + "{")
        for (index, member) in object.members.enumerated() {
          let name = JSONValue(member.name).exactText
          add(
            member.value, lead + "  ", "\(name): ",
            index == object.members.count - 1 ? "" : ",")
        }
        lines.append(lead + "}" + tail)
      case .array(let elements) where elements.contains { $0.object != nil || $0.array != nil }:
        lines.append(lead + prefix + "[")
        for (index, element) in elements.enumerated() {
          add(element, lead + "  ", "", index == elements.count - 1 ? "" : ",")
        }
        lines.append(lead + "]" + tail)
      default: lines.append(lead + prefix + value.exactText + tail)
      }
    }
    add(value, "", "", "")
    return lines.map { SafeText($0) }
  }
}

/// What a line of Rego is, for its colour.
enum Highlight {
  private static let keywords = [
    "package", "import", "default", "allow", "deny", "require_approval", "approval",
  ]

  static func role(of line: String) -> Role {
    let text = line.drop { $0 == " " || $0 == "\t" }
    if text.first == "#" { return .codeComment }
    let word = text.prefix { $0.isLetter || $0 == "_" }
    if line.first?.isLetter == true, keywords.contains(String(word)) { return .codeKeyword }
    return line.first?.isLetter == true ? .title : .text
  }
}

extension [Line] {
  /// What stands under a heading under which there is nothing.
  fileprivate var orNothing: [Line] { isEmpty ? [Line("", "none", .hint)] : self }
}
