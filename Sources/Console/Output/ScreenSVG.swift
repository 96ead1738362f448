package import Cells

/// A screen as a picture, in a theme's colours.
package enum ScreenSVG {
  private static let cellWidth = 8.4
  private static let cellHeight = 17.0

  /// Draws a buffer as SVG 1.1.
  ///
  /// `isLight`: On white instead of black.
  package static func draw(_ buffer: Buffer, theme: Theme, isLight: Bool) -> String {
    let paper = isLight ? "#FFFFFF" : "#1E1E1E"
    let ink = isLight ? "#1E1E1E" : "#D4D4D4"
    let width = Double(buffer.width) * cellWidth + 16
    let height = Double(buffer.height) * cellHeight + 16
    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(number(width))" height="\(number(height))" \
      font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">
      <rect width="100%" height="100%" rx="6" fill="\(paper)"/>

      """
    for y in 0..<buffer.height {
      for run in runs(buffer, y) {
        let style = theme.style(run.role, tier: .truecolor)
        var (fore, back) = (hex(style.color) ?? ink, paper)
        if style.isReversed != run.isReversed { (fore, back) = (back, fore) }
        let x = 8 + Double(run.x) * cellWidth
        let top = 8 + Double(y) * cellHeight
        if back != paper {
          svg += """
            <rect x="\(number(x))" y="\(number(top))" width="\(number(Double(run.columns) * cellWidth))" \
            height="\(number(cellHeight))" fill="\(back)"/>

            """
        }
        guard run.text.contains(where: { $0 != " " }) else { continue }
        var attributes = "fill=\"\(fore)\""
        if style.isBold { attributes += " font-weight=\"bold\"" }
        if style.isUnderlined { attributes += " text-decoration=\"underline\"" }
        if style.isDim { attributes += " opacity=\"0.7\"" }
        svg += """
          <text x="\(number(x))" y="\(number(top + 13))" xml:space="preserve" \
          textLength="\(number(Double(run.columns) * cellWidth))" \(attributes)>\(escaped(run.text))</text>

          """
      }
    }
    return svg + "</svg>\n"
  }

  private struct Run {
    let x: Int
    var columns: Int
    let role: Role
    let isReversed: Bool
    var text: String
  }

  /// Neighbours that look the same, together.
  private static func runs(_ buffer: Buffer, _ y: Int) -> [Run] {
    var runs: [Run] = []
    for x in 0..<buffer.width {
      let cell = buffer[x, y]
      if let last = runs.last, last.role == cell.role, last.isReversed == cell.isReversed {
        runs[runs.count - 1].text += cell.text
        runs[runs.count - 1].columns += 1
      } else {
        runs.append(
          Run(x: x, columns: 1, role: cell.role, isReversed: cell.isReversed, text: cell.text))
      }
    }
    return runs
  }

  private static func hex(_ color: Style.Color?) -> String? {
    let rgb: UInt32
    switch color {
    case nil: return nil
    case .indexed(let index)?: rgb = Palette.rgb(index)
    case .rgb(let value)?: rgb = value
    }
    let digits = String(rgb, radix: 16, uppercase: true)
    return "#" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  private static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      default: result.append(character)
      }
    }
  }
}
