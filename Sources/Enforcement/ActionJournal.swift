import CanonicalJSON
package import Keys
package import Statements

/// What an agent's side has done: envelopes it made, what it started, what ended; beside the key.
///
/// A start counts once it is on disk, and is recorded once, whichever process does. One without an end
/// is of unknown outcome and is never started again. Whole actions are forgotten in time, the oldest
/// first: an envelope that is not here is one that this side did not make, and a repeat of it is
/// executed by nobody.
package struct ActionJournal: Sendable {
  package let path: String

  /// What is kept of the envelopes that nothing was started of, and of the actions that were started.
  private static let openLimit = 1024
  private static let openBytes = 8 << 20
  private static let openSeconds: Int64 = 30 * 86_400
  private static let startedLimit = 8192
  /// From this size on it is looked at whether half of the file can be forgotten.
  private static let compactFrom = 1 << 20

  package init(_ path: String) {
    self.path = path
  }

  /// Where the journal of a key lies.
  package static func path(besides key: String) -> String { key + ".journal" }

  /// Why the journal cannot be relied on; nothing is then started.
  package enum Fault: Error, Sendable, CustomStringConvertible {
    case unusable(path: String, reason: String)
    case exposed(path: String, mode: UInt32)
    case damaged(path: String, line: Int, reason: String)
    case busy(path: String)
    case started(Digest, at: Timestamp)
    case notStarted(Digest)
    case ended(Digest, ActionFinished.Outcome)

    package var code: String {
      switch self {
      case .unusable: "journal_unusable"
      case .exposed: "journal_exposed"
      case .damaged: "journal_damaged"
      case .busy: "journal_busy"
      case .started: "action_started"
      case .notStarted: "action_not_started"
      case .ended: "action_ended"
      }
    }

    package var description: String {
      switch self {
      case .unusable(let path, let reason):
        "the journal \(path), where this side keeps what it started, cannot be used: \(reason); see "
          + "to its folder's permissions and space, or name another with --journal"
      case .exposed(let path, let mode):
        "the journal \(path) is open to others (mode \(String(mode, radix: 8))); run: chmod 600 \(path)"
      case .damaged(let path, let line, let reason):
        "the journal \(path) is damaged at line \(line): \(reason); what was started can no longer be "
          + "told: find out what was, then move the file away"
      case .busy(let path):
        "another process has kept the journal \(path) locked for 5 s; see which: fuser \(path)"
      case .started(let action, let at):
        "action \(action.hex) was started at \(at.text) and is not started again"
      case .notStarted(let action): "no start of action \(action.hex) is recorded here"
      case .ended(let action, let outcome):
        "action \(action.hex) has ended as \(outcome.rawValue) already"
      }
    }
  }

  /// What is known of one action.
  package struct Record: Sendable {
    /// Whether this side signed it, and its envelope is kept here.
    package var isOwn: Bool { made != nil }
    package fileprivate(set) var started: Timestamp?
    /// Since when it waits for people, or for an answer that was lost, and in which process.
    package fileprivate(set) var open: (since: Timestamp, process: Int32)?
    /// Whether it was refused for good.
    package fileprivate(set) var isOver = false
    package fileprivate(set) var ended: (at: Timestamp, outcome: ActionFinished.Outcome)?

    fileprivate var made: Timestamp?
    fileprivate var lines: [[UInt8]] = []

    /// The envelope, if this side made it and keeps it still.
    package var envelope: UnverifiedEnvelope? {
      guard let line = lines.first(where: { $0.starts(with: "made ".utf8) }),
        let encoded = ActionJournal.words(line).last, let dsse = Base64.bytes(of: encoded)
      else { return nil }
      return try? UnverifiedEnvelope(dsse: dsse)
    }
  }

  // MARK: what is known

  /// What is known of an action; an empty record if nothing is.
  package func record(of action: Digest) throws(Fault) -> Record {
    let file = try JournalFile.open(path)
    return try ActionJournal.records(file.lines, path).byAction[action] ?? Record()
  }

  /// Actions that were started and of whose end nothing is recorded, the oldest first.
  package func unknown() throws(Fault) -> [(action: Digest, started: Timestamp)] {
    let file = try JournalFile.open(path)
    let (records, order) = try ActionJournal.records(file.lines, path)
    return order.compactMap { action in
      guard let record = records[action], let started = record.started, record.ended == nil else {
        return nil
      }
      return (action, started)
    }
  }

  /// An action that was signed here, was not refused for good, and has not been started.
  package struct Unfinished: Sendable {
    package let action: Digest
    package let made: Timestamp
    /// The process that last asked about it while it had no final answer.
    package let process: Int32?
    package let envelope: UnverifiedEnvelope
  }

  /// The envelopes that are kept here.
  package func envelopes() throws(Fault) -> [(action: Digest, envelope: UnverifiedEnvelope)] {
    let file = try JournalFile.open(path)
    let (records, order) = try ActionJournal.records(file.lines, path)
    return order.compactMap { action in
      records[action]?.envelope.map { (action, $0) }
    }
  }

  /// What could still be sent again, the oldest first.
  package func unfinished() throws(Fault) -> [Unfinished] {
    let file = try JournalFile.open(path)
    let (records, order) = try ActionJournal.records(file.lines, path)
    return order.compactMap { action in
      guard let record = records[action], let made = record.made, record.started == nil,
        !record.isOver, let envelope = record.envelope
      else { return nil }
      return Unfinished(
        action: action, made: made, process: record.open?.process, envelope: envelope)
    }
  }

  // MARK: what is written

  /// Stores an envelope before it is sent for the first time.
  package func store(_ envelope: UnverifiedEnvelope, at now: Timestamp) throws(Fault) {
    try compact(at: now)
    try write { (_, file: inout JournalFile) throws(Fault) in
      try file.append(
        ActionJournal.line("made", envelope.digest, now, Base64.text(of: envelope.dsse)))
    }
  }

  /// Records that an action is started, durably and once.
  ///
  /// - Throws: ``Fault`` `started` if it was before, by whichever process.
  func start(_ action: Digest, at now: Timestamp) throws(Fault) {
    try write { (records, file: inout JournalFile) throws(Fault) in
      if let started = records[action]?.started { throw .started(action, at: started) }
      try file.append(ActionJournal.line("start", action, now))
    }
  }

  /// Records that an action which was signed here waits for its final answer.
  ///
  /// Without an envelope there is nothing to send again, and nothing is recorded.
  func keepOpen(_ action: Digest, at now: Timestamp, process: Int32) throws(Fault) {
    try write { (records, file: inout JournalFile) throws(Fault) in
      guard let record = records[action], record.isOwn, record.started == nil, !record.isOver,
        record.open?.process != process
      else { return }
      try file.append(ActionJournal.line("open", action, now, "\(process)"))
    }
  }

  /// Records that an action was refused for good: its envelope need not be kept.
  func close(_ action: Digest, at now: Timestamp) throws(Fault) {
    try write { (records, file: inout JournalFile) throws(Fault) in
      guard let record = records[action], record.isOwn, record.started == nil, !record.isOver
      else { return }
      try file.append(ActionJournal.line("over", action, now))
    }
  }

  /// Records how a started action ended.
  package func end(
    _ action: Digest, _ outcome: ActionFinished.Outcome, at now: Timestamp
  ) throws(Fault) {
    try write { (records, file: inout JournalFile) throws(Fault) in
      guard let record = records[action], record.started != nil else { throw .notStarted(action) }
      if let ended = record.ended { throw .ended(action, ended.outcome) }
      try file.append(ActionJournal.line("end", action, now, outcome.rawValue))
    }
  }

  private func write(
    _ body: ([Digest: Record], inout JournalFile) throws(Fault) -> Void
  ) throws(Fault) {
    var file = try JournalFile.open(path)
    let records = try ActionJournal.records(file.lines, path).byAction
    try body(records, &file)
  }

  // MARK: lines

  private static func line(
    _ kind: String, _ action: Digest, _ at: Timestamp, _ more: String? = nil
  ) -> [UInt8] {
    Array("\(kind) \(action.hex) \(at.text)\(more.map { " " + $0 } ?? "")".utf8)
  }

  private static func words(_ line: [UInt8]) -> [ArraySlice<UInt8>] {
    // An envelope is long, and stands last.
    let head = line.prefix(160).split(
      separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false)
    guard head.count == 4 else { return head }
    return Array(head.dropLast()) + [line[head[3].startIndex...]]
  }

  private static func records(
    _ lines: [[UInt8]], _ path: String
  ) throws(Fault) -> (byAction: [Digest: Record], order: [Digest]) {
    var records: [Digest: Record] = [:]
    var order: [Digest] = []
    for (index, line) in lines.enumerated() {
      func damaged(_ reason: String) -> Fault {
        .damaged(path: path, line: index + 1, reason: reason)
      }
      let words = ActionJournal.words(line)
      guard words.count >= 3, let action = Digest(hex: words[1]),
        let at = ByteString(validating: words[2]).flatMap({ Timestamp($0) })
      else { throw damaged("it is no record") }
      if records[action] == nil { order.append(action) }
      var record = records[action] ?? Record()
      switch (String(decoding: words[0], as: UTF8.self), words.count) {
      case ("made", 4): record.made = at
      case ("start", 3): record.started = at
      case ("open", 4):
        guard let process = Int32(String(decoding: words[3], as: UTF8.self)) else {
          throw damaged("it names no process")
        }
        record.open = (at, process)
      case ("over", 3): record.isOver = true
      case ("end", 4):
        let word = String(decoding: words[3], as: UTF8.self)
        guard let outcome = ActionFinished.Outcome(rawValue: word) else {
          throw damaged("\"\(word)\" is no outcome")
        }
        record.ended = (at, outcome)
      default: throw damaged("it is no record")
      }
      record.lines.append(line)
      records[action] = record
    }
    return (records, order)
  }

  /// Forgets what may be forgotten, if that is half of a file worth the while.
  private func compact(at now: Timestamp) throws(Fault) {
    let file = try JournalFile.open(path)
    guard file.size >= ActionJournal.compactFrom else { return }
    let (records, order) = try ActionJournal.records(file.lines, path)
    var (opens, bytes, starts) = (0, 0, 0)
    var kept: [[[UInt8]]] = []
    for action in order.reversed() {
      guard let record = records[action] else { continue }
      if record.started != nil {
        starts += 1
        // A start is kept without its envelope: nothing can be sent again.
        if starts <= ActionJournal.startedLimit {
          kept.append(
            record.lines.filter { !$0.starts(with: "made ".utf8) && !$0.starts(with: "open ".utf8) }
          )
        }
      } else if let made = record.made, !record.isOver,
        now.milliseconds(since: made) <= ActionJournal.openSeconds * 1000
      {
        opens += 1
        bytes += record.lines.reduce(0) { $0 + $1.count }
        if opens <= ActionJournal.openLimit, bytes <= ActionJournal.openBytes {
          kept.append(record.lines)
        }
      }
    }
    let lines = Array(kept.reversed().joined())
    guard lines.reduce(0, { $0 + $1.count + 18 }) <= file.size / 2 else { return }
    try file.replace(with: lines)
  }
}
