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
import Terminal
import TransparencyLog

/// Who signs here, and with what.
struct ConsoleSigner: Sendable {
  enum Kind: Sendable {
    case none
    case sealed(SealedKey)
    case agent(SSHAgent.Key, isForwarded: Bool)
  }

  let kind: Kind
  /// How long an opened key stays open without being used; 0 closes it at once.
  let relockSeconds: Int64
  /// What a command line needs to sign with the same key.
  let arguments: [String]
  let fingerprint: Fingerprint?
  /// As the key itself says, before the log is asked.
  let holder: Principal?

  init(kind: Kind, relockSeconds: Int64, arguments: [String]) {
    self.kind = kind
    self.relockSeconds = relockSeconds
    self.arguments = arguments
    switch kind {
    case .none: (fingerprint, holder) = (nil, nil)
    case .sealed(let sealed):
      (fingerprint, holder) = (sealed.publicKey.fingerprint, Principal(sealed.holder))
    case .agent(let key, _): (fingerprint, holder) = (key.publicKey.fingerprint, nil)
    }
  }
}

/// Keeps the verified log: builds what is signed from it, opens the key, signs and appends.
actor TrustKeeper {
  private let path: String
  private let access: RegistryDatabase.Access
  private let pins: PinStore
  private let trust: ByteString?
  let signer: ConsoleSigner
  private let isBlind: Bool
  private let post: @Sendable (Message) -> Void
  private var ledger: Ledger?
  private var past: PastRegistry?
  private var opened: OpenKey?
  /// Counts uses of the log: what has not been used for a while is let go.
  private var uses = 0
  private var hasRetired = false
  /// Holds in sight, of which is told what this person is to them.
  private var judged: [Digest] = []
  /// Verifies a long log in another process, while it runs; who needs the state waits for it.
  private var beside: Task<Void, Never>?

  /// From so many entries on the replayed state is let go when nothing uses it: it can be taken up
  /// again from the mark beside the pin.
  private static let retiringSize: UInt64 = 4096
  private static let idleSeconds = 5

  /// A class only so that a key that cannot be copied can be kept and let go.
  private final class OpenKey {
    let key: OpenedKey
    var until: Timestamp

    init(_ key: consuming OpenedKey, until: Timestamp) {
      self.key = key
      self.until = until
    }
  }

  init(
    path: String, access: RegistryDatabase.Access, pins: PinStore, trust: ByteString?,
    signer: ConsoleSigner, isBlind: Bool, post: @escaping @Sendable (Message) -> Void
  ) {
    self.path = path
    self.access = access
    self.pins = pins
    self.trust = trust
    self.signer = signer
    self.isBlind = isBlind
    self.post = post
  }

  // MARK: the log

  /// The log as it is now, verified; opening it replays what this account has not seen.
  private func verified() throws -> Ledger {
    if let past { return past.ledger }
    return try live()
  }

  private func live() throws -> Ledger {
    uses += 1
    hasRetired = false
    if let ledger {
      try ledger.catchUp()
      return ledger
    }
    let database = try RegistryDatabase(path, access: access)
    let fresh = try Ledger(database, pins: pins, trust: trust) { [post] done, all in
      post(.verification(.running(done: done, of: all)))
    }
    ledger = fresh
    if let fault = fresh.pinFault { post(.failed("\(fault.code): \(fault)")) }
    post(
      .identified(
        name: fresh.state.registry?.name.text ?? "",
        isSolo: fresh.state.registry?.isSolo == true, who: voter(fresh),
        keyFault: fresh.state.signerFault(signer.fingerprint, at: Clock.system.now())))
    return fresh
  }

  /// Something was done with the log: others may go on meanwhile, and the replayed state is let go
  /// once nothing has used it for a while.
  private func pause() {
    ledger?.rest()
    guard let ledger, ledger.tree.size >= TrustKeeper.retiringSize else { return }
    let now = uses
    Task {
      try? await Task.sleep(for: .seconds(TrustKeeper.idleSeconds))
      retire(ifStill: now)
    }
  }

  private func retire(ifStill count: Int) {
    guard uses == count, past == nil, opened == nil, let ledger else { return }
    try? ledger.storeMarkIfWorthwhile()
    self.ledger = nil
    hasRetired = true
    FreedMemory.giveBack()
  }

  /// The registry moved: verifies what was added, and says what this person is to each hold.
  ///
  /// A state that has been let go is not taken up again only to follow; signing takes it up.
  func follow() async {
    guard !hasRetired, beside == nil else { return }
    if ledger == nil, past == nil, let size = longSize {
      // Taking up what was verified before takes a while too, and tells nothing until it is done.
      post(.verification(.running(done: 0, of: size)))
      let task = Task { await verifyBeside() }
      beside = task
      await task.value
      beside = nil
      return
    }
    defer { pause() }
    do {
      let ledger = try live()
      let now = Clock.system.now()
      if let index = ledger.state.unsupported {
        post(.verification(.unreadable(index)))
      } else {
        post(.verification(.verified(size: ledger.tree.size, at: now)))
      }
      let standing = Standing.words(of: voter(ledger), to: judged, in: ledger.state, at: now)
      try ledger.checkShelf()
      post(.standing(standing))
    } catch {
      report(error)
    }
  }

  /// Other holds are in sight: says what this person is to them, if the verified state is at hand.
  func judge(_ holds: [Digest]) {
    guard holds != judged else { return }
    judged = holds
    guard let ledger, past == nil else { return }
    let words = Standing.words(
      of: voter(ledger), to: judged, in: ledger.state, at: Clock.system.now())
    post(.standing(words))
  }

  /// The log's size, where replaying what this account has not seen of it takes time, and memory that
  /// a console looking on should not keep.
  private var longSize: UInt64? {
    guard let database = try? RegistryDatabase(path, access: .readOnly),
      let (size, known) = try? Ledger.extent(of: database, pins: pins)
    else { return nil }
    return size - min(known, size) >= TrustKeeper.retiringSize ? size : nil
  }

  /// Verifies a long log in a process of its own, whose memory goes with it; what it verified lies
  /// beside the pin.
  private func verifyBeside() async {
    let request = VerifyingProcess(path: path, trust: trust, voter: signer)
    // Whatever comes of it, it is not begun again with each commit: signing looks for itself.
    hasRetired = true
    do {
      let found = try await request.run { [post] done, all in
        post(.verification(.running(done: done, of: all)))
      }
      if !found.name.isEmpty {
        post(
          .identified(
            name: found.name, isSolo: found.isSolo, who: found.voter, keyFault: found.keyFault))
      }
      post(.verification(found.verification))
      post(.standing(found.standing))
    } catch {
      report(error)
    }
  }

  private func report(_ error: any Error) {
    post(.verification(.of(error)))
  }

  private func voter(_ ledger: Ledger) -> Principal? {
    if let holder = signer.holder { return holder }
    return signer.fingerprint.flatMap { ledger.state.keys[$0]?.holder }
  }

  /// Verifies the whole log anew, as `log verify` does: every decision decided again.
  func verify() async {
    await beside?.value
    defer { pause() }
    do {
      let ledger = try live()
      let report = try LogVerification.run(
        ledger.database, pins: pins, folder: Paths().state + "/verify-console"
      ) { [post] done, all in
        post(.verification(.running(done: done, of: all)))
      }
      if let finding = report.findings.first {
        let number = finding.split(separator: " ").dropFirst().first.flatMap {
          UInt64($0.filter(\.isNumber))
        }
        post(
          .verification(
            .broken(
              index: finding.hasPrefix("entry") ? number : nil, code: "log_verify", reason: finding)
          ))
      } else {
        post(.verification(.verified(size: report.size, at: Clock.system.now())))
        post(
          .said(
            "verified \(Plural.count(Int(report.size), "entry", "entries")), re-evaluated "
              + "\(Plural.count(report.decisions, "decision")): all as recorded"
          ))
      }
    } catch {
      report(error)
    }
  }

  /// Goes to the registry as it was after an entry, or back to now.
  ///
  /// - Returns: The tables of then, and when the log received that entry.
  func travelled(to index: UInt64?) throws -> (tables: RegistryDatabase?, at: Timestamp) {
    guard let index else {
      past = nil
      return (nil, Clock.system.now())
    }
    past = nil
    let verified = try live()
    let database = try RegistryDatabase(path, access: .readOnly)
    let found = try PastRegistry(database, upTo: index, of: verified) { [post] done, all in
      post(.travelling("replaying the log up to #\(index): \(all == 0 ? 0 : done * 100 / all)%"))
    }
    past = found
    return (found.tables, found.at)
  }

  /// What went wrong; what was not found in a damaged file is the file's fault.
  private func blamed(_ error: any Error) -> any Error {
    do {
      try ledger?.checkShelf()
      return error
    } catch {
      return error
    }
  }

  private func failed(_ error: any Error) -> Message {
    let error = blamed(error)
    return .failed("\(FaultCode.of(error)): \(error)")
  }

  // MARK: what is shown of it

  func document(_ request: DocumentRequest) async -> Message {
    await beside?.value
    defer { pause() }
    do {
      let ledger = try verified()
      let live = try past == nil ? ledger.database : RegistryDatabase(path, access: .readOnly)
      let document = try live.read { log in
        try Cards(
          ledger: ledger, log: log, now: past?.at ?? Clock.system.now()
        ).document(request)
      }
      try ledger.checkShelf()
      return .document(document)
    } catch {
      return failed(error)
    }
  }

  func consent(
    _ request: ConsentRequest, choice: Int, inputs: [String: String]
  ) async -> Message {
    await beside?.value
    defer { pause() }
    do {
      try checkIsNow()
      let ledger = try live()
      let now = Clock.system.now()
      let who = voter(ledger)
      let consent = try ledger.database.read { transaction in
        try Consents(
          ledger: ledger, transaction: transaction, voter: who, isBlind: isBlind, now: now,
          key: signer.fingerprint
        ).make(request, choice: choice, inputs: inputs)
      }
      try ledger.checkShelf()
      return .consent(consent)
    } catch {
      let error = blamed(error)
      let code = FaultCode.of(error)
      return .consentFailed(request, "\(code): \(error)", isGone: code.hasSuffix("_unknown"))
    }
  }

  /// Nothing is signed by who looks at the past.
  private func checkIsNow() throws(CommandFault) {
    guard past == nil else {
      throw CommandFault("past_unsigned", "you look at the past; :now goes back")
    }
  }

  func progress(_ hold: Digest) async -> Message? {
    await beside?.value
    defer { pause() }
    guard let ledger = try? live(), let found = ledger.state.holds[hold] else { return nil }
    let now = Clock.system.now()
    return (try? ledger.database.read { try Progress.make(found, ledger, $0, at: now) })
      .map(Message.progress)
  }

  // MARK: signing

  func lockKey() {
    opened = nil
    pause()
    post(.keyState(.locked))
  }

  /// Opens the key, signs, appends; the key is closed again unless it may stay open a while.
  func sign(_ submission: Submission, _ field: PassphraseField) async {
    await beside?.value
    defer { pause() }
    do {
      try checkIsNow()
      let ledger = try live()
      // Before the passphrase is used: what has changed needs a look first, and nothing typed is lost.
      if let voter = voter(ledger) {
        try Signatures(ledger: ledger, voter: voter, now: Clock.system.now())
          .checkShown(submission)
      }
      var bytes = field.surrender()
      let key = try open(SecretBytes(wiping: &bytes), ledger)
      defer { close() }
      let (index, outcome) = try Signatures(
        ledger: ledger, voter: key.key.principal, now: Clock.system.now()
      ).sign(submission, with: key.key)
      post(.signed(submission.request, index: index, outcome: outcome))
    } catch {
      let error = blamed(error)
      let code = FaultCode.of(error)
      var problem = "\(error)"
      if case .vote(let hold, _) = submission.request, let lost = lostRace(hold) { problem = lost }
      post(
        .refused(submission.request, code: code, problem: problem, as: Refusal(code: code)))
    }
  }

  /// To whom a vote lost, and when.
  private func lostRace(_ digest: Digest) -> String? {
    guard let ledger = try? live(), let hold = ledger.state.holds[digest] else { return nil }
    let now = Clock.system.now()
    switch hold.state(at: now) {
    case .pending: return nil
    case .denied:
      return hold.votes.last { $0.vote == .deny }.map {
        "\($0.voter) denied it at \($0.received.clock), before your vote"
      }
    case .approved, .released:
      let who = hold.approvals.map(\.voter.description).joined(separator: ", ")
      return hold.quorumMet.map { "the quorum was complete at \($0.clock), by \(who)" }
    case .expired: return "it expired at \(hold.terms.expires.clock), before your vote"
    case .voided, .lapsed: return "the hold is \(hold.state(at: now).word)"
    }
  }

  private func open(
    _ passphrase: borrowing SecretBytes, _ ledger: Ledger
  ) throws -> OpenKey {
    let now = Clock.system.now()
    if let opened, now < opened.until { return opened }
    opened = nil
    let key: OpenedKey
    switch signer.kind {
    case .none:
      throw CommandFault("key_missing", "you have no operator key here; see: countersign key new")
    case .sealed(let sealed):
      guard let holder = Principal(sealed.holder) else {
        throw KeyFault.malformed(path: sealed.path, reason: "its holder is no principal")
      }
      key = OpenedKey(principal: holder, key: try sealed.open(passphrase: passphrase))
    case .agent(let agentKey, _):
      guard let record = ledger.state.keys[agentKey.publicKey.fingerprint],
        record.holder.kind == .user
      else {
        throw CommandFault(
          "signer_wrong_key", "the key \(agentKey.publicKey.fingerprint) is no operator's here")
      }
      key = OpenedKey(principal: record.holder, agentKey: agentKey)
    }
    let fresh = OpenKey(key, until: now)
    opened = fresh
    return fresh
  }

  private func close() {
    guard case .sealed = signer.kind, signer.relockSeconds > 0, let opened else {
      opened = nil
      return
    }
    let until = Clock.system.now().advanced(bySeconds: signer.relockSeconds)
    opened.until = until
    post(.keyState(.unlocked(until: until)))
  }

  /// Leaves what other consoles see: that this person looks at a hold, or a note.
  func leave(claim hold: Digest? = nil, note: String? = nil) async {
    await beside?.value
    defer { pause() }
    guard access == .readWrite, let ledger = try? live(), let who = voter(ledger)?.description
    else {
      if note != nil { post(.failed("note_unsigned: without a key there is no name to leave")) }
      return
    }
    do {
      let now = Clock.system.now()
      try ledger.database.write { transaction in
        if let hold { try transaction.note(claim: hold, by: who, at: now) }
        if let note { try transaction.note(handover: note, by: who, at: now) }
      }
      if note != nil { post(.said("the note is left for the next shift")) }
    } catch {
      if note != nil { post(.failed("\(FaultCode.of(error)): \(error)")) }
    }
  }
}
