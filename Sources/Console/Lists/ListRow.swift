package import Cells
package import Keys
package import Statements

/// What stands in one cell of a list.
package enum CellValue: Sendable, Hashable {
  case text(SafeText, Role)
  /// A time of day.
  case clock(Timestamp?)
  case minute(Timestamp?)
  /// How long ago: `40s`, `3h`.
  case ago(Timestamp?)
  /// How long until then: `04:51`, `29d`.
  case until(Timestamp?)

  package static func text(_ text: SafeText) -> CellValue { .text(text, .text) }
}

/// A value by which a list is ordered.
package enum PlacePart: Sendable, Hashable {
  case integer(Int64)
  case text(String)
  case blob([UInt8])
}

/// One row of a list.
package struct ListRow: Sendable, Hashable {
  package let target: Target
  /// Where it stands in the list's order.
  package let place: [PlacePart]
  /// With repeats collapsed into this row, where the first of them stands.
  package var firstPlace: [PlacePart]
  /// One for each column of the view.
  package var cells: [CellValue]
  /// What it hangs together with.
  package let related: [Target]
  /// Shown dimmed: ended, revoked, lifted.
  package internal(set) var isEnded: Bool
  /// It has left the list while the cursor stood on it: it stays until the cursor moves.
  package internal(set) var isGone = false
  /// How many holds it stands for.
  package var count = 1
  /// The hold it is, or the first of those it stands for.
  package var hold: Digest?
  /// Whether its agent floods the queue.
  package var isFlood = false
  /// When it came, for `since:`.
  package var at: Timestamp?
  /// Who did it, for `by:`.
  package var by = ""
  /// Whether it waits for the person who looks, as far as rows tell.
  package var needsViewer = false
  /// Below which line it is unfolded; 0 for a line of its own.
  package var depth = 0
  /// Whether rows can be unfolded below it, and whether they are.
  package var branch = Branch.leaf

  package enum Branch: Sendable, Hashable {
    case leaf
    case open
    case folded
  }

  package init(
    target: Target, place: [PlacePart], cells: [CellValue], related: [Target] = [],
    isEnded: Bool = false
  ) {
    self.target = target
    self.place = place
    firstPlace = place
    self.cells = cells
    self.related = related
    self.isEnded = isEnded
    if case .hold(let hold) = target { self.hold = hold }
  }
}

/// Which rows of which list.
package struct ListRequest: Sendable, Hashable {
  package enum Anchor: Sendable, Hashable {
    case first
    case last
    case after([PlacePart])
    case before([PlacePart])
    /// From a place on, itself included.
    case from([PlacePart])
  }

  package let view: View
  /// Answers to an older request are dropped.
  package let serial: Int
  package let anchor: Anchor
  package let limit: Int
  package let order: Order
  package let isReversed: Bool
  package let filter: String
  package let showsEnded: Bool
  package let collapses: Bool
  /// Only what needs the person who looks.
  package var onlyNeeded = false
  /// Groups of holds that are unfolded.
  package var unfolded: Set<Digest> = []
  /// Where the cursor stands: its row stays what it is, a hold or a group, whatever joins or leaves it.
  package var selected: Target?
}

/// Rows of a list, as asked for.
package struct ListPage: Sendable {
  package let request: ListRequest
  package let rows: [ListRow]
  /// Whether more follow in the direction asked.
  package let hasMore: Bool
  /// While a filter is still looking: rows looked through.
  package let searched: Int?
  /// How many match in all, once it is known; none means more than could be counted.
  package let total: Total?
  /// What the row under the cursor says now, if it is in the list no more.
  package var departed: [CellValue]?

  package struct Total: Sendable, Hashable {
    package let count: Int
    /// Whether there are at least so many, not exactly.
    package let isFloor: Bool

    package init(count: Int, isFloor: Bool) {
      self.count = count
      self.isFloor = isFloor
    }
  }

  package init(
    request: ListRequest, rows: [ListRow], hasMore: Bool, searched: Int? = nil,
    total: Total? = nil
  ) {
    self.request = request
    self.rows = rows
    self.hasMore = hasMore
    self.searched = searched
    self.total = total
  }
}
