/// The line typed at the bottom: a filter, a search, or a command.
package struct EntryLine: Sendable {
  package enum Purpose: Sendable, Hashable {
    case filter
    /// In a document.
    case search
    case command
  }

  package let purpose: Purpose
  /// What stood in force when it was opened: what is typed takes its place only once it is understood.
  package let before: String
  package private(set) var field: TextField
  /// What was typed before Tab or Up put something else there.
  private var stem: String?
  private var candidate = 0
  private var recalled: Int?

  package init(_ purpose: Purpose, _ text: String = "", before: String? = nil) {
    self.purpose = purpose
    self.before = before ?? text
    field = TextField(text)
  }

  package var text: String { field.text }
  /// What candidates are looked up for.
  package var typed: String { recalled == nil ? stem ?? field.text : field.text }
  /// The candidate that Tab has put in.
  package var selected: Int? { stem != nil && recalled == nil ? candidate : nil }

  package mutating func take(_ key: KeyPress) {
    stem = nil
    recalled = nil
    _ = field.take(key)
  }

  /// Puts the next of the candidates in.
  package mutating func complete(_ candidates: [CommandLine.Candidate], step: Int) {
    guard !candidates.isEmpty else { return }
    if stem == nil || recalled != nil {
      stem = typed
      recalled = nil
      candidate = step > 0 ? 0 : candidates.count - 1
    } else {
      candidate = (candidate + step + candidates.count) % candidates.count
    }
    field = TextField(candidates[min(candidate, candidates.count - 1)].text)
  }

  /// Puts an earlier line in, the newest first.
  package mutating func recall(_ history: [String], step: Int) {
    if recalled == nil { stem = field.text }
    let next = (recalled ?? -1) + step
    if next < 0 {
      field = TextField(stem ?? "")
      (recalled, stem) = (nil, nil)
    } else if history.indices.contains(next) {
      recalled = next
      field = TextField(history[next])
    }
  }
}
