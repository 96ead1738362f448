import Cells

/// The text of a dialog, laid out at one width.
struct ConsentPage: Sendable {
  struct Row: Sendable {
    /// As it is drawn: the label only on a line's first row.
    let line: Line
    /// The line it belongs to, and which of its characters stand in this row.
    let whole: Line
    let characters: Range<Int>
    /// Whether it must have been on the screen: ids and hashes need not, see ``HoldReview/hashLines``.
    let isGated: Bool
  }

  private(set) var width = 0
  private(set) var rows: [Row] = []
  var isRead: [Bool] = []
  /// Rows that must be read and have not been on the screen.
  private(set) var unread = Int.max
  private var lines: [Line] = []
  private var isASCII = false

  func isOf(_ lines: [Line], _ width: Int, _ isASCII: Bool) -> Bool {
    self.width == width && self.isASCII == isASCII && self.lines == lines
  }

  init() {}

  /// `gated`: How many of the lines must be read, from the first on.
  init(_ lines: [Line], gated: Int, width: Int, isASCII: Bool, read: ReadLines) {
    self.lines = lines
    self.width = width
    self.isASCII = isASCII
    for (number, line) in lines.enumerated() {
      let text = isASCII ? line.text.escapedToASCII : line.text
      let whole = Line(line.label, text, line.role, target: line.target)
      var start = 0
      for (index, part) in text.wrapped(to: width).enumerated() {
        let end = start + part.glyphs.count
        rows.append(
          Row(
            line: Line(index == 0 ? line.label : "", part, line.role, target: line.target),
            whole: whole, characters: start..<end, isGated: number < gated))
        start = end
      }
    }
    isRead = rows.map { read.covers($0.characters, of: $0.whole) }
    unread = zip(rows, isRead).count { $0.isGated && !$1 }
  }

  mutating func markRead(_ index: Int) {
    guard !isRead[index] else { return }
    isRead[index] = true
    if rows[index].isGated { unread -= 1 }
  }

  /// Nothing counts as read any more.
  mutating func forget() {
    isRead = isRead.map { _ in false }
    unread = rows.isEmpty ? Int.max : rows.count(where: \.isGated)
  }

  /// The first row that must be read and has not been.
  var firstUnread: Int? { rows.indices.first { rows[$0].isGated && !isRead[$0] } }
}

extension ConsentModel {
  package var rowCount: Int { page.width == 0 ? Int.max : page.rows.count }
  /// Rows that must be read and have not been on the screen; all, before anything was.
  package var unread: Int { page.unread }
  /// Rows that have been on the screen.
  package var rowsSeen: Int { page.width == 0 ? 0 : page.rows.count - page.unread }

  /// The lines that decide, then ids and hashes: whole, or one line that stands for them.
  var shownLines: [Line] {
    consent.lines + (showsHashes ? consent.hashes : [consent.foldedHashes].compactMap { $0 })
  }

  private func page(_ width: Int) -> ConsentPage {
    ConsentPage(
      shownLines, gated: consent.lines.count, width: width, isASCII: isASCII, read: read)
  }

  /// The lines that bind, wrapped so that nothing is cut.
  package func rows(width: Int) -> [Line] {
    if page.isOf(shownLines, width, isASCII) { return page.rows.map(\.line) }
    return page(width).rows.map(\.line)
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
      page = page(width)
      read.keep(shownLines)
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
    if scroll + rows >= rowCount, let unread = page.firstUnread {
      scroll = unread
    } else {
      scroll += max(1, rows - 1)
    }
  }

  mutating func pageUp(_ rows: Int) { scroll = max(0, first(visible: rows) - max(1, rows - 1)) }
}
