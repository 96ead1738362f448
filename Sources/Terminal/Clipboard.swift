import CNCurses
import Cells
import Glibc

/// Where copied text goes: tmux's buffer, or the terminal by OSC 52.
enum Clipboard {
  /// What terminals take of OSC 52 at most, in bytes of base64.
  private static let limit = 74_994

  /// Copies sanitised text; says where it went.
  static func copy(_ text: String) -> String {
    let safe = SafeText(text).text
    if getenv("TMUX") != nil, isInTmux(safe) { return "copied to tmux: \(safe.prefix(80))" }
    let encoded = base64(Array(safe.utf8))
    guard encoded.utf8.count <= limit else { return "too long to copy: \(safe.utf8.count) bytes" }
    let sequence = "\u{1B}]52;c;\(encoded)\u{7}"
    sequence.withCString { cs_send($0, sequence.utf8.count) }
    return "copied, if your terminal allows it: \(safe.prefix(80))"
  }

  private static func isInTmux(_ text: String) -> Bool {
    guard let pipe = popen("tmux load-buffer -w - 2>/dev/null", "w") else { return false }
    text.withCString { _ = fputs($0, pipe) }
    return pclose(pipe) == 0
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let value = group.reduce(0) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
      for place in 0..<4 {
        text.append(
          place <= group.count ? digits[Int(value >> (18 - 6 * UInt32(place)) & 63)] : "=")
      }
    }
    return text
  }
}
