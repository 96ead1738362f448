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

/// Which files of two policies belong together.
@Suite struct PolicyFilePairsTests {
  private func pairs(_ before: [String: [String]], _ after: [String: [String]]) -> [String] {
    func bytes(_ files: [String: [String]]) -> [String: [ByteString]] {
      files.mapValues { $0.map { ByteString($0) } }
    }
    return PolicyFilePairs(bytes(before), bytes(after)).pairs.map {
      "\($0.before ?? "-")>\($0.after ?? "-")"
    }
  }

  private func lines(_ numbers: [Int]) -> [String] { numbers.map { "rule \($0)" } + ["", ""] }

  @Test func `a file under another name is found by its text, then by most of its lines`() {
    #expect(pairs(["a": ["x"]], ["b": ["x"]]) == ["a>b"])
    #expect(pairs(["a": lines([1, 2, 3, 4])], ["b": lines([1, 2, 3, 9])]) == ["a>b"])
    // Less than half is another file; empty lines count for nothing.
    #expect(pairs(["a": lines([1, 2, 3])], ["b": lines([1, 8, 9])]) == ["a>-", "->b"])
    // Names go first, equal text before text that is only alike.
    #expect(
      pairs(
        ["a": ["1"], "old": lines([1, 2, 3])], ["a": lines([1, 2, 3]), "new": lines([1, 2, 4])])
        == ["a>a", "old>new"])
    #expect(
      pairs(
        ["p": lines([1, 2, 3, 4]), "q": lines([1, 2, 3, 5])],
        ["x": lines([1, 2, 3, 5]), "y": lines([1, 2, 3, 6])]) == ["q>x", "p>y"])
    #expect(pairs([:], ["b": []]) == ["->b"] && pairs(["a": []], [:]) == ["a>-"])
  }

  @Test func `policies made to be slow to compare are compared in bounded steps`() {
    let many = Dictionary(
      uniqueKeysWithValues: (0..<3000).map { ("old\($0)", lines(Array(0..<30) + [$0 + 1000])) })
    let others = Dictionary(
      uniqueKeysWithValues: (0..<3000).map { ("new\($0)", lines(Array(0..<30) + [$0 + 9000])) })
    #expect(pairs(many, others).count == 6000, "too many to look through: none is paired")
  }
}
