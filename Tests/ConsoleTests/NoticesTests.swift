import Console
import Statements
import Testing

/// What a dialog says stands there long enough to be read.
@Suite struct NoticesTests {
  private func time(_ seconds: Int64) -> Timestamp {
    Timestamp(milliseconds: 1_000_000).advanced(bySeconds: seconds)
  }

  @Test func `a newer notice waits until the older was on the screen for 5 s`() {
    var notices = Notices()
    notices.say("one", at: time(0))
    notices.settle(rows: 1, at: time(0))
    notices.say("two", at: time(1))
    notices.say("three", at: time(1))
    for second in 1..<5 as Range<Int64> {
      notices.settle(rows: 1, at: time(second), isPressed: true)
      #expect(notices.texts == ["one"])
    }
    notices.settle(rows: 1, at: time(5))
    #expect(notices.texts == ["two"])
    notices.settle(rows: 1, at: time(9), isPressed: true)
    #expect(notices.texts == ["two"])
    notices.settle(rows: 1, at: time(10))
    #expect(notices.texts == ["three"])
    // The last one stays until a key, and not less than 5 s.
    notices.settle(rows: 1, at: time(60))
    #expect(notices.texts == ["three"])
    notices.settle(rows: 1, at: time(60), isPressed: true)
    #expect(notices.texts == [])
  }

  @Test func `where there is room both are shown, and the same is said once`() {
    var notices = Notices()
    for text in ["one", "two", "one", "three", "three"] { notices.say(text, at: time(0)) }
    notices.settle(rows: 2, at: time(0))
    #expect(notices.texts == ["one", "two"] && notices.newest == "three")
    notices.settle(rows: 1, at: time(4))
    #expect(notices.texts == ["one", "two"], "less room takes none of them away")
    notices.settle(rows: 2, at: time(5))
    #expect(notices.texts == ["two", "three"])
  }

  @Test func `a flood keeps the newest and little memory`() {
    var notices = Notices()
    for number in 0..<1000 {
      notices.say("\(number)", at: time(0))
      notices.settle(rows: 2, at: time(0))
    }
    #expect(notices.texts == ["0", "1"])
    var seen: [String] = []
    for second in 1..<60 as Range<Int64> {
      notices.settle(rows: 2, at: time(second))
      seen += notices.texts
    }
    #expect(seen.contains("999") && Set(seen).count < 20)
  }
}
