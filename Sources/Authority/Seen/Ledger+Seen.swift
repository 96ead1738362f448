import Decisions
import Keys
import Registry
import Statements
import TransparencyLog

// What this account has seen of the log before: every replay, the first and any later one, must meet
// it on its way.
extension Ledger {
  /// Heads that the log has to have had, as this account or this process knows.
  struct SeenHeads {
    /// Not reached yet by the replay that is under way; the smallest first.
    private(set) var ahead: [TreeHead] = []
    /// Reached, and other than they were seen.
    private(set) var contradicted: [TreeHead] = []

    /// Whether every head that was seen has been met.
    var areMet: Bool { ahead.isEmpty && contradicted.isEmpty }

    mutating func expect(_ head: TreeHead) {
      guard head.size > 0, !ahead.contains(head), !contradicted.contains(head) else { return }
      ahead.append(head)
      ahead.sort { ($0.size, $0.root) < ($1.size, $1.root) }
    }

    /// Compares the heads that a replay has reached with the roots the log had at their sizes.
    mutating func meet(_ size: UInt64, root: (UInt64) throws -> Digest) rethrows {
      while let head = ahead.first, head.size <= size {
        if try root(head.size) != head.root { contradicted.append(head) }
        ahead.removeFirst()
      }
    }

    /// Heads that the whole log did not meet.
    var missed: [TreeHead] { ahead.reversed() + contradicted }

    mutating func forget() { self = SeenHeads() }
  }

  /// Reads the pin, as it is before a transaction begins: what was pinned is then in what it sees.
  func lookAtPin() throws(AuthorityFault) {
    guard let pins, let registry = state.registry?.id ?? genesisID else { return }
    let found = try pins.pin(for: registry)
    guard let found, found != pin else { return }
    pin = found
    expectation = found.head
  }

  /// Takes what is known to have been seen into account: at sizes that are replayed already, the root is
  /// proven from authenticated hashes; others are met further on.
  func expectSeen(_ transaction: RegistryTransaction) throws {
    if let head = expectation { seen.expect(head) }
    expectation = nil
    try meetSeen(transaction)
  }

  /// Compares what was seen, up to what is replayed, with the log.
  func meetSeen(_ transaction: RegistryTransaction) throws {
    try seen.meet(tree.size) { try root(atSize: $0, transaction) }
  }

  /// Refuses a log, replayed whole, that is not the one this account has seen, unless the admin quorum
  /// has said since that it continues from a backup.
  func checkSeen() throws(AuthorityFault) {
    guard !seen.areMet else {
      acknowledged.formUnion(state.restorations.map(\.digest))
      return
    }
    let known = (pin?.restorations ?? []) + acknowledged
    for head in seen.missed where !state.excuses(head, beside: known) {
      throw head.size > tree.size
        ? .truncated(size: tree.size, known: head.size) : .forked(size: head.size)
    }
    seen.forget()
    acknowledged.formUnion(state.restorations.map(\.digest))
    adoptSetAsideState()
  }

  /// The pin for what is verified now.
  private var currentPin: Pin {
    Pin(head: head, restorations: state.restorations.map(\.digest))
  }

  /// Writes down what this process has verified; if it cannot, ``pinFault`` says why.
  package func keepPin() {
    do {
      try storePin()
      pinFault = nil
    } catch {
      pinFault = error
    }
  }

  /// Writes down what this process has verified.
  package func storePin() throws(AuthorityFault) {
    if let pins { try storePin(in: pins) }
  }

  /// Writes down in an account's store what this process has verified.
  ///
  /// - Throws: ``AuthorityFault`` `forked` if another process of the account has seen another log.
  package func storePin(in pins: PinStore) throws(AuthorityFault) {
    // What has not met everything that was seen is no more than what the file says.
    guard let registry = state.registry, !isFaulty, seen.areMet, expectation == nil else { return }
    let (met, size) = (pin, tree.size)
    let now = try pins.store(currentPin, for: registry.id) { (known) throws(AuthorityFault) in
      // A longer one gives way only to a restoration that it has not seen; else another process is further.
      if known.head.size > size { return state.excuses(known.head, beside: known.restorations) }
      if known == met { return true }
      return try mayReplace(known)
    }
    pin = now
    // Another process is further: what it saw is met when this one gets there.
    if now.head.size > tree.size { expectation = now.head }
  }

  /// Whether a pin written by another process since is of this log.
  private func mayReplace(_ known: Pin) throws(AuthorityFault) -> Bool {
    guard known.head.size <= tree.size else { return false }
    let root: Digest?
    do {
      root = try database.read { try self.root(atSize: known.head.size, $0) }
    } catch let fault as AuthorityFault {
      throw fault
    } catch let fault as RegistryFault {
      throw .registry(fault)
    } catch {
      root = nil
    }
    if root == known.head.root { return true }
    guard state.excuses(known.head, beside: known.restorations) else {
      throw .forked(size: known.head.size)
    }
    return true
  }
}

extension AuthorityState {
  /// Whether the admin quorum has said, in a statement that is not among those already known, that the
  /// log continues from a backup in which a head that was seen is missing.
  func excuses(_ head: TreeHead, beside known: [Digest]) -> Bool {
    restorations.contains { restoration in
      !known.contains(restoration.digest) && restoration.body.kept.size < head.size
        && (head.size < restoration.body.lost.size || head == restoration.body.lost)
    }
  }
}
