import Cells
package import Statements

/// What is typed after `/`.
///
/// Each word is looked for by itself, and a row must have all of them, in any order: a text as the
/// list shows it, `!text` for rows without it, `~text` for its letters in order, `column:text`,
/// `since:1h`, `by:bob`, `needs:me`.
///
/// A word before a colon is a column only if the list has one of that name; else it is text, as the
/// `user` of `user:bob` is.
package struct Filter: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case contains
    case lacks
    /// Its letters stand in this order.
    case fuzzy
  }

  package struct Term: Sendable, Hashable {
    package let kind: Kind
    package let text: String
    /// Only this column is looked at.
    package let column: String?

    /// The pattern for SQL's LIKE, with `\` as its escape.
    package var pattern: String {
      Filter.pattern(of: text, separator: kind == .fuzzy ? "%" : "")
    }
  }

  package private(set) var terms: [Term] = []
  /// Only what came in so many seconds.
  package private(set) var sinceSeconds: Int64?
  /// Only what needs this person.
  package private(set) var needsMe = false
  /// What was not understood, in words that name it and say what is accepted: then nothing of the filter
  /// is applied.
  package private(set) var problem: String?
  /// A word before a colon that is no column here, and so was taken as text.
  package private(set) var unknown: String?

  package init(_ typed: String, _ view: View) {
    for word in typed.split(separator: " ") {
      let (kind, rest) = Filter.marked(word)
      var (text, column) = (String(rest), String?.none)
      if let (name, value) = Filter.named(rest) {
        if name == "since" || name == "needs" {
          take(name, value, kind, view, as: String(word))
          continue
        }
        if view.isFiltered(by: name) {
          (text, column) = (value, name)
        } else if view.columns.contains(where: { $0.name == name }) {
          problem =
            problem
            ?? "\(word): \(name) changes every second and cannot be filtered; try since:1h"
          continue
        } else {
          unknown = unknown ?? name
        }
      }
      if !text.isEmpty { terms.append(Term(kind: kind, text: text, column: column)) }
    }
  }

  /// `word`: All of it as it was typed, for what is said of it.
  private mutating func take(
    _ name: String, _ value: String, _ kind: Kind, _ view: View, as word: String
  ) {
    switch name {
    case "since":
      if !view.hasTimes {
        problem = problem ?? "\(word): \(view.title) has no times to filter by"
      } else if let seconds = Filter.seconds(value), kind == .contains {
        sinceSeconds = seconds
      } else {
        problem = problem ?? "\(word): since: takes a span of time: 90s, 5m, 2h or 7d"
      }
    default:
      if view != .approvals, view != .proposals {
        problem =
          problem ?? "\(word): nothing in \(view.title) waits for you; try Approvals or Proposals"
      } else if value == "me", kind == .contains {
        needsMe = true
      } else {
        problem = problem ?? "\(word): needs: takes only me"
      }
    }
  }

  private static func marked(_ word: Substring) -> (Kind, Substring) {
    switch word.first {
    case "!": (.lacks, word.dropFirst())
    case "~": (.fuzzy, word.dropFirst())
    default: (.contains, word)
    }
  }

  private static func named(_ word: Substring) -> (name: String, value: String)? {
    guard let colon = word.firstIndex(of: ":"), colon != word.startIndex,
      word[..<colon].allSatisfy({ $0.isASCII && $0.isLetter })
    else { return nil }
    // Headers stand in capitals.
    return (word[..<colon].lowercased(), String(word[word.index(after: colon)...]))
  }

  private static func seconds(_ text: String) -> Int64? {
    guard let unit = text.last, let count = Int64(text.dropLast()), (1...100_000).contains(count)
    else { return nil }
    return switch unit {
    case "s": count
    case "m": count * 60
    case "h": count * 3600
    case "d": count * 86_400
    default: nil
    }
  }

  package var isEmpty: Bool { terms.isEmpty && sinceSeconds == nil && !needsMe }

  /// The text to mark where it stands in a column, if it must stand somewhere.
  package func marked(in column: String) -> String {
    terms.first { $0.kind == .contains && ($0.column == nil || $0.column == column) }?.text ?? ""
  }

  /// The pattern that finds a text as it was typed.
  package static func pattern(of text: String, separator: String = "") -> String {
    let parts = text.unicodeScalars.map { scalar in
      "%_\\".unicodeScalars.contains(scalar) ? "\\\(scalar)" : String(Character(scalar))
    }
    return "%" + parts.joined(separator: separator) + "%"
  }

  /// How a filter's last word could go on: the columns of the list, and the words of the filter itself.
  package static func candidates(_ typed: String, _ view: View) -> [CommandLine.Candidate] {
    let last = typed.split(separator: " ", omittingEmptySubsequences: false).last ?? ""
    let head = typed.dropLast(last.count)
    let (_, stem) = marked(last)
    guard !stem.contains(":") else { return [] }
    let mark = last.dropLast(stem.count)
    var found = view.columns.filter { view.isFiltered(by: $0.name) }.map {
      (name: $0.name + ":", help: "only in the column \($0.title)")
    }
    if view.knowsWho, !found.contains(where: { $0.name == "by:" }) {
      found.append(("by:", view.whoHelp))
    }
    if view.hasTimes { found.append(("since:", "only what came in the last 90s, 5m, 2h, 7d")) }
    if view == .approvals || view == .proposals {
      found.append(("needs:me", "only what waits for you"))
    }
    return found.filter { $0.name.hasPrefix(stem) }.map {
      CommandLine.Candidate(text: "\(head)\(mark)\($0.name)", help: $0.help)
    }
  }
}

extension View {
  /// Columns that show a span of time, or a count that is made as it is shown.
  private var unfiltered: Set<String> {
    switch self {
    case .approvals: ["seen", "expires"]
    case .agents: ["keys", "grants", "held", "last"]
    case .keys: ["used", "expires"]
    case .tree: ["ttl", "status"]
    case .audit: ["check"]
    case .proposals: ["expires"]
    case .locks: ["until"]
    case .decisions, .policies, .operators: []
    }
  }

  /// Whether `name:text` looks through a column of this list.
  package func isFiltered(by name: String) -> Bool {
    if name == "by", knowsWho { return true }
    return columns.contains { $0.name == name } && !unfiltered.contains(name)
  }

  /// Whether `by:` means somebody here.
  var knowsWho: Bool {
    switch self {
    case .approvals, .decisions, .agents, .keys, .policies, .audit, .proposals, .locks: true
    case .tree, .operators: false
    }
  }

  var whoHelp: String {
    switch self {
    case .approvals: "holds that somebody has voted on"
    case .decisions: "decisions released by somebody's vote"
    case .agents: "agents that somebody owns"
    case .audit: "entries that somebody signed"
    default: "what somebody did"
    }
  }

  /// Whether its rows have a time at which they came.
  var hasTimes: Bool { self != .tree && self != .operators }
}

extension ListRow {
  /// Whether a filter finds what it asks for in the row as it is shown.
  package func matches(_ filter: Filter, _ view: View, at now: Timestamp) -> Bool {
    if let seconds = filter.sinceSeconds {
      guard let at, now.milliseconds(since: at) <= seconds * 1000 else { return false }
    }
    if filter.needsMe, !needsViewer { return false }
    let columns = view.columns
    return filter.terms.allSatisfy { term in
      var texts = cells.indices.filter { index in
        index < columns.count && view.isFiltered(by: columns[index].name)
          && (term.column == nil || term.column == columns[index].name)
      }.map { cells[$0].shown(at: now).text.text }
      if term.column == "by", !columns.contains(where: { $0.name == "by" }) { texts = [by] }
      let text = texts.joined(separator: " ").lowercased()
      let wanted = term.text.lowercased()
      switch term.kind {
      case .contains: return text.contains(wanted)
      case .lacks: return !text.contains(wanted)
      case .fuzzy:
        var rest = Substring(text)
        for character in wanted {
          guard let found = rest.firstIndex(of: character) else { return false }
          rest = rest[rest.index(after: found)...]
        }
        return true
      }
    }
  }
}
