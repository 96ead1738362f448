import Approvals
import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Delegations
import Keys
import Registry
import Statements
import TransparencyLog

/// Does what the console asks for, off its thread: reads, verifies, opens the key, signs.
actor ConsoleWorker {
  private let ledger: Ledger
  private let sealed: SealedKey?
  private let voter: Principal?
  private var version: Int64 = -1
  private var loadedAt = Timestamp(milliseconds: 0)
  private var alarm: String?

  init(ledger: consuming sending Ledger, sealed: SealedKey?) {
    self.ledger = ledger
    self.sealed = sealed
    voter = sealed.flatMap { Principal($0.holder) }
  }

  private static let decisionsShown = 5000
  private static let refreshMilliseconds: Int64 = 5000

  /// A new snapshot if the registry has moved, or time has.
  func poll() -> Message? {
    let now = Clock.system.now()
    do {
      let current = try ledger.database.read { try $0.dataVersion() }
      let isStale = now.milliseconds(since: loadedAt) > ConsoleWorker.refreshMilliseconds
      guard current != version || isStale else { return nil }
      version = current
      return .loaded(try snapshot(at: now))
    } catch {
      guard alarm != "\(error)" else { return nil }
      alarm = "\(error)"
      var snapshot = Snapshot()
      snapshot.alarm = "LOG: \(FaultCode.of(error))"
      return .loaded(snapshot)
    }
  }

  private func snapshot(at now: Timestamp) throws -> Snapshot {
    loadedAt = now
    return try ledger.database.read { transaction in
      try ledger.catchUp(transaction)
      var snapshot = Snapshot()
      snapshot.size = ledger.tree.size
      if let index = ledger.state.unsupported { snapshot.alarm = "UNSUPPORTED ENTRY #\(index)" }
      snapshot.holds = try transaction.holds(openAt: now, limit: 1000).map { row in
        Snapshot.HoldItem(
          digest: row.digest, risk: row.risk, agent: row.agent, action: row.name,
          resource: row.uri, approvals: row.approvals, places: row.places, expires: row.expires,
          state: row.word(at: now), note: note(row, at: now))
      }
      snapshot.decisions = try transaction.decisions(limit: ConsoleWorker.decisionsShown)
        .reversed().map { row in
          Snapshot.DecisionItem(
            index: row.index, at: row.received, agent: row.agent, action: row.name,
            resource: row.uri, verdict: row.verdict, code: row.code, rule: row.rule)
        }
      snapshot.agents = try transaction.agents(limit: 5000, at: now).map { row in
        Snapshot.AgentItem(
          name: row.principal, owner: row.owner, roles: row.roles, activeKeys: row.activeKeys,
          allKeys: row.allKeys, grants: row.grants, pending: row.pending, last: row.lastDecision)
      }
      snapshot.keys = try transaction.keys().map { row in
        Snapshot.KeyItem(
          key: Fingerprint(digest: row.fingerprint), holder: row.holder,
          status: row.status(at: now), enrolledBy: row.enrolledBy, expires: row.notAfter)
      }
      let chains = ledger.state.chains
      snapshot.grants = try transaction.grants().map { row in
        var status = "ok"
        if let grant = ledger.state.grants[row.digest] {
          do {
            _ = try chains.verify(
              leaf: row.digest, agent: grant.terms.holder, audience: nil, at: now)
          } catch let fault as ChainFault {
            status = String(fault.code.dropFirst("chain_".count))
          }
        }
        return Snapshot.GrantItem(
          digest: row.digest, parent: row.parent, issuer: row.issuer, holder: row.holder,
          scope: row.words, expires: ledger.state.grants[row.digest]?.terms.limits.notAfter,
          status: status)
      }
      return snapshot
    }
  }

  /// What this person is to the hold: needed, done, or kept out.
  private func note(_ row: HoldRow, at now: Timestamp) -> String {
    guard let voter, let hold = ledger.state.holds[row.digest] else { return "" }
    if hold.votes.contains(where: { $0.voter == voter }) { return "you voted" }
    guard case .pending = hold.state(at: now) else { return hold.state(at: now).word }
    guard let candidate = ledger.state.voter(voter, at: now) else { return "" }
    let excluded = ledger.state.exclusions(for: hold)[voter] != nil && !hold.terms.rule.allowSelf
    if excluded { return "not you" }
    return Quorum.filled(hold.terms.rule.quorum, by: [candidate]) > 0 ? "needs you" : "others"
  }

  /// Carries out one effect.
  func perform(_ effect: Effect) -> Message? {
    do {
      switch effect {
      case .loadReview(let digest, let intent): return try review(digest, intent)
      case .loadRevoke(let key, let reason):
        try ledger.database.read { try ledger.catchUp($0) }
        guard let voter else {
          throw CommandFault(
            "key_missing", "you have no operator key here; see: countersign key new")
        }
        let body = KeyRevoked(key: key, reason: reason, compromisedSince: nil, note: "")
        return .revokeLoaded(
          RevocationPlan(
            key: key, holder: ledger.state.keys[key]?.holder,
            effect: try ChangePreview(
              of: .keyRevoked(body), by: voter, in: ledger.state, at: Clock.system.now())))
      case .explain(let index): return .explained(try Explainer.explain(index, in: ledger))
      case .explainHold(let digest):
        guard let index = try ledger.database.read({ try $0.holdIndex(digest) }) else { return nil }
        return .explained(try Explainer.explain(index, in: ledger))
      case .vote(let ballot, let passphrase):
        let index = try sign(.approvalVoted(ballot), passphrase).index
        let state = ledger.state.holds[ballot.hold]?.state(at: Clock.system.now())
        let outcome =
          switch state {
          case .approved(let until)?:
            "approved: released when the agent next asks, until \(until.clock)"
          case .pending?: "recorded; the quorum is not complete yet"
          default: "the hold is \(state?.word ?? "gone")"
          }
        return .signed(index: index, outcome: outcome)
      case .revoke(let body, _, let passphrase):
        let result = try sign(.keyRevoked(body), passphrase)
        return .signed(
          index: result.index,
          outcome: result.isProposed
            ? "proposed: other admins must sign before key \(body.key.short) ends"
            : "key \(body.key.short) is revoked")
      case .bell, .repaint, .suspend, .quit: return nil
      }
    } catch {
      let text = "\(FaultCode.of(error)): \(error)"
      switch effect {
      case .vote, .revoke: return .refused(text)
      default: return .failed(text)
      }
    }
  }

  private func review(_ digest: Digest, _ intent: ApprovalVoted.Vote) throws -> Message {
    guard let voter else {
      throw CommandFault("key_missing", "you have no operator key here; see: countersign key new")
    }
    let now = Clock.system.now()
    let dossier = try ledger.database.read { transaction in
      try ledger.catchUp(transaction)
      return try ledger.dossier(digest, transaction)
    }
    guard let dossier else {
      throw CommandFault("hold_unknown", "no hold \(digest.hex) is on record")
    }
    let review = try HoldReview(
      hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
      payload: dossier.payload, state: ledger.state, voter: voter, now: now)
    return .reviewLoaded(review, state: dossier.hold.state(at: now).word, intent: intent)
  }

  /// Opens the key, signs, appends; the key is closed again at once.
  private func sign(
    _ body: StatementBody, _ field: PassphraseField
  ) throws -> Ledger.Signed {
    guard let sealed, let voter else {
      throw CommandFault("key_missing", "you have no operator key here; see: countersign key new")
    }
    var bytes = field.surrender()
    let passphrase = SecretBytes(wiping: &bytes)
    let key = try sealed.open(passphrase: passphrase)
    let result = try ledger.sign(body, by: voter, key: key, clock: .system)
    version = -1
    return result
  }
}

/// Why a decision came out as it did, from the entries themselves.
enum Explainer {
  static func explain(_ index: UInt64, in ledger: Ledger) throws -> Explanation {
    try ledger.database.read { transaction in
      try ledger.catchUp(transaction)
      let (entry, parts) = try ledger.statement(at: index, transaction)
      guard case .decisionMade(let decision) = parts.body else {
        throw CommandFault("entry_no_decision", "entry #\(index) is no decision")
      }
      var lines = [
        HoldReview.Line(
          "verdict", SafeText(decision.verdict.rawValue),
          decision.verdict == .allow ? .stateOK : .stateBad)
      ]
      for reason in decision.reasons {
        lines.append(
          HoldReview.Line("reason", SafeText("\(reason.code.text): \(reason.detail.text)")))
      }
      if let policy = decision.policy {
        lines.append(HoldReview.Line("policy", SafeText("\(policy.label) \(policy.digest.hex)")))
        for rule in decision.rules {
          lines.append(HoldReview.Line("rule", SafeText(rule.text), .title))
          if let text = try source(rule, of: policy, ledger, transaction) {
            lines.append(HoldReview.Line("", SafeText("  " + text)))
          }
        }
      }
      if let payload = try transaction.body(decision.action) {
        let action = try Action(payload: payload)
        lines.append(HoldReview.Line("action", SafeText(action.action.text)))
        lines.append(HoldReview.Line("resource", SafeText(action.resource.text)))
        lines.append(HoldReview.Line("agent", SafeText(action.agent.description)))
        for member in action.params.members {
          lines.append(
            HoldReview.Line("params", SafeText("\(member.name.text) = \(member.value.shown)")))
        }
        if let words = action.context["justification"]?.string {
          lines.append(
            HoldReview.Line("it says", SafeText("\"\(words.text)\" (not verified)"), .untrusted))
        }
        lines += chain(action, ledger, at: entry.received)
      }
      if let facts = decision.resource {
        for member in facts.members {
          lines.append(
            HoldReview.Line("fact", SafeText("\(member.name.text) = \(member.value.shown)")))
        }
      }
      lines.append(HoldReview.Line("key", SafeText(decision.key.description)))
      if let releases = decision.releases {
        lines.append(HoldReview.Line("releases", SafeText(releases.hex)))
        for vote in ledger.state.holds[releases]?.approvals ?? [] {
          lines.append(
            HoldReview.Line(
              "approved", SafeText("\(vote.voter) \(vote.received.text) \(vote.reason.text)")))
        }
      }
      lines.append(HoldReview.Line("received", SafeText(entry.received.text)))
      lines.append(HoldReview.Line("digest", SafeText(entry.envelope.digest.hex)))
      return Explanation(title: SafeText("Why #\(index)"), lines: lines)
    }
  }

  private static func chain(
    _ action: Action, _ ledger: Ledger, at instant: Timestamp
  ) -> [HoldReview.Line] {
    let chains = ledger.state.chains
    guard let links = try? chains.grants(to: action.grant) else {
      return [
        HoldReview.Line("chain", SafeText("grant \(action.grant.hex) is not on record"), .alert)
      ]
    }
    var lines = links.enumerated().map { hop, grant in
      HoldReview.Line(
        "hop \(hop)",
        SafeText(
          "\(grant.issuer) > \(grant.terms.holder)  "
            + grant.terms.capabilities.map {
              $0.actions.map(\.text).joined(separator: ",") + " on "
                + $0.resources.map(\.text).joined(separator: ",")
            }.joined(separator: "; ")))
    }
    do {
      _ = try chains.verify(
        leaf: action.grant, agent: action.agent, audience: action.audience, at: instant)
      lines.append(HoldReview.Line("chain", "verifies", .stateOK))
    } catch {
      lines.append(HoldReview.Line("chain", SafeText("\(error.code): \(error)"), .alert))
    }
    return lines
  }

  /// The line a rule begins on.
  private static func source(
    _ rule: ByteString, of policy: DecisionMade.Policy, _ ledger: Ledger,
    _ transaction: RegistryTransaction
  ) throws -> String? {
    let parts = rule.split(on: ":")
    guard parts.count == 2, let line = Int(parts[1].text),
      let module = ledger.state.policies[policy.digest]?.published.modules
        .first(where: { $0.file == parts[0] }),
      let text = try transaction.body(module.digest)
    else { return nil }
    let lines = String(decoding: text, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    return lines.indices.contains(line - 1) ? String(lines[line - 1]) : nil
  }
}
