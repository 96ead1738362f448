import Cells
import Console

/// Numbers side by side, as lines.
enum Table {
  static func lines(head: [String], rows: [(String, [String])]) -> [Line] {
    // As wide as the narrowest dialog.
    let name = 18
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    func cells(_ texts: [String]) -> String {
      texts.map { String(repeating: " ", count: max(1, 9 - $0.count)) + $0 }.joined()
    }
    return [Line("", SafeText(padded("", name) + cells(head)), .hint)]
      + rows.map { Line("", SafeText(padded($0.0, name) + cells($0.1))) }
  }
}
