import Console
import Foundation
import Keys
import Registry
import Statements

/// What an id could mean: digits, a short fingerprint, a name, an index, a URI; whole or in part.
enum Identities {
  private static let limit = 12

  static func find(
    _ text: String, in transaction: RegistryTransaction, at now: Timestamp
  ) throws -> [Message.Candidate] {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !text.isEmpty else { return [] }
    if text.hasPrefix("#") || text.allSatisfy(\.isNumber) && text.count < 4 {
      return try entry(text, transaction)
    }
    var found: [Message.Candidate] = []
    let hex = text.lowercased().replacingOccurrences(of: "ed25519:", with: "")
      .replacingOccurrences(of: "-", with: "")
    if hex.count >= 4, hex.count <= 64, hex.allSatisfy(\.isHexDigit) {
      found += try digests(hex, transaction, at: now)
    }
    if text.contains("://") {
      var request = WindowRequest(anchor: .first, limit: limit, now: now)
      request.terms = [WindowTerm(pattern: Filter.pattern(of: text))]
      found += try transaction.holdList(request).rows.map {
        Message.Candidate(
          target: .hold($0.record.digest),
          words: "hold \($0.record.digest.hex.prefix(8))  \($0.record.name) on \($0.record.uri)")
      }
      if found.isEmpty {
        var last = WindowRequest(anchor: .last, limit: limit, now: now)
        last.terms = [WindowTerm(pattern: Filter.pattern(of: text))]
        found += try transaction.decisionList(last).rows.reversed().map {
          Message.Candidate(
            target: .decision($0.record.index),
            words:
              "#\($0.record.index) \($0.record.verdict)  \($0.record.name) on \($0.record.uri)")
        }
      }
    } else {
      found += try names(text, transaction)
    }
    if found.isEmpty, text.allSatisfy(\.isNumber) { return try entry(text, transaction) }
    return Array(found.prefix(limit * 2))
  }

  private static func entry(
    _ text: String, _ transaction: RegistryTransaction
  ) throws -> [Message.Candidate] {
    guard let index = UInt64(text.drop { $0 == "#" }), index < (try transaction.size()) else {
      return []
    }
    return [Message.Candidate(target: .entry(index), words: "entry #\(index)")]
  }

  private static func digests(
    _ hex: String, _ transaction: RegistryTransaction, at now: Timestamp
  ) throws -> [Message.Candidate] {
    var found: [Message.Candidate] = []
    for table in RegistryTransaction.DigestTable.allCases {
      for digest in try transaction.digests(in: table, beginning: hex, limit: limit) {
        let target: Target
        var words: String
        switch table {
        case .holds:
          target = .hold(digest)
          let row = try transaction.hold(digest)
          words =
            "hold \(digest.hex.prefix(12))  \(row?.word(at: now) ?? "")  \(row?.name ?? "") on "
            + "\(row?.uri ?? "")"
        case .keys:
          target = .key(digest)
          let row = try transaction.key(digest)
          words = "key \(digest.short)  \(row?.holder ?? "")  \(row?.status(at: now) ?? "")"
        case .grants:
          target = .grant(digest)
          let row = try transaction.grant(digest)
          words = "grant \(digest.short)  to \(row?.holder ?? "")"
        case .policies: (target, words) = (.policy(digest), "policy \(digest.short)")
        case .proposals: (target, words) = (.proposal(digest), "proposal \(digest.hex.prefix(8))")
        case .locks: (target, words) = (.lock(digest), "lock \(digest.hex.prefix(8))")
        case .reviews: (target, words) = (.owed(digest), "review of \(digest.hex.prefix(8))")
        case .keyRequests:
          (target, words) = (.keyRequest(digest), "key request \(digest.hex.prefix(8))")
        }
        found.append(Message.Candidate(target: target, words: words))
      }
    }
    return found
  }

  private static func names(
    _ text: String, _ transaction: RegistryTransaction
  ) throws -> [Message.Candidate] {
    var found: [Message.Candidate] = []
    let kinds = text.contains(":") ? [text] : ["agent:\(text)", "user:\(text)", "service:\(text)"]
    for name in kinds {
      let names = try transaction.identities(beginning: name, limit: limit)
      func add(_ list: [String], _ target: (String) -> Target) {
        // A whole name is what is meant, even if others begin with it.
        let shown = list.contains(name) ? [name] : list
        found += shown.map { Message.Candidate(target: target($0), words: $0) }
      }
      add(names.agents, Target.agent)
      add(names.operators, Target.person)
      add(names.services, Target.service)
    }
    return found
  }
}
