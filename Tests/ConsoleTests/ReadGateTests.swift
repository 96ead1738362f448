import CanonicalJSON
import Cells
import Console
import Keys
import Statements
import Testing

/// What counts as read, at any width.
@Suite struct ReadGateTests {
  private let now = Timestamp(milliseconds: 1_000_000)

  private func consent(_ lines: [Line]) -> Consent {
    Consent(
      request: .command(["x"]), title: "t", heading: "h", lines: lines, inputs: [],
      buttons: [Consent.Button("run", "Run", needs: [.read])], command: [])
  }

  /// So many characters, none of them a space, none like its neighbours.
  private func text(_ count: Int) -> SafeText {
    SafeText(String((0..<count).map { Character(Unicode.Scalar(UInt8(33 + $0 % 90))) }))
  }

  @Test func `half a line that was read is half a line at another width`() {
    var dialog = ConsentModel(consent([Line("", text(200)), Line("end", "last")]), at: now)
    #expect(dialog.unread == Int.max, "before it was drawn nothing is read")
    dialog.show(rows: 2, width: 50)
    #expect(dialog.rowCount == 5 && dialog.unread == 3)
    // 100 of 200 characters: at 80 columns the row with the 81st to the 160th was not seen whole.
    dialog.show(rows: 0, width: 80)
    #expect(dialog.rowCount == 4 && dialog.unread == 3)
    dialog.show(rows: 0, width: 100)
    #expect(dialog.rowCount == 3 && dialog.unread == 2)
    dialog.show(rows: 0, width: 50)
    #expect(dialog.unread == 3)
    dialog.show(rows: 9, width: 20)
    dialog.show(rows: 0, width: 50)
    #expect(dialog.unread == 2, "180 of 200 characters, without the line after them")
    dialog.show(rows: 20, width: 20)
    for width in [10, 80, 50, 200, 3] {
      dialog.show(rows: 0, width: width)
      #expect(dialog.unread == 0, "\(width)")
    }
  }

  @Test func `a line that says something else is unread, the others stay read`() {
    var dialog = ConsentModel(consent([Line("a", "one"), Line("b", "two")]), at: now)
    dialog.show(rows: 5, width: 50)
    #expect(dialog.unread == 0)
    dialog.refresh(consent([Line("a", "one"), Line("b", "three"), Line("c", "one")]), at: now)
    dialog.show(rows: 0, width: 50)
    #expect(dialog.unread == 2)
    dialog.refresh(consent([Line("a", "one")]), at: now)
    dialog.show(rows: 0, width: 50)
    #expect(dialog.unread == 0)
  }

  @Test func `what would be signed is another: all is unread`() {
    func of(_ quorum: String) -> Consent {
      Consent(
        request: .command(["x"]), title: "t", heading: "h", lines: [Line("a", "one")],
        basis: [Consent.Fact("quorum", quorum)], inputs: [],
        buttons: [Consent.Button("run", "Run", needs: [.read])], command: [])
    }
    var dialog = ConsentModel(of("0 of 2"), at: now)
    dialog.show(rows: 5, width: 50)
    dialog.refresh(of("0 of 2"), at: now)
    #expect(dialog.unread == 0)
    dialog.refresh(of("1 of 2"), at: now)
    #expect(dialog.unread == 1)
    #expect(dialog.notice == "Impact changed: quorum 0 of 2 -> 1 of 2; read it again")
  }

  @Test func `Page Down at the end goes to what is unread`() {
    let lines = (0..<40).map { Line("", SafeText("line \($0)")) }
    var dialog = ConsentModel(consent(lines), at: now)
    let session = Session(registry: "test", who: Principal("user:bob"))
    let later = now.advanced(bySeconds: 1)
    dialog.show(rows: 10, width: 50)
    _ = dialog.take(.character("G"), session, .locked, reasons: [], rows: 10, at: later)
    dialog.show(rows: 10, width: 50)
    #expect(dialog.unread == 20)
    for _ in 0..<4 {
      _ = dialog.take(.pageDown, session, .locked, reasons: [], rows: 10, at: later)
      dialog.show(rows: 10, width: 50)
    }
    #expect(dialog.unread == 0)
  }
}
