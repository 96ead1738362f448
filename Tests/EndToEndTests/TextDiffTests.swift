import CanonicalJSON
import Cells
import Console
import TestSupport
import Testing

@testable import Commands

/// The comparison of two policies' texts: right for any texts, and bounded for those made to be slow.
@Suite struct TextDiffTests {
  private func bytes(_ lines: [String]) -> [ByteString] { lines.map { ByteString($0) } }

  /// What the marked lines say of both texts.
  private func sides(_ diff: TextDiff) -> (before: [String], after: [String]) {
    let texts = diff.lines.map(\.text.text)
    return (
      texts.filter { !$0.hasPrefix("+ ") }.map { String($0.dropFirst(2)) },
      texts.filter { !$0.hasPrefix("- ") }.map { String($0.dropFirst(2)) }
    )
  }

  @Test(
    arguments: [
      ([], []), ([], ["a"]), (["a"], []), (["a", "b", "c"], ["a", "c"]), (["a"], ["b"]),
      (["a", "b"], ["b", "a"]), (["x", "a", "x"], ["x", "x"]),
    ] as [([String], [String])])
  func `short texts are compared with the fewest changes`(before: [String], after: [String]) {
    let diff = TextDiff(bytes(before), bytes(after))
    let changes = after.difference(from: before)
    #expect(diff.added == changes.insertions.count && diff.removed == changes.removals.count)
    #expect(sides(diff).before == before && sides(diff).after == after)
  }

  @Test func `both texts can be read from the comparison of any two`() {
    var random = SeededRandom.announced("text comparison")
    for round in 0..<200 {
      let kinds = 1 + random.below(40)
      let length = round < 190 ? 60 : 3000
      func text() -> [String] {
        (0..<random.below(length)).map { _ in "line \(random.below(kinds * length / 20 + 1))" }
      }
      let (before, after) = (text(), text())
      let diff = TextDiff(bytes(before), bytes(after))
      #expect(sides(diff).before == before && sides(diff).after == after, "round \(round)")
      #expect(before.count - diff.removed == after.count - diff.added)
    }
  }

  @Test func `a line changed in a long text is one line, wherever it stands`() {
    let before = (0..<50_000).map { "rule \($0)" }
    for place in [0, 17, 25_000, 49_999] {
      var after = before
      after[place] = "another"
      let diff = TextDiff(bytes(before), bytes(after))
      #expect(diff.added == 1 && diff.removed == 1)
    }
  }

  @Test func `lines that only look alike differ, and say so in ASCII`() {
    for (one, other) in [("K8S", "\u{212A}8S"), ("caf\u{E9}", "cafe\u{301}"), (";", "\u{37E}")] {
      let diff = TextDiff(bytes([one]), bytes([other]))
      #expect(diff.added == 1 && diff.removed == 1)
      #expect(diff.lines.contains { $0.label == "! not ASCII" }, "\(diff.lines)")
    }
  }

  @Test func `long texts of which nothing is alike, or all of it in another order, come to an end`()
  {
    let before = (0..<60_000).map { "before \($0)" }
    let other = TextDiff(bytes(before), bytes((0..<60_000).map { "after \($0)" }))
    #expect(other.added == 60_000 && other.removed == 60_000)
    let turned = TextDiff(bytes(before), bytes(before.reversed()))
    #expect(sides(turned).before == before && sides(turned).after == before.reversed())
    // Two lines over and over: none of them stands once.
    let even = (0..<60_000).map { $0.isMultiple(of: 2) ? "a" : "b" }
    let third = (0..<60_000).map { $0.isMultiple(of: 3) ? "a" : "b" }
    let repeated = TextDiff(bytes(even), bytes(third))
    #expect(sides(repeated).before == even && sides(repeated).after == third)
  }
}
