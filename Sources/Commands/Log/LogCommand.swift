import Approvals
import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements
import TransparencyLog

struct LogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Verify, checkpoint, prove and export the log.",
    subcommands: [Verify.self, MakeCheckpoint.self, Prove.self, Export.self])

  struct Verify: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Rebuild everything from the log, decide every decision again, compare.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let report: LogVerification.Report
      do {
        let database = try RegistryDatabase(registry.path, access: .readOnly)
        report = try LogVerification.run(database, pins: PinStore(folder: Paths().pins)) { count in
          Output.note("verified \(count) entries")
        }
      } catch let fault as RegistryFault {
        guard case .damaged = fault else { throw fault }
        Output.line("BAD        \(fault)")
        throw ExitStatus.verificationFailed
      }
      if list.json {
        Output.json([
          "registry": JSONValue(report.registry), "size": JSONValue(report.size),
          "root": JSONValue(report.root.hex), "decisions": JSONValue(report.decisions),
          "findings": .array(report.findings.map { JSONValue($0) }),
        ])
      } else {
        Output.line("registry   \(report.registry.text)")
        Output.line("entries    \(report.size), root \(report.root.hex)")
        Output.line("decisions  \(report.decisions), each decided again")
        for finding in report.findings { Output.line("BAD        \(finding)") }
        if report.findings.isEmpty { Output.line("ok         the registry is what its log says") }
      }
      if !report.findings.isEmpty { throw ExitStatus.verificationFailed }
    }
  }

  struct MakeCheckpoint: Subcommand {
    static let configuration = CommandConfiguration(
      commandName: "checkpoint",
      abstract: "Sign the log's head as it is now, with your operator key.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var signer: OperatorOptions

    func perform() async throws {
      let ledger = try registry.ledger()
      let opened = try signer.open(in: ledger)
      guard let id = ledger.state.registry?.id else {
        throw AuthorityFault.empty(path: registry.path)
      }
      guard ledger.state.keys[opened.publicKey.fingerprint]?.revoked == nil,
        ledger.state.keys[opened.publicKey.fingerprint]?.holder.kind == .user
      else { throw CommandFault("signer_wrong_key", "your key is not an enrolled operator's") }
      let checkpoint = Checkpoint(
        origin: Checkpoint.origin(registry: id), size: ledger.tree.size, root: ledger.tree.root)
      let note = SignedNote(
        text: checkpoint.text, signer: checkpoint.origin, by: opened.publicKey,
        signature: try opened.signature(over: checkpoint.text.bytes))
      let size = ledger.tree.size
      try ledger.database.write { try $0.store(checkpoint: note.bytes, size: size) }
      FileHandle.standardOutput.write(Data(note.bytes))
    }
  }

  struct Prove: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the proof that an entry stands in the log, up to the newest checkpoint.")

    @Argument(help: "The entry's index.")
    var index: UInt64

    @OptionGroup var registry: RegistryOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let receipt: Receipt = try ledger.database.read { transaction in
        guard let bytes = try transaction.latestCheckpoint() else {
          throw AuthorityFault.noCheckpoint
        }
        let note = try SignedNote(bytes)
        let size = try Checkpoint(text: note.text).size
        guard index < size, size <= ledger.tree.size else {
          throw CommandFault(
            "entry_uncovered",
            "entry #\(index) is not covered by the newest checkpoint, of size \(size); "
              + "run `countersign log checkpoint`")
        }
        return try ledger.receipt(index, checkpoint: note, size: size, transaction)
      }
      FileHandle.standardOutput.write(Data(receipt.text.utf8))
    }
  }

  struct Export: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Write every decision as one line of JSON, an audit event.")

    @OptionGroup var registry: RegistryOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      try ledger.database.read { transaction in
        try transaction.entries(from: 0) { index, bytes in
          let entry = try LogEntry(bytes: bytes)
          guard StatementType(payloadType: entry.envelope.payloadType) == .decisionMade,
            case .decisionMade(let decision) = try StatementParts(
              payloadType: entry.envelope.payloadType, payload: entry.envelope.payload
            ).body, let payload = try transaction.body(decision.action)
          else { return }
          Output.json(
            AuditEvent.json(
              decision, action: try Action(payload: payload), index: index,
              received: entry.received, in: ledger))
        }
      }
    }
  }
}

/// One decision as an exported audit event.
enum AuditEvent {
  static func json(
    _ decision: DecisionMade, action: Action, index: UInt64, received: Timestamp,
    in ledger: Ledger
  ) -> JSONValue {
    let links = decision.chain.compactMap { ledger.state.grants[$0] }
    let chain = (links.first.map { [$0.issuer] } ?? []) + links.map(\.terms.holder)
    let votes = decision.releases.flatMap { ledger.state.holds[$0] }?.approvals ?? []
    let isTool = action.resource.hasPrefix("mcp://")
    let value: JSONValue = [
      "event_type": isTool ? "tool.invoke" : "action.request",
      "agent_id": JSONValue("\(action.agent):\(decision.key)"),
      "delegated_by": chain.first.json(\.json),
      "delegation_chain": .array(chain.map(\.json)),
      "resource": JSONValue(action.resource), "action": JSONValue(action.action),
      "policy_decision": JSONValue(decision.verdict.rawValue),
      "policy_id": decision.policy.json { JSONValue($0.label) },
      "timestamp": JSONValue(received.textToSeconds),
      "signature": JSONValue("base64:" + Base64.text(of: decision.signature.bytes)),
      "matched_rules": decision.rules.json,
      "approval": decision.releases.json { hold in
        [
          "hold": JSONValue(hold.hex),
          "votes": .array(
            votes.map {
              ["by": $0.voter.json, "reason": JSONValue($0.reason), "at": $0.received.json]
            }),
        ]
      },
      "log_index": JSONValue(index),
      "reasons": .array(
        decision.reasons.map { ["code": JSONValue($0.code), "detail": JSONValue($0.detail)] }),
    ]
    return value.withoutNulls
  }
}
