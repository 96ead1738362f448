package import Cells

/// How the screen is divided, from its size alone.
package struct Layout: Sendable, Hashable {
  /// Below this one screen says the size needed.
  package static let leastWidth = 60
  package static let leastHeight = 18

  package let isTooSmall: Bool
  /// Column titles and rows.
  package let table: Rect
  package let preview: Rect?
  package let chain: Rect?
  /// Between a list and a dialog or document.
  package let page: Rect

  package init(width: Int, height: Int, view: View) {
    isTooSmall = width < Layout.leastWidth || height < Layout.leastHeight
    page = Rect(x: 0, y: 2, width: width, height: max(0, height - 4))
    let body = Rect(x: 0, y: 3, width: width, height: max(1, height - 5))
    if width >= 200 {
      let left = width * 54 / 100
      let middle = width * 27 / 100
      table = Rect(x: 0, y: body.y, width: left, height: body.height)
      preview = Rect(x: left, y: body.y, width: middle, height: body.height)
      chain = Rect(
        x: left + middle, y: body.y, width: width - left - middle, height: body.height)
    } else if width >= 140 {
      let left = width * 60 / 100
      table = Rect(x: 0, y: body.y, width: left, height: body.height)
      preview = Rect(x: left, y: body.y, width: width - left, height: body.height)
      chain = nil
    } else if width >= 80, height >= 24, Layout.previewed.contains(view) {
      let rows = min(12, height / 3)
      table = Rect(x: 0, y: body.y, width: width, height: body.height - rows)
      preview = Rect(x: 0, y: body.y + body.height - rows, width: width, height: rows)
      chain = nil
    } else {
      table = body
      preview = nil
      chain = nil
    }
  }

  /// Lists that show what is selected below them where there is no room beside them.
  private static let previewed: Set<View> = [
    .approvals, .tree, .proposals, .policies, .operators,
  ]

  package var isBeside: Bool { preview.map { $0.x > 0 } ?? false }
  /// Rows of a list, below its column titles.
  package var rows: Int { max(1, table.height - 1) }
}

extension Rect {
  var right: Int { x + width }
  var bottom: Int { y + height }
}
