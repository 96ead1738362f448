import Cells
import Console

/// Numbers side by side, as lines.
enum Table {
  /// What each row is about stands last, where a narrow dialog wraps it.
  static func lines(head: [String], rows: [(String, [String])]) -> [Line] {
    func cells(_ texts: [String]) -> String {
      texts.map { String(repeating: " ", count: max(1, 9 - $0.count)) + $0 }.joined()
    }
    return [Line("", SafeText(cells(head)), .hint)]
      + rows.map { Line("", SafeText("\(cells($0.1))  \($0.0)")) }
  }
}
