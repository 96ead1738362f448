import Cells

/// The text of a dialog, laid out at one width.
struct ConsentPage: Sendable {
  struct Row: Sendable {
    /// As it is drawn: the label only on a line's first row.
    let line: Line
    /// The line it belongs to, and which of its characters stand in this row.
    let whole: Line
    let characters: Range<Int>
  }

  private(set) var width = 0
  private(set) var rows: [Row] = []
  var isRead: [Bool] = []
  /// Rows that must have been on the screen: ids and hashes need not, see ``HoldReview/hashLines``.
  private(set) var deciding = 0
  /// Of these, the rows that have not been.
  private(set) var unread = Int.max
  private var lines: [Line] = []
  private var isASCII = false

  func isOf(_ lines: [Line], _ width: Int, _ isASCII: Bool) -> Bool {
    self.width == width && self.isASCII == isASCII && self.lines == lines
  }

  init() {}

  /// `deciding`: How many of the lines, from the first on, must be read.
  init(_ lines: [Line], deciding: Int, width: Int, isASCII: Bool, read: ReadLines) {
    self.lines = lines
    self.width = width
    self.isASCII = isASCII
    for (number, line) in lines.enumerated() {
      if number == deciding { self.deciding = rows.count }
      let text = isASCII ? line.text.escapedToASCII : line.text
      let whole = Line(line.label, text, line.role, target: line.target)
      var start = 0
      for (index, part) in text.wrapped(to: width).enumerated() {
        let end = start + part.glyphs.count
        rows.append(
          Row(
            line: Line(index == 0 ? line.label : "", part, line.role, target: line.target),
            whole: whole, characters: start..<end))
        start = end
      }
    }
    if deciding >= lines.count { self.deciding = rows.count }
    isRead = rows.map { read.covers($0.characters, of: $0.whole) }
    unread = isRead.prefix(self.deciding).count { !$0 }
  }

  mutating func markRead(_ index: Int) {
    guard !isRead[index] else { return }
    isRead[index] = true
    if index < deciding { unread -= 1 }
  }

  /// Nothing counts as read any more.
  mutating func forget() {
    isRead = isRead.map { _ in false }
    unread = rows.isEmpty ? Int.max : deciding
  }
}

extension ConsentModel {
  package var rowCount: Int { page.width == 0 ? Int.max : page.rows.count }
  /// Rows that decide and have not been on the screen; all, before anything was.
  package var unread: Int { page.unread }
  /// Rows that decide and have been on the screen.
  package var rowsSeen: Int { page.width == 0 ? 0 : page.deciding - page.unread }

  /// What is shown: what decides, then ids and hashes, in one line or whole.
  private var shownLines: [Line] {
    consent.lines
      + (showsHashes ? consent.hashes : [consent.foldedHashes].compactMap { $0 })
  }

  private func page(width: Int) -> ConsentPage {
    ConsentPage(
      shownLines, deciding: consent.lines.count, width: width, isASCII: isASCII, read: read)
  }

  /// The lines that bind, wrapped so that nothing is cut.
  package func rows(width: Int) -> [Line] {
    if page.isOf(shownLines, width, isASCII) { return page.rows.map(\.line) }
    return page(width: width).rows.map(\.line)
  }

  /// How many rows the text takes, as the screen is divided: as many as at first.
  func pinnedRows(width: Int) -> Int {
    if let pinned, pinned.width == width { return pinned.rows }
    return rows(width: width).count
  }

  /// Where the text is shown from: the scroll, unless the text has become too short for it.
  package func first(visible: Int) -> Int { max(0, min(scroll, rowCount - visible)) }

  /// Notes what was drawn: only what stood on the screen has been read.
  ///
  /// `asides`: Rows that what stands beside it takes.
  package mutating func show(rows visible: Int, width: Int, asides: Int = 0) {
    if !page.isOf(shownLines, width, isASCII) {
      page = page(width: width)
      read.keep(consent.lines + consent.hashes)
    }
    if pinned?.width != width {
      pinned = Pinned(width: width, rows: page.rows.count, asides: asides)
    }
    let first = first(visible: visible)
    for index in first..<max(first, min(page.rows.count, first + visible)) where !page.isRead[index]
    {
      page.markRead(index)
      read.note(page.rows[index].characters, of: page.rows[index].whole)
    }
  }

  /// Everything has to be read again.
  mutating func closeReadGate() {
    read = ReadLines()
    page.forget()
  }

  /// A page on; from the end, on to what has not been read.
  mutating func pageDown(_ rows: Int) {
    scroll = first(visible: rows)
    let unread = page.isRead.prefix(page.deciding).firstIndex(of: false)
    if scroll + rows >= rowCount, let unread {
      scroll = unread
    } else {
      scroll += max(1, rows - 1)
    }
  }

  mutating func pageUp(_ rows: Int) { scroll = max(0, first(visible: rows) - max(1, rows - 1)) }
}
