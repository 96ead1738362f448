import CanonicalJSON
import Cells
import Foundation
import Keys
import TestSupport
import Testing

@Suite struct SafeTextTests {
  @Test(.enabled(if: SharedSuites.has("hostile"), "the suite is not there"))
  func `no hostile string reaches the screen as it came`() throws {
    let folder = SharedSuites.folder("hostile")
    var count = 0
    let lines = try SharedSuites.bytes(folder.appendingPathComponent("strings.jsonl"))
    for line in lines.split(separator: 0x0A) {
      let probe = try JSONParser.parse(Array(line))
      let bytes = try #require(Base64.bytes(of: probe["b64"]?.string?.bytes ?? []))
      let safe = SafeText(String(decoding: bytes, as: UTF8.self))
      for scalar in safe.text.unicodeScalars {
        let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
        let isHidden = scalar.properties.isDefaultIgnorableCodePoint
        let isBidi = scalar.properties.generalCategory == .format
        #expect(!isControl && !isHidden && !isBidi, "U+\(String(scalar.value, radix: 16))")
      }
      var buffer = Buffer(width: 20, height: 1)
      buffer.put(safe, x: 0, y: 0)
      #expect(buffer.lines[0].unicodeScalars.count >= 1)
      count += 1
    }
    SharedSuites.ran("hostile", count)
  }

  @Test(arguments: [
    ("a\u{202E}b", "a<U+202E>b", 1), ("a\u{1B}[2J", "a<U+001B>[2J", 1),
    ("a\tb\n", "a\u{2192}b\u{21B5}", 0),
    ("\u{200B}", "<U+200B>", 1), ("e\u{301}", "e\u{301}", 0), ("\u{E000}", "<U+E000>", 1),
    ("\u{FE0F}", "<U+FE0F>", 1), ("\u{A0}", "<U+00A0>", 1),
  ])
  func `hidden characters are shown and counted`(raw: String, shown: String, hidden: Int) {
    #expect(SafeText(raw).text == shown)
    #expect(SafeText(raw).hidden == hidden)
  }

  @Test func `wide characters take two columns and are never cut in half`() {
    let text = SafeText("\u{4F5C}\u{8005}x")
    #expect(text.width == 5)
    #expect(text.fitted(to: 4).text == "\u{4F5C}\u{2026}")
    #expect(text.wrapped(to: 3).map(\.text) == ["\u{4F5C}", "\u{8005}x"])
  }
}

@Suite struct WidthTests {
  /// Unicode Standard Annex 11: Wide and Fullwidth take two columns, all else one.
  @Test(.enabled(if: SharedSuites.has("unicode"), "the suite is not there"))
  func `every character that is shown is as wide as Unicode says`() throws {
    let folder = SharedSuites.folder("unicode")
    let text = String(
      decoding: try SharedSuites.bytes(folder.appendingPathComponent("EastAsianWidth.txt")),
      as: UTF8.self)
    var count = 0
    for line in text.split(separator: "\n") where line.first != "#" {
      let fields = line.prefix { $0 != "#" }.split(separator: ";").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard fields.count == 2 else { continue }
      let ends = fields[0].components(separatedBy: "..").compactMap { UInt32($0, radix: 16) }
      let want = fields[1] == "W" || fields[1] == "F" ? 2 : 1
      for value in ends[0]...(ends.last ?? ends[0]) {
        guard let scalar = Unicode.Scalar(value) else { continue }
        let shown = SafeText(String(Character(scalar)))
        guard shown.hidden == 0, shown.glyphs.count == 1, !shown.glyphs[0].isEscape else {
          continue
        }
        #expect(shown.width == want, "U+\(fields[0])")
        count += 1
      }
    }
    SharedSuites.ran("unicode", count)
  }
}
