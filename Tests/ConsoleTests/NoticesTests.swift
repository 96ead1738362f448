import CanonicalJSON
import Cells
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

  @Test func `what a list says stays 5 s beside what is newer, and a flood takes one row`() {
    var model = ConsoleModel(
      session: Session(registry: "test", who: Principal("user:bob")), width: 80, height: 24,
      now: time(0))
    _ = model.start()
    var status = RegistryStatus()
    _ = model.update(.changed(status), at: time(0))
    func shows(_ text: String) -> Bool { Screen.draw(model).lines.contains { $0.contains(text) } }
    for number in 0..<40 {
      status.pending.append(
        RegistryStatus.Pending(hold: "h\(number)", risk: .low, words: "flood \(number) of holds"))
      _ = model.update(.changed(status), at: time(1).advanced(byMilliseconds: Int64(number) * 100))
      #expect(shows("flood 0 of holds"))
    }
    // An answer to a key does not wait, and no key takes the other away.
    _ = model.update(.key(.character("a")), at: time(5))
    #expect(shows("no hold is selected") && shows("flood 0 of holds"))
    _ = model.update(.key(.character("j")), at: time(9))
    #expect(shows("no hold is selected") && !shows("flood 0 of holds"))
    _ = model.update(.key(.character("j")), at: time(11))
    #expect(!shows("no hold is selected"))
  }
}
