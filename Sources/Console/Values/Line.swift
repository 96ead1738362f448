package import Cells

/// A line of a document or dialog: a label, what it says, and where it leads.
package struct Line: Sendable, Hashable {
  package let label: String
  package let text: SafeText
  package let role: Role
  package let target: Target?

  package init(
    _ label: String, _ text: SafeText, _ role: Role = .text, target: Target? = nil
  ) {
    self.label = label
    self.text = text
    self.role = role
    self.target = target
  }
}

/// Something to read whole: why a decision came out so, a card, a policy's source.
package struct Document: Sendable, Hashable {
  package let request: DocumentRequest
  package let title: SafeText
  package let lines: [Line]
  /// The line to stand on at first.
  package let start: Int

  package init(_ request: DocumentRequest, title: SafeText, lines: [Line], start: Int = 0) {
    self.request = request
    self.title = title
    self.lines = lines
    self.start = start
  }
}

/// Which document.
package enum DocumentRequest: Sendable, Hashable {
  /// Why a decision or hold came out as it did.
  case why(Target)
  /// Everything about one thing.
  case card(Target)
  /// A policy's text, its hits, and what it changes.
  case source(Target)
  /// The signed statement behind it, as JSON.
  case json(Target)
  case notes
  case messages
  case output([String])
}
