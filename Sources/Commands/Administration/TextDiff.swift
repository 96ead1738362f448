import CanonicalJSON
import Cells
import Console

/// One file's text before and after, line by line, compared byte by byte as policies are.
///
/// A policy can be published to cost its readers time: finding the fewest changes takes the square of the
/// lines that differ, in time and in memory. So long texts are first divided at lines that stand once in
/// both (patience diff); what is still long and has no such line is shown as removed whole and added whole.
struct TextDiff {
  private(set) var lines: [Line] = []
  private(set) var added = 0
  private(set) var removed = 0

  private let before: [ByteString]
  private let after: [ByteString]

  /// Lines of both sides together among which the fewest changes are looked for.
  private static let detailLimit = 1000
  /// How often a part is divided again.
  private static let levelLimit = 4

  init(_ before: [ByteString], _ after: [ByteString]) {
    (self.before, self.after) = (before, after)
    compare(before.indices, after.indices, level: 0)
  }

  // MARK: comparing

  /// Compares a part of the text before with a part of the text after, and shows both.
  private mutating func compare(_ old: Range<Int>, _ new: Range<Int>, level: Int) {
    var (old, new) = (old, new)
    while let first = old.first, let second = new.first, before[first] == after[second] {
      showSame(second)
      (old, new) = (old.dropFirst(), new.dropFirst())
    }
    var same = 0
    while let last = old.last, let other = new.last, before[last] == after[other] {
      same += 1
      (old, new) = (old.dropLast(), new.dropLast())
    }
    if !old.isEmpty, !new.isEmpty, old.count + new.count <= TextDiff.detailLimit {
      compareInDetail(old, new)
    } else {
      divide(old, new, level: level)
    }
    for line in new.upperBound..<new.upperBound + same { showSame(line) }
  }

  private mutating func compareInDetail(_ old: Range<Int>, _ new: Range<Int>) {
    var gone: Set<Int> = []
    var come: Set<Int> = []
    for change in after[new].map({ $0 }).difference(from: before[old].map { $0 }) {
      switch change {
      case .remove(let offset, _, _): gone.insert(old.lowerBound + offset)
      case .insert(let offset, _, _): come.insert(new.lowerBound + offset)
      }
    }
    var next = old.lowerBound
    for line in new {
      while gone.contains(next) {
        showRemoved(next)
        next += 1
      }
      if come.contains(line) {
        showAdded(line)
      } else {
        showSame(line)
        next += 1
      }
    }
    for line in next..<old.upperBound { showRemoved(line) }
  }

  /// Compares what lies between lines that stand once on both sides.
  private mutating func divide(_ old: Range<Int>, _ new: Range<Int>, level: Int) {
    let pairs = level < TextDiff.levelLimit ? commonLines(old, new) : []
    guard !pairs.isEmpty else {
      for line in old { showRemoved(line) }
      for line in new { showAdded(line) }
      return
    }
    var (first, second) = (old.lowerBound, new.lowerBound)
    for pair in pairs {
      compare(first..<pair.old, second..<pair.new, level: level + 1)
      showSame(pair.new)
      (first, second) = (pair.old + 1, pair.new + 1)
    }
    compare(first..<old.upperBound, second..<new.upperBound, level: level + 1)
  }

  /// Lines that stand once on both sides, as many as keep their order.
  private func commonLines(
    _ old: Range<Int>, _ new: Range<Int>
  ) -> [(old: Int, new: Int)] {
    func places(_ lines: [ByteString], _ range: Range<Int>) -> [ByteString: Int?] {
      var found: [ByteString: Int?] = [:]
      for place in range {
        found.updateValue(found[lines[place]] == nil ? place : Int?.none, forKey: lines[place])
      }
      return found
    }
    let (first, second) = (places(before, old), places(after, new))
    var pairs: [(old: Int, new: Int)] = []
    for line in new {
      guard case let place?? = first[after[line]], case .some(.some) = second[after[line]] else {
        continue
      }
      pairs.append((place, line))
    }
    return TextDiff.increasing(pairs)
  }

  /// The longest run of pairs whose places before increase as their places after do.
  private static func increasing(
    _ pairs: [(old: Int, new: Int)]
  ) -> [(old: Int, new: Int)] {
    // By length, the pair that ends a run so long with the least place before.
    var ends: [Int] = []
    var previous = [Int?](repeating: nil, count: pairs.count)
    for (number, pair) in pairs.enumerated() {
      var (low, high) = (0, ends.count)
      while low < high {
        let middle = (low + high) / 2
        if pairs[ends[middle]].old < pair.old { low = middle + 1 } else { high = middle }
      }
      previous[number] = low > 0 ? ends[low - 1] : nil
      if low == ends.count { ends.append(number) } else { ends[low] = number }
    }
    var run: [(old: Int, new: Int)] = []
    var next = ends.last
    while let number = next {
      run.append(pairs[number])
      next = previous[number]
    }
    return run.reversed()
  }

  // MARK: showing

  private mutating func showSame(_ line: Int) {
    let text = after[line].text
    lines.append(Line("\(line + 1)", SafeText("  " + text), Highlight.role(of: text)))
  }

  private mutating func showAdded(_ line: Int) {
    added += 1
    show("+ ", after[line], line, .diffAdded)
  }

  private mutating func showRemoved(_ line: Int) {
    removed += 1
    show("- ", before[line], line, .diffRemoved)
  }

  private mutating func show(_ mark: String, _ text: ByteString, _ line: Int, _ role: Role) {
    let shown = SafeText(mark + text.text)
    lines.append(Line("\(line + 1)", shown, role))
    // Letters of other alphabets can look like those of this one.
    if text.bytes.contains(where: { $0 >= 0x80 }) {
      lines.append(Line("! not ASCII", shown.escapedToASCII, .alert))
    }
  }
}
