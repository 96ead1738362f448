import Cells

/// A document being read: a cursor that can follow what a line leads to, and a search.
package struct DocumentModel: Sendable {
  package private(set) var document: Document
  /// The line the cursor stands on.
  package private(set) var cursor: Int
  package private(set) var top = 0
  package private(set) var needle = ""

  package init(_ document: Document) {
    self.document = document
    cursor = min(document.start, max(0, document.lines.count - 1))
  }

  /// Takes the same document as it is now, keeping the place.
  package mutating func refresh(_ newer: Document) {
    document = newer
    cursor = min(cursor, max(0, newer.lines.count - 1))
  }

  package var line: Line? {
    document.lines.indices.contains(cursor) ? document.lines[cursor] : nil
  }

  package mutating func move(_ step: Int) {
    cursor = max(0, min(document.lines.count - 1, cursor + step))
  }

  /// Keeps the cursor's line on the screen; lines may take several rows.
  package mutating func scroll(visible: Int, height: (Line) -> Int) {
    if cursor < top { top = cursor }
    while top < cursor {
      let used = document.lines[top...cursor].reduce(0) { $0 + height($1) }
      if used <= max(1, visible) { break }
      top += 1
    }
  }

  /// Goes to the next line with some text in it, or back with a step below zero.
  ///
  /// - Returns: Whether there is one.
  package mutating func find(_ text: String, step: Int) -> Bool {
    needle = text
    let wanted = text.lowercased()
    guard !wanted.isEmpty, !document.lines.isEmpty else { return false }
    let count = document.lines.count
    for distance in 1...count {
      let at = ((cursor + distance * step) % count + count) % count
      let line = document.lines[at]
      if "\(line.label) \(line.text.text)".lowercased().contains(wanted) {
        cursor = at
        return true
      }
    }
    return false
  }
}
