import CanonicalJSON
import Console
import Documents
import TestSupport
import Testing

/// Terminal bytes and YAML documents as an attacker makes them: a trap ends the test process.
@Suite struct MalformedConsoleInputTests {
  @Test func `no terminal bytes end the console`() {
    var random = SeededRandom.announced("terminal bytes")
    var decoder = KeyDecoder()
    // A mouse report with the least of all numbers.
    for report in [
      "\u{1B}[<0;-9223372036854775808;1M", "\u{1B}[<0;1;-9223372036854775808M",
      "\u{1B}[<0;99999999999999999999;1M", "\u{1B}[<64;;M", "\u{1B}[[\u{7F}",
      "\u{1B}[M\u{1}\u{2}\u{3}",
    ] { _ = decoder.feed(Array(report.utf8)) }
    let parts = [
      "\u{1B}[", "\u{1B}[<", "\u{1B}]", "\u{1B}O", "\u{1B}[200~", ";", "0", "-", "M", "9",
    ]
    for _ in 0..<3000 {
      var bytes: [UInt8] = []
      for _ in 0..<random.below(12) {
        bytes +=
          random.below(3) == 0
          ? [UInt8(random.below(256))] : Array(parts[random.below(parts.count)].utf8)
      }
      _ = decoder.feed(bytes)
    }
  }

  @Test func `no YAML document ends its reader or grows without bound`() {
    var random = SeededRandom.announced("yaml")
    let bomb =
      "a: &a [x, x, x, x, x, x, x, x, x]\n"
      + (1...8).map { level in
        let name = { String(UnicodeScalar(UInt8(97 + $0))) }
        let inner = Array(repeating: "*\(name(level - 1))", count: 9).joined(separator: ", ")
        return "\(name(level)): &\(name(level)) [\(inner)]\n"
      }.joined()
    for text in [
      bomb, String(repeating: "[", count: 900) + String(repeating: "]", count: 900),
      String(repeating: "[", count: 100_000), String(repeating: "- ", count: 900) + "x",
      String(repeating: "- ", count: 100_000), String(repeating: "x", count: 2 << 20),
    ] {
      #expect {
        try YAMLDocument.parse(text, file: "a.yaml")
      } throws: { error in
        (error as? YAMLDocument.Fault)?.code == "yaml_malformed"
      }
    }
    let good = Array(
      "keys:\n  a: [1, -9223372036854775808, 1e999]\n  b: &x {c: 'd'}\n  e: *x\n".utf8)
    for _ in 0..<500 {
      var bytes = good
      for _ in 0...random.below(4) { bytes[random.below(bytes.count)] = UInt8(random.below(128)) }
      _ = try? YAMLDocument.parse(String(decoding: bytes, as: UTF8.self), file: "a.yaml")
    }
  }
}
