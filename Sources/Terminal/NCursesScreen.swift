import CNCurses
package import Cells
package import Console
import Glibc

/// Puts buffers on the terminal; the only caller of curses.
@MainActor
package final class NCursesScreen {
  private let theme: Theme
  private let tier: ColorTier
  private var shown: Buffer?
  private var pairs: [Int: Int32] = [:]

  /// Opens the terminal; nil if it cannot be driven.
  package init?(theme: Theme, noColor: Bool) {
    guard cs_open() == 1 else { return nil }
    self.theme = theme
    let colors = Int(cs_color_count())
    tier = noColor || colors < 8 ? .mono : colors >= 256 ? .colors256 : .colors16
  }

  /// The terminal's size in columns and rows.
  package static func size() -> (width: Int, height: Int)? {
    var lines: Int32 = 0
    var columns: Int32 = 0
    guard cs_size(&lines, &columns) == 1 else { return nil }
    return (Int(columns), Int(lines))
  }

  package func resize(width: Int, height: Int) {
    cs_resize(Int32(height), Int32(width))
    shown = nil
  }

  package func repaint() {
    shown = nil
    cs_repaint()
  }

  /// Draws what differs from what is shown.
  package func show(_ buffer: Buffer) {
    for run in buffer.changes(from: shown) {
      var x = run.x
      for cell in run.cells {
        defer { x += 1 }
        guard !cell.text.isEmpty else { continue }
        let style = theme.style(cell.role, tier: tier)
        cs_put(
          Int32(run.y), Int32(x), cell.text, style.isBold ? 1 : 0,
          style.isReversed != cell.isReversed ? 1 : 0, style.isUnderlined ? 1 : 0,
          style.isDim ? 1 : 0, pair(style.color))
      }
    }
    shown = buffer
    cs_show(Int32(buffer.cursor?.y ?? -1), Int32(buffer.cursor?.x ?? 0))
  }

  private func pair(_ color: Int?) -> Int32 {
    guard let color, tier != .mono else { return 0 }
    if let known = pairs[color] { return known }
    let next = Int32(pairs.count + 1)
    guard next < 64 else { return 0 }
    cs_pair(next, Int32(color))
    pairs[color] = next
    return next
  }

  package func close() {
    cs_close()
  }

  /// Gives the terminal back, stops this process, and takes the terminal again when it goes on.
  package func suspend() {
    cs_close()
    raise(SIGSTOP)
    cs_reopen()
    shown = nil
  }
}
