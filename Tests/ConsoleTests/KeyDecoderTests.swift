import Console
import Testing

@Suite struct KeyDecoderTests {
  private func keys(_ text: String) -> [KeyPress] {
    var decoder = KeyDecoder()
    return decoder.feed(Array(text.utf8))
  }

  @Test(arguments: [
    ("j", [KeyPress.character("j")]), ("\r", [.enter]), ("\t", [.tab]), ("\u{1B}[Z", [.backTab]),
    ("\u{7F}", [.backspace]), ("\u{1B}[A", [.up]), ("\u{1B}OB", [.down]), ("\u{1B}[5~", [.pageUp]),
    ("\u{1B}[6~", [.pageDown]), ("\u{1B}[1~", [.home]), ("\u{1B}[F", [.end]),
    ("\u{4}", [.control("d")]), ("\u{E9}", [.character("\u{E9}")]),
    ("\u{1B}[200~a\rb\u{1B}[201~", [.paste("a\rb")]),
    ("\u{1B}[1;5A", []), ("\u{1B}[?2026;2$y", []),
    ("\u{1B}[<0;10;12M", [.click(x: 9, y: 11)]), ("\u{1B}[<0;10;10m", []),
    ("\u{1B}[<64;1;1M", [.wheel(-3)]), ("\u{1B}[<2;1;1M", []), ("\u{1B}[M axr", [.character("r")]),
    ("\u{1B}[[A", [.function(1)]), ("\u{1B}[[Zx", [.character("x")]), ("\u{1B}OQ", [.function(2)]),
    ("\u{1B}]0;title\u{7}", []), ("\u{1B}P1$r\u{1B}\\", []), ("\u{1B}x", []),
  ])
  func `bytes become the keys a person pressed, and nothing else`(text: String, want: [KeyPress]) {
    #expect(keys(text) == want)
  }

  @Test func `a sequence torn at any byte is the same key, never letters`() {
    for sequence in ["\u{1B}[A", "\u{1B}[6~", "\u{1B}[200~x\u{1B}[201~", "\u{1B}[?62;4c"] {
      let bytes = Array(sequence.utf8)
      let whole = keys(sequence)
      for cut in 1..<bytes.count {
        var decoder = KeyDecoder()
        let got = decoder.feed(Array(bytes[..<cut])) + decoder.feed(Array(bytes[cut...]))
        #expect(got == whole, "\(sequence.debugDescription) cut at \(cut)")
      }
    }
  }

  @Test func `a lone ESC settles as Escape, and its late tail is dropped`() {
    var decoder = KeyDecoder()
    #expect(decoder.feed([0x1B]) == [])
    #expect(decoder.settle() == [.escape])
    #expect(decoder.feed(Array("[A".utf8), at: 100) == [])
    #expect(decoder.feed(Array("j".utf8), at: 120) == [.character("j")])
    // Long after Escape a bracket is a key again.
    #expect(decoder.feed([0x1B], at: 1000) == [])
    #expect(decoder.settle(at: 1025) == [.escape])
    #expect(decoder.feed(Array("[".utf8), at: 3000) == [.character("[")])
  }

  @Test func `a torn reply waits for its rest, and is dropped whole when none comes`() {
    var decoder = KeyDecoder()
    #expect(decoder.feed(Array("\u{1B}]11;rgb:00".utf8), at: 0) == [])
    #expect(decoder.patience(escape: 25) == 500)
    #expect(decoder.feed(Array("00/0000/0000\u{7}a".utf8), at: 300) == [.character("a")])
    #expect(decoder.feed(Array("\u{1B}[5".utf8), at: 400) == [])
    #expect(decoder.settle(at: 900) == [])
    #expect(decoder.patience(escape: 25) == nil)
  }

  @Test func `noise never becomes a paste or a key that nobody pressed twice`() {
    var random = SystemRandomNumberGenerator()
    var decoder = KeyDecoder()
    for round in 0..<2000 {
      let bytes = (0..<Int(random.next() % 24)).map { _ in UInt8(truncatingIfNeeded: random.next())
      }
      let keys = decoder.feed(bytes, at: Int64(round) * 10)
      #expect(keys.count <= bytes.count + 1)
      if random.next() % 4 == 0 { _ = decoder.settle(at: Int64(round) * 10) }
      if random.next() % 16 == 0 { decoder.flush() }
    }
  }
}
