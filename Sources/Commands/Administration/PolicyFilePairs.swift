import CanonicalJSON

/// Which file of a policy is compared with which file of the one in force.
///
/// Files of one name belong together. Of the others, one that has the same text as a file that is gone, or
/// most of its lines, is that file under another name: shown as removed and added, its changes would be
/// hard to find.
struct PolicyFilePairs<Name: Hashable & Comparable> {
  struct Pair {
    let before: Name?
    let after: Name?

    /// The name it goes by.
    var name: Name? { after ?? before }
    var isRenamed: Bool { before != nil && after != nil && before != after }
  }

  /// By name.
  let pairs: [Pair]

  /// Lines looked up in another file, at most: with more files than that allows, only equal ones are paired.
  private static var lookupLimit: Int { 1_000_000 }

  /// `mayPair`: Whether a file can be another one under a new name at all.
  init(
    _ before: [Name: [ByteString]], _ after: [Name: [ByteString]],
    mayPair: (Name) -> Bool = { _ in true }
  ) {
    var pairs = before.keys.filter { after[$0] != nil }.map { Pair(before: $0, after: $0) }
    var gone = before.keys.filter { after[$0] == nil && mayPair($0) }.sorted()
    var come = after.keys.filter { before[$0] == nil && mayPair($0) }.sorted()
    func take(_ old: Name, _ new: Name) {
      pairs.append(Pair(before: old, after: new))
      gone.removeAll { $0 == old }
      come.removeAll { $0 == new }
    }
    var byText: [[ByteString]: [Name]] = [:]
    for name in gone { byText[before[name] ?? [], default: []].append(name) }
    for new in come {
      guard let text = after[new], let old = byText[text]?.first else { continue }
      byText[text]?.removeFirst()
      take(old, new)
    }
    for (old, new) in PolicyFilePairs.alike(
      gone.map { ($0, before[$0] ?? []) }, come.map { ($0, after[$0] ?? []) })
    where gone.contains(old) && come.contains(new) { take(old, new) }
    pairs += before.keys.filter { name in !pairs.contains { $0.before == name } }
      .map { Pair(before: $0, after: nil) }
    pairs += after.keys.filter { name in !pairs.contains { $0.after == name } }
      .map { Pair(before: nil, after: $0) }
    self.pairs = pairs.sorted { left, right in
      guard let left = left.name, let right = right.name else { return false }
      return left < right
    }
  }

  /// Files of which at least half of the lines are the same, the most alike first.
  private static func alike(
    _ before: [(name: Name, lines: [ByteString])], _ after: [(name: Name, lines: [ByteString])]
  ) -> [(Name, Name)] {
    // An empty line says nothing of where a file came from.
    func counted(_ lines: [ByteString]) -> [ByteString: Int] {
      Dictionary(
        lines.filter { line in line.bytes.contains { $0 > 0x20 } }.map { ($0, 1) },
        uniquingKeysWith: +)
    }
    let old = before.map { (name: $0.name, lines: counted($0.lines)) }
    let new = after.map { (name: $0.name, lines: counted($0.lines)) }
    let most = max(old.map(\.lines.count).max() ?? 0, 1)
    guard old.count * new.count <= lookupLimit / most else { return [] }
    var found: [(share: Double, old: Name, new: Name)] = []
    for one in old {
      for other in new {
        let common = one.lines.reduce(0) { $0 + min($1.value, other.lines[$1.key] ?? 0) }
        let size = max(one.lines.values.reduce(0, +), other.lines.values.reduce(0, +))
        if size > 0, common * 2 >= size {
          found.append((Double(common) / Double(size), one.name, other.name))
        }
      }
    }
    return found.sorted {
      ($1.share, $0.old, $0.new) < ($0.share, $1.old, $1.new)
    }.map { ($0.old, $0.new) }
  }
}
