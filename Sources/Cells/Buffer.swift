/// One place on the screen.
package struct Cell: Sendable, Hashable {
  /// What is drawn; empty in the second column of a wide character.
  package var text: String
  package var role: Role
  /// Drawn reversed, whatever the role: the cursor's row.
  package var isReversed: Bool

  package static let blank = Cell(text: " ", role: .text, isReversed: false)
}

/// A rectangle of the screen.
package struct Rect: Sendable, Hashable {
  package var x: Int
  package var y: Int
  package var width: Int
  package var height: Int

  package init(x: Int, y: Int, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = max(0, width)
    self.height = max(0, height)
  }
}

/// A picture of the screen; drawing outside it does nothing.
package struct Buffer: Sendable, Hashable {
  package let width: Int
  package let height: Int
  private var cells: [Cell]
  /// Where the hardware cursor stands, for readers and magnifiers.
  package var cursor: (x: Int, y: Int)? {
    get { cursorX.flatMap { x in cursorY.map { (x, $0) } } }
    set {
      cursorX = newValue?.x
      cursorY = newValue?.y
    }
  }
  private var cursorX: Int?
  private var cursorY: Int?

  package init(width: Int, height: Int) {
    self.width = max(0, min(width, 500))
    self.height = max(0, min(height, 200))
    cells = Array(repeating: .blank, count: self.width * self.height)
  }

  package subscript(x: Int, y: Int) -> Cell {
    get {
      guard x >= 0, y >= 0, x < width, y < height else { return .blank }
      return cells[y * width + x]
    }
    set {
      guard x >= 0, y >= 0, x < width, y < height else { return }
      cells[y * width + x] = newValue
    }
  }

  /// Draws text from a column on, cut at a limit of columns.
  ///
  /// - Returns: The column after it.
  @discardableResult
  package mutating func put(
    _ text: SafeText, x: Int, y: Int, role: Role = .text, columns: Int? = nil
  ) -> Int {
    let limit = max(0, min(columns ?? width - x, width - x))
    var column = x
    for glyph in text.fitted(to: limit).glyphs {
      guard column + glyph.width <= x + limit else { break }
      let shown = glyph.isEscape ? Role.untrusted : role
      self[column, y] = Cell(text: glyph.text, role: shown, isReversed: self[column, y].isReversed)
      if glyph.width == 2 {
        self[column + 1, y] = Cell(
          text: "", role: shown, isReversed: self[column + 1, y].isReversed)
      }
      column += glyph.width
    }
    return column
  }

  /// Fills a row's columns with one character.
  package mutating func fill(
    row y: Int, from x: Int = 0, to end: Int? = nil, with text: String = " ", role: Role = .text
  ) {
    for column in x..<max(x, min(end ?? width, width)) {
      self[column, y] = Cell(text: text, role: role, isReversed: false)
    }
  }

  package mutating func reverse(row y: Int, from x: Int = 0, to end: Int? = nil) {
    for column in x..<max(x, min(end ?? width, width)) { self[column, y].isReversed = true }
  }

  /// The screen as lines of text.
  package var lines: [String] {
    (0..<height).map { y in (0..<width).map { self[$0, y].text }.joined() }
  }

  /// Runs of cells that differ from another picture of the same size, row by row.
  package func changes(from previous: Buffer?) -> [(x: Int, y: Int, cells: [Cell])] {
    var runs: [(x: Int, y: Int, cells: [Cell])] = []
    for y in 0..<height {
      var x = 0
      while x < width {
        guard isChanged(x, y, from: previous) else {
          x += 1
          continue
        }
        var start = x
        if self[start, y].text.isEmpty, start > 0 { start -= 1 }
        while x < width, isChanged(x, y, from: previous) || self[x, y].text.isEmpty { x += 1 }
        runs.append((start, y, (start..<x).map { self[$0, y] }))
      }
    }
    return runs
  }

  private func isChanged(_ x: Int, _ y: Int, from previous: Buffer?) -> Bool {
    guard let previous, previous.width == width, previous.height == height else { return true }
    return previous[x, y] != self[x, y]
  }

  package static func == (left: Buffer, right: Buffer) -> Bool {
    left.width == right.width && left.height == right.height && left.cells == right.cells
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(cells)
  }
}
