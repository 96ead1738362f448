import CNCurses
package import Cells
package import Console
import Glibc

/// How a terminal is to be driven.
package struct TerminalOptions: Sendable {
  package var noColor = false
  package var isMouseOn = false
  /// After how many milliseconds a lone ESC is the Escape key.
  package var escapeMilliseconds: Int64?
  /// Where what would be written to standard error goes meanwhile.
  package var errorsPath: String?

  package init() {}
}

/// Puts buffers on the terminal; the only caller of curses.
@MainActor
package final class NCursesScreen {
  private var theme: Theme
  private let tier: ColorTier
  private var shown: Buffer?
  private var pairs: [Int: Int32] = [:]
  private var styles: [Role: (style: Style, pair: Int32)] = [:]

  /// Pairs that every terminal of colours has.
  private static let pairLimit = 64

  /// Opens the terminal; nil if it cannot be driven.
  package init?(theme: Theme, options: TerminalOptions) {
    let wantsDirect =
      !options.noColor && ["truecolor", "24bit"].contains(NCursesScreen.environment("COLORTERM"))
    // `xterm-256color` is described in 16 million colours as `xterm-direct`.
    let terminal = NCursesScreen.environment("TERM").split(separator: "-256color")[...].first ?? ""
    let direct = wantsDirect ? terminal + "-direct" : nil
    let isOpen = direct.map { name in name.withCString { cs_open($0) } } ?? cs_open(nil)
    guard isOpen == 1 else { return nil }
    self.theme = theme
    let colors = Int(cs_color_count())
    tier =
      options.noColor || colors < 8
      ? .mono : colors > 256 ? .truecolor : colors >= 256 ? .colors256 : .colors16
    if options.isMouseOn { cs_mouse(1) }
  }

  private static func environment(_ name: String) -> String {
    getenv(name).map { String(cString: $0) } ?? ""
  }

  /// The terminal's size in columns and rows.
  package static func size() -> (width: Int, height: Int)? {
    var lines: Int32 = 0
    var columns: Int32 = 0
    guard cs_size(&lines, &columns) == 1 else { return nil }
    return (Int(columns), Int(lines))
  }

  package func use(_ theme: Theme) {
    self.theme = theme
    styles = [:]
    shown = nil
  }

  package func resize(width: Int, height: Int) {
    cs_resize(Int32(height), Int32(width))
    shown = nil
  }

  package func repaint() {
    shown = nil
    cs_repaint()
  }

  package func mouse(_ isOn: Bool) { cs_mouse(isOn ? 1 : 0) }

  /// Draws what differs from what is shown.
  package func show(_ buffer: Buffer) {
    let runs = buffer.changes(from: shown)
    let isMoved = shown.map { $0.cursor?.x != buffer.cursor?.x || $0.cursor?.y != buffer.cursor?.y }
    guard !runs.isEmpty || isMoved != false else { return }
    for run in runs {
      var x = run.x
      for cell in run.cells {
        defer { x += 1 }
        guard !cell.text.isEmpty else { continue }
        let (style, pair) = look(cell.role)
        cs_put(
          Int32(run.y), Int32(x), cell.text, style.isBold ? 1 : 0,
          style.isReversed != cell.isReversed ? 1 : 0, style.isUnderlined ? 1 : 0,
          style.isDim ? 1 : 0, pair)
      }
    }
    shown = buffer
    cs_show(Int32(buffer.cursor?.y ?? -1), Int32(buffer.cursor?.x ?? 0))
  }

  private func look(_ role: Role) -> (style: Style, pair: Int32) {
    if let known = styles[role] { return known }
    let style = theme.style(role, tier: tier)
    let look = (style: style, pair: pair(style.color))
    styles[role] = look
    return look
  }

  private func pair(_ color: Style.Color?) -> Int32 {
    guard let color, tier != .mono else { return 0 }
    let number: Int =
      switch color {
      case .indexed(let index): tier == .truecolor ? Int(Palette.rgb(index)) : index
      case .rgb(let rgb): Int(rgb)
      }
    if let known = pairs[number] { return known }
    let next = Int32(pairs.count + 1)
    guard next < NCursesScreen.pairLimit else { return 0 }
    cs_pair(next, Int32(number))
    pairs[number] = next
    return next
  }

  package func close() {
    cs_close()
  }

  /// Gives the terminal back, stops this process, and takes the terminal again when it goes on.
  package func suspend() {
    cs_close()
    raise(SIGSTOP)
    reopen()
  }

  /// Takes the terminal again after another program had it.
  package func reopen() {
    cs_reopen()
    shown = nil
  }
}
