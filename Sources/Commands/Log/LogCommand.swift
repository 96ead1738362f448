import Approvals
import ArgumentParser
import Authority
import CanonicalJSON
import Cells
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
    subcommands: [
      Verify.self, Show.self, MakeCheckpoint.self, Prove.self, MakeReceipt.self, ExportVote.self,
      Tiles.self,
      Export.self, Erase.self, ConfirmRestore.self, ResetClock.self, TakeUpCommand.self,
    ])

  struct Verify: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Rebuild everything from the log, decide every decision again, compare.")

    @Flag(help: "Begin anew, even if an earlier run was interrupted.")
    var fresh = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let report: LogVerification.Report
      let pins = PinStore(folder: Paths().pins)
      do {
        let database = try registry.reading()
        report = try LogVerification.run(
          database, pins: pins, folder: Paths().state + "/verify",
          fresh: fresh
        ) { done, total in
          Output.note("verified \(done) of \(total) entries")
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
          "rules": report.rules.json { JSONValue($0) },
          "findings": .array(report.findings.map { JSONValue($0) }),
        ])
      } else {
        Output.line("registry   \(report.registry.text)")
        Output.line("entries    \(report.size), root \(report.root.hex)")
        if let rules = report.rules { Output.line("rules      version \(rules)") }
        Output.line("decisions  \(report.decisions), each decided again")
        if report.erased > 0 {
          Output.line("           but \(report.erased), whose details are erased")
        }
        if report.resumedAt > 0 {
          Output.line(
            "           an earlier run had verified the first \(report.resumedAt) entries")
        }
        for finding in report.findings { Output.line("BAD        \(finding)") }
        if report.findings.isEmpty { Output.line("ok         the registry is what its log says") }
        if registry.trust == nil, try pins.pin(for: report.registry) == nil {
          Output.line(
            "!          this account has seen no registry of this id before: compare it with the founder's, "
              + "then run again with --trust \(report.registry.text)")
        }
      }
      if !report.findings.isEmpty { throw ExitStatus.verificationFailed }
      // Who says which registry it is, and finds it good, has seen it.
      if let trust = registry.trust.map({ ByteString($0) }) {
        guard trust == report.registry else {
          throw AuthorityFault.otherRegistry(expected: trust, found: report.registry)
        }
        let pin = Pin(
          head: TreeHead(size: report.size, root: report.root),
          restorations: report.restorations)
        // One that is there is older, or is kept; the verification has met it.
        try pins.store(pin, for: trust) { $0.head.size <= report.size }
      }
    }
  }

  struct Show: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one entry: its receipt, its signatures, and the statement, read from the log."
    )

    @Argument(help: "The entry's index.")
    var index: UInt64

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let (entry, parts) = try ledger.database.read { try ledger.statement(at: index, $0) }
      if list.json {
        Output.json([
          "log_index": JSONValue(index), "received": entry.received.json,
          "statement": JSONValue(entry.envelope.digest.hex),
          "signed_by": .array(
            entry.envelope.signatures.map { JSONValue($0.key.description) }),
          "payload": try JSONParser.parse(entry.envelope.payload),
        ])
        return
      }
      Output.line("entry      #\(index)")
      Output.line("type       \(parts.body.type.rawValue)")
      Output.line("received   \(entry.received.text)")
      Output.line("signer     \(parts.header.signer)")
      Output.line("statement  sha256 \(entry.envelope.digest.hex)")
      for signature in entry.envelope.signatures {
        Output.line("signature  by key \(signature.key)")
      }
      if let refused = ledger.refused.first(where: { $0.index == index }) {
        Output.line("REFUSED    \(refused.reason): it has no effect")
      }
      for line in JSONText.lines(parts.body.json.withoutNulls) { Output.line("  \(line.text)") }
    }
  }

  struct MakeCheckpoint: SigningCommand {
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
      abstract: "Write everything that shows one entry to be what it says, for an offline check.",
      discussion: "Checked with `countersign proof check FILE --registry-id ID`.")

    @Argument(help: "The entry's index.")
    var index: UInt64

    @Option(help: "Where to write it. Default: standard output.")
    var out: String?

    @OptionGroup var registry: RegistryOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let bundle = try ledger.readingNow { try ledger.proof(of: index, $0) }
      guard let out else { return Output.json(bundle.json) }
      try KeyFile.create(out, try bundle.json.canonicalBytes() + [0x0A], mode: 0o644)
      // Whole: who asked for it from the console does not know where it runs.
      let path = URL(fileURLWithPath: out).path
      Output.line("wrote \(path): \(bundle.entries.count) entries, \(bundle.bodies.count) texts")
      Output.line(
        "check it with: countersign proof check \(path) --registry-id \(bundle.registry.text)")
    }
  }

  struct MakeReceipt: Subcommand {
    static let configuration = CommandConfiguration(
      commandName: "receipt",
      abstract: "Write the proof (C2SP tlog-proof) that an entry stands in the log.")

    @Argument(help: "The entry's index.")
    var index: UInt64

    @OptionGroup var registry: RegistryOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let receipt: Receipt = try ledger.readingNow { transaction in
        let (note, size) = try ledger.checkpoint(transaction)
        guard index < size else {
          throw AuthorityFault.uncovered(entry: index, checkpoint: size)
        }
        return try ledger.receipt(index, checkpoint: note, size: size, transaction)
      }
      FileHandle.standardOutput.write(Data(receipt.text.utf8))
    }
  }

  struct ExportVote: Subcommand {
    static let configuration = CommandConfiguration(
      commandName: "export-vote",
      abstract: "Write an operator's statement so that stock ssh-keygen can verify it.",
      discussion: "For statements signed with an ssh-agent; others are checked with `log prove`.")

    @Argument(help: "The entry's index.")
    var index: UInt64

    @Option(help: "The folder to write message, message.sig and allowed_signers into.")
    var out: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let (entry, parts) = try ledger.database.read { try ledger.statement(at: index, $0) }
      guard
        let signature = entry.envelope.signatures.first(where: {
          $0.scheme == .sshsig && ledger.state.keys[$0.key]?.holder == parts.header.signer
        }), let key = ledger.state.keys[signature.key]?.key
      else {
        throw CommandFault(
          "not_sshsig",
          "entry #\(index) was not signed with an ssh-agent; use `countersign log prove \(index)`")
      }
      try FileManager.default.createDirectory(
        atPath: out, withIntermediateDirectories: true)
      let message = PreAuthEncoding.bytes(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
      let who = parts.header.signer.description
      try KeyFile.create("\(out)/message", message, mode: 0o644)
      try KeyFile.create(
        "\(out)/message.sig",
        Array(SSHSignature.armored(signature.signature, by: key).utf8), mode: 0o644)
      try KeyFile.create(
        "\(out)/allowed_signers",
        Array("\(who) namespaces=\"\(SSHSignature.namespace)\" \(key.openSSH)\n".utf8),
        mode: 0o644)
      if list.json {
        Output.json(["folder": JSONValue(out), "signer": JSONValue(who)])
      } else {
        Output.line("verify it with:")
        Output.line(
          "ssh-keygen -Y verify -f \(out)/allowed_signers -I \(who) "
            + "-n \(SSHSignature.namespace) -s \(out)/message.sig < \(out)/message")
      }
    }
  }

  struct Tiles: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the log as a folder of C2SP tlog-tiles, for monitors and mirrors.")

    @Option(help: "The folder to write checkpoint and tile/ into.")
    var out: String

    @OptionGroup var registry: RegistryOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let count = try ledger.readingNow { try TileExport.write(ledger, $0, to: out) }
      Output.line("wrote \(count) tiles and the checkpoint to \(out)")
    }
  }

  struct Erase: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Erase an action's params and context (takes the admin quorum).",
      discussion: """
        The log keeps who asked for what, when, and every signature; the decision can then no longer
        be decided again, and `log verify` says so.
        """)

    @Argument(help: "The action's digest (64 digits).")
    var action: String

    @Option(help: "Why.")
    var reason: String

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      let digest = try Parse.digest(action)
      guard let payload = try ledger.database.read({ try $0.body(digest) }) else {
        throw CommandFault("action_unknown", "no action \(action) is on record")
      }
      try change.sign(
        .payloadErased(
          PayloadErased(
            action: digest, kept: try Action(payload: payload).withoutDetails,
            reason: ByteString(reason))), "erased the details of action \(action)", in: ledger)
    }
  }

  struct ConfirmRestore: SigningCommand {
    static let configuration = CommandConfiguration(
      commandName: "confirm-restore",
      abstract: "Say that the log goes on from a restored backup (takes the admin quorum).",
      discussion: """
        Every open hold is voided and actions signed before it are refused. Name the largest head
        that anyone has seen, as `countersign restore` printed it.
        """)

    @Option(help: "The size of the largest head anyone has seen of the lost log.")
    var lostSize: UInt64

    @Option(help: "Its root, 64 digits.")
    var lostRoot: String

    @Option(help: "Why.")
    var reason: String

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let (ledger, seen) = try change.registry.ledgerOrRestored()
      if let seen, seen > lostSize {
        throw CommandFault(
          "lost_too_small",
          "this account has seen \(seen) entries, more than the \(lostSize) given as lost")
      }
      guard let kept = try ledger.database.read({ try $0.restoreMark() }) else {
        throw CommandFault(
          "not_restored", "this registry was not put back by `countersign restore`")
      }
      let root = try ledger.database.read { try ledger.root(atSize: kept, $0) }
      try change.sign(
        .logRestored(
          LogRestored(
            lost: TreeHead(size: lostSize, root: try Parse.digest(lostRoot)),
            kept: TreeHead(size: kept, root: root), reason: ByteString(reason))),
        "the log goes on from \(kept) entries", in: ledger)
    }
  }

  struct ResetClock: SigningCommand {
    static let configuration = CommandConfiguration(
      commandName: "reset-clock",
      abstract: "Put the log's time right after a clock ran ahead (takes the admin quorum).")

    @Option(help: "The time from which on the log goes on. Default: this machine's clock.")
    var to: String?

    @Option(help: "Why.")
    var reason: String

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let now = Clock.system.now()
      try change.sign(
        .clockReset(
          ClockReset(
            to: try to.map { try Parse.time($0, from: now) } ?? now, reason: ByteString(reason))),
        "the log's time goes on from \((to ?? now.text))")
    }
  }

  struct Export: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Write every decision as one line of JSON, an audit event.",
      discussion: """
        Each comes from an entry that is checked to be the log's. An action whose bytes are missing ends
        the export with registry_tampered; one whose details were erased says so.
        """)

    @OptionGroup var registry: RegistryOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      try ledger.database.read { transaction in
        try ledger.entries(transaction) { index, bytes in
          let entry = try LogEntry(bytes: bytes)
          guard StatementType(payloadType: entry.envelope.payloadType) == .decisionMade,
            case .decisionMade(let decision) = try StatementParts(
              payloadType: entry.envelope.payloadType, payload: entry.envelope.payload
            ).body
          else { return }
          let kept = ledger.state.erased[decision.action]
          guard let action = try transaction.body(decision.action).map(Action.init) ?? kept else {
            throw AuthorityFault.badEntry(
              index: index, reason: "the bytes of action \(decision.action.hex) are missing")
          }
          Output.json(
            AuditEvent.json(
              decision, action: action, isErased: kept != nil, index: index,
              received: entry.received, in: ledger))
        }
      }
    }
  }
}

/// One decision as an exported audit event.
enum AuditEvent {
  static func json(
    _ decision: DecisionMade, action: Action, isErased: Bool, index: UInt64,
    received: Timestamp, in ledger: Ledger
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
      "log_index": JSONValue(index), "details_erased": isErased ? true : .null,
      "reasons": .array(
        decision.reasons.map { ["code": JSONValue($0.code), "detail": JSONValue($0.detail)] }),
    ]
    return value.withoutNulls
  }
}
