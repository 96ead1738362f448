import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Foundation
import Keys
import Registry
import Statements

/// What the activation of a policy changes: its whole text against the text of the one in force, and
/// whose signatures it takes.
///
/// The dialog and `policy activate --dry-run` show the same.
struct PolicyChange {
  let policy: PolicyRecord
  let active: PolicyRecord?
  /// Why it cannot be put in force, if so.
  let fault: String?
  let lines: [Line]

  private let ledger: Ledger
  private var state: AuthorityState { ledger.state }

  init(
    _ policy: PolicyRecord, _ ledger: Ledger, _ transaction: RegistryTransaction,
    at now: Timestamp
  ) throws {
    self.ledger = ledger
    self.policy = policy
    active = ledger.state.activePolicy.flatMap { ledger.state.policies[$0] }
    do {
      try PolicyChange.checkNames(policy.published.modules.map(\.file))
      _ = try ledger.compile(policy, transaction)
      fault = nil
    } catch {
      fault = "\(FaultCode.of(error)): \(error)"
    }
    let (before, after) = (
      try active.map { try PolicyChange.files(of: $0, transaction) } ?? [:],
      try PolicyChange.files(of: policy, transaction)
    )
    var lines = [
      Line("policy", SafeText(policy.published.label), .title),
      Line("digest", SafeText(policy.digest.hex)),
      Line("publisher", SafeText(policy.publisher.description)),
      Line(
        "replaces",
        SafeText(
          active.map { "\($0.published.label)  \($0.digest.hex)" }
            ?? "nothing: no policy is in force, and everything is denied")),
    ]
    if let fault { lines.append(Line("! fault", SafeText(fault), .alert)) }
    if let active, active.published.name == policy.published.name,
      active.published.version > policy.published.version
    {
      lines.append(
        Line(
          "! warning",
          SafeText(
            "this goes back from version \(active.published.version) to version "
              + "\(policy.published.version)"), .alert))
    }
    if let active, active.published.name != policy.published.name {
      lines.append(
        Line(
          "! warning",
          SafeText("it has another name than the policy in force, \(active.published.label)"),
          .alert))
    }
    let open = ledger.state.openHolds(at: now).count
    if open > 0 {
      lines.append(
        Line(
          "holds",
          SafeText(
            "\(open) open hold\(open == 1 ? " is" : "s are") evaluated again under it on release"),
          .statePending))
    }
    let pairs = PolicyChange.pairs(before, after)
    let changes = pairs.map { pair in
      TextDiff(
        pair.before.flatMap { before[$0] } ?? [], pair.after.flatMap { after[$0] } ?? [])
    }
    let renamed = pairs.count(where: \.isRenamed)
    let (added, removed) = (
      changes.reduce(0) { $0 + $1.added }, changes.reduce(0) { $0 + $1.removed }
    )
    lines.append(
      Line(
        "changes",
        SafeText(
          added + removed == 0
            ? "no line differs"
              + (renamed > 0 ? "; \(renamed) file\(renamed == 1 ? "" : "s") renamed" : "")
            : "\(added) line\(added == 1 ? "" : "s") added, \(removed) removed (marked + and -)"),
        .title))
    for (pair, change) in zip(pairs, changes) {
      lines.append(Line("", PolicyChange.heading(pair), .title))
      lines += change.lines
    }
    self.lines = lines
  }

  private static func pairs(
    _ before: [FileName: [ByteString]], _ after: [FileName: [ByteString]]
  ) -> [PolicyFilePairs<FileName>.Pair] {
    PolicyFilePairs(before, after) { !$0.isData }.pairs
  }

  /// Over the lines of a file: its name, and where it came from or went.
  private static func heading(_ pair: PolicyFilePairs<FileName>.Pair) -> SafeText {
    let name = pair.name?.shown ?? ""
    guard let old = pair.before else { return SafeText(name + "  (new file)") }
    guard pair.after != nil else { return SafeText(name + "  (file removed)") }
    return SafeText(name + (pair.isRenamed ? "  (renamed from \(old.shown))" : ""))
  }

  /// What tells the files of a policy apart: two can have one name, and the data can be called as a file.
  private struct FileName: Hashable, Comparable {
    var isData = false
    var file = ByteString("")
    /// Which of the files of this name.
    var number = 1

    var shown: String {
      isData ? "(data)" : file.text + (number > 1 ? "  (file \(number) of this name)" : "")
    }

    static func < (left: FileName, right: FileName) -> Bool {
      if left.isData != right.isData { return right.isData }
      return left.file == right.file ? left.number < right.number : left.file < right.file
    }
  }

  /// Refuses names by which a reader could take one file for another.
  static func checkNames(_ names: [ByteString]) throws {
    for name in names where !name.bytes.allSatisfy({ (0x21...0x7E).contains($0) }) {
      throw CommandFault(
        "policy_file_name",
        "the file name \"\(name.text)\" has characters that are not visible ASCII; rename the file")
    }
    for name in names where names.count(where: { $0 == name }) > 1 {
      throw CommandFault(
        "policy_file_repeated", "two files have the name \(name.text); rename one of them")
    }
  }

  /// The files of a policy with their lines; its data as one more file.
  private static func files(
    of record: PolicyRecord, _ transaction: RegistryTransaction
  ) throws -> [FileName: [ByteString]] {
    var files: [FileName: [ByteString]] = [:]
    var numbers: [ByteString: Int] = [:]
    for module in record.published.modules {
      guard let bytes = try transaction.body(module.digest),
        Digest.sha256(bytes) == module.digest
      else {
        throw CommandFault(
          "body_missing", "the text of \(module.file.text) in \(record.published.label) is missing")
      }
      numbers[module.file, default: 0] += 1
      let name = FileName(file: module.file, number: numbers[module.file, default: 1])
      let text = ByteString(validating: bytes) ?? ByteString(String(decoding: bytes, as: UTF8.self))
      files[name] = text.split(on: "\n")
    }
    if let data = record.published.data {
      guard let bytes = try transaction.body(data), Digest.sha256(bytes) == data else {
        throw CommandFault("body_missing", "the data of \(record.published.label) is missing")
      }
      files[FileName(isData: true)] = JSONText.lines(try JSONParser.parse(bytes)).map {
        ByteString($0.text)
      }
    }
    return files
  }

  /// Only what changes from one policy to another, file by file.
  static func changedLines(
    from old: PolicyRecord?, to new: PolicyRecord, _ transaction: RegistryTransaction
  ) throws -> [Line] {
    let (before, after) = (
      try old.map { try files(of: $0, transaction) } ?? [:], try files(of: new, transaction)
    )
    let lines = pairs(before, after).flatMap { pair -> [Line] in
      let changed = TextDiff(
        pair.before.flatMap { before[$0] } ?? [], pair.after.flatMap { after[$0] } ?? []
      ).lines.filter {
        $0.role == .diffAdded || $0.role == .diffRemoved || $0.role == .alert
      }
      guard !changed.isEmpty || pair.isRenamed else { return [] }
      return [Line("", heading(pair), .title)] + changed
    }
    return lines.isEmpty ? [Line("", "no text differs")] : lines
  }

  // MARK: who signs

  var body: StatementBody { .policyActivated(PolicyActivated(policy: policy.digest)) }
  var isActive: Bool { active?.digest == policy.digest }

  /// Whose signatures it takes, in words.
  var quorum: String {
    let needed = state.signaturesNeeded(for: body)
    let admins = state.admins.map(\.description).joined(separator: ", ")
    return needed == 1
      ? "one admin signs (\(admins)): it is in force at once"
      : "\(needed) admins sign (\(admins)): the first signature opens a proposal"
  }

  /// An open proposal that does the same.
  var waiting: ProposalRecord? {
    state.proposals.values.filter { $0.opened.inner == body }.min { $0.digest < $1.digest }
  }

  /// Why this person cannot activate it, if so.
  func objection(_ voter: Principal) -> String? {
    if let fault { return fault }
    guard state.operators[voter]?.has(.admin) == true else {
      return "activation takes an admin: "
        + state.admins.map(\.description).joined(separator: ", ")
    }
    if let waiting, state.signaturesNeeded(for: body) > 1 {
      return "proposal \(waiting.digest.hex.prefix(8)) asks for it already: sign that one ("
        + "' leads there)"
    }
    return nil
  }
}

extension PolicyChange {
  /// What the dialog shows, on standard output.
  func printed(json: Bool) {
    if json {
      Output.json([
        "policy": JSONValue(policy.digest.hex), "label": JSONValue(policy.published.label),
        "replaces": active.json { JSONValue($0.digest.hex) }, "active": .bool(isActive),
        "signatures_needed": JSONValue(state.signaturesNeeded(for: body)),
        "admins": .array(state.admins.map(\.json)),
        "proposal": waiting.json { JSONValue($0.digest.hex) },
        "fault": fault.json { JSONValue($0) },
        "lines": .array(lines.map { JSONValue("\($0.label)  \($0.text.text)") }),
      ])
      return
    }
    for line in lines {
      let label = line.label + String(repeating: " ", count: max(0, 10 - line.label.count))
      Output.line("\(label) \(line.text.text)")
    }
    Output.line("quorum     \(quorum)")
    if isActive { Output.line("it is in force already") }
    if let waiting { Output.line("proposal   \(waiting.digest.hex) asks for it already") }
  }
}
