import CanonicalJSON
import Cells
import Foundation
import Glibc

/// Everything the commands print; text from outside passes the sanitiser.
enum Output {
  static func line(_ text: String = "") {
    print(SafeText(text).text)
  }

  static func json(_ value: JSONValue) {
    FileHandle.standardOutput.write(Data(value.exactBytes + [0x0A]))
  }

  static func note(_ text: String) {
    // What was printed before must be seen before.
    fflush(nil)
    FileHandle.standardError.write(Data((SafeText(text).text + "\n").utf8))
  }

  /// Rows under a header, each column as wide as its widest cell.
  static func table(_ header: [String], _ rows: [[String]]) {
    let cells = ([header] + rows).map { $0.map { SafeText($0) } }
    let widths = header.indices.map { column in cells.map { $0[column].width }.max() ?? 0 }
    for row in cells {
      var text = ""
      for (column, cell) in row.enumerated() {
        text += cell.text
        if column < row.count - 1 {
          text += String(repeating: " ", count: widths[column] - cell.width + 2)
        }
      }
      print(text)
    }
  }

  /// How wide what is printed may be, where it is read on a screen: the terminal's width, or what
  /// `COLUMNS` says; nil for a file or pipe.
  static var columns: Int? {
    var size = winsize()
    if isatty(1) == 1, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      return Int(size.ws_col)
    }
    return ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) }
  }

  /// Whether rows under a header fit the screen they are read on, if it is one.
  static func fits(_ header: [String], _ rows: [[String]]) -> Bool {
    guard let columns else { return true }
    let widths = header.indices.map { column in
      ([header] + rows).map { SafeText($0[column]).width }.max() ?? 0
    }
    return widths.reduce(2 * (header.count - 1), +) <= columns
  }

  /// Reads a line from the terminal; nil without one.
  static func ask(_ question: String) -> String? {
    guard isatty(0) == 1 else { return nil }
    FileHandle.standardError.write(Data(question.utf8))
    return readLine()
  }
}
