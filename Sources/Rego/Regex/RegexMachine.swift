/// Runs a program over a text: all ways at once, so that time is linear in the text for any pattern.
///
/// Of the matches that begin first, the one that a backtracking search would find first wins
/// (leftmost-first), as in Go and Perl.
package struct RegexMachine {
  private let program: RegexProgram
  private let text: [UInt8]
  private let captures: Int
  /// The ways alive at a place, in order of preference.
  private var current: Ways
  private var next: Ways
  private var pending: [Pending] = []

  /// A sparse set of instructions, each with what it has captured.
  private struct Ways {
    var dense: [Int] = []
    var sparse: [Int]
    /// The slots of way `i` at `i * captures`.
    var slots: [Int]

    init(_ size: Int, captures: Int) {
      sparse = [Int](repeating: 0, count: size)
      slots = [Int](repeating: -1, count: size * captures)
      dense.reserveCapacity(size)
    }

    func contains(_ instruction: Int) -> Bool {
      let index = sparse[instruction]
      return index < dense.count && dense[index] == instruction
    }

    mutating func append(_ instruction: Int) {
      sparse[instruction] = dense.count
      dense.append(instruction)
    }
  }

  private enum Pending {
    case visit(Int)
    case restore(slot: Int, value: Int)
  }

  /// `captures`: how many of the match's bounds are wanted; 0 to only know whether it matches.
  init(_ program: RegexProgram, _ text: [UInt8], captures: Int) {
    self.program = program
    self.text = text
    self.captures = captures
    current = Ways(program.instructions.count, captures: captures)
    next = current
  }

  /// The scalar that begins at a place, and where it ends.
  @inline(__always)
  static func decode(_ text: [UInt8], _ index: Int) -> (scalar: Unicode.Scalar, end: Int) {
    let first = text[index]
    if first < 0x80 { return (Unicode.Scalar(first), index + 1) }
    let count = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    guard index + count <= text.count else { return ("\u{FFFD}", text.count) }
    var value = UInt32(first) & (count == 2 ? 0x1F : count == 3 ? 0x0F : 0x07)
    for offset in 1..<count { value = value << 6 | UInt32(text[index + offset] & 0x3F) }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", index + count)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private func holds(_ assertion: RegexAssertion, at place: Int, from origin: Int) -> Bool {
    switch assertion {
    case .textStart: return place == origin
    case .textEnd: return place == text.count
    case .lineStart: return place == origin || text[place - 1] == 0x0A
    case .lineEnd: return place == text.count || text[place] == 0x0A
    case .wordBoundary, .noWordBoundary:
      let before = place > origin && RegexMachine.isWord(text[place - 1])
      let after = place < text.count && RegexMachine.isWord(text[place])
      return (before != after) == (assertion == .wordBoundary)
    }
  }

  /// Finds the first match at or after a place; `origin` is where the text is taken to begin.
  ///
  /// Steps are charged by ways looked at; the answer is the bounds of the match and its groups
  /// (-1 for a group that took no part), or an empty array if no bounds are wanted.
  mutating func find(
    from start: Int, origin: Int = 0, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> [Int]? {
    if program.isLiteral {
      try context.charge(steps: (text.count - start) / 16 + 1)
      guard let place = ByteSearch.first(program.prefix, in: text, from: start) else { return nil }
      return captures == 0 ? [] : [place, place + program.prefix.count]
    }
    current.dense.removeAll(keepingCapacity: true)
    next.dense.removeAll(keepingCapacity: true)
    var slots = [Int](repeating: -1, count: captures)
    var match: [Int]?
    var place = start
    var visits = 0
    while true {
      if current.dense.isEmpty {
        if match != nil || (program.isAnchored && place != origin) { break }
        if !program.prefix.isEmpty {
          guard let found = ByteSearch.first(program.prefix, in: text, from: place) else { break }
          visits += (found - place) / 8
          place = found
        }
      }
      if match == nil, !program.isAnchored || place == origin {
        if captures > 0 { slots[0] = place }
        visits += add(program.start, at: place, origin: origin, slots: &slots, toCurrent: true)
      }
      let isEnd = place >= text.count
      let (scalar, end) = isEnd ? ("\0", place + 1) : RegexMachine.decode(text, place)
      scan: for index in current.dense.indices {
        let instruction = program.instructions[current.dense[index]]
        let target: Int
        switch instruction {
        case .scalar(let value, let following):
          guard !isEnd, value == scalar.value else { continue }
          target = following
        case .set(let set, let following):
          guard !isEnd, program.sets[set].contains(scalar) else { continue }
          target = following
        case .match:
          if captures == 0 {
            try context.charge(steps: visits / 4 + 1)
            return []
          }
          var bounds = Array(current.slots[(index * captures)..<((index + 1) * captures)])
          bounds[1] = place
          match = bounds
          break scan
        default: continue
        }
        if captures > 0 {
          for slot in 0..<captures { slots[slot] = current.slots[index * captures + slot] }
        }
        visits += add(target, at: end, origin: origin, slots: &slots, toCurrent: false)
      }
      visits += current.dense.count
      if visits > 4096 {
        try context.charge(steps: visits / 4)
        visits = 0
      }
      if isEnd { break }
      swap(&current, &next)
      next.dense.removeAll(keepingCapacity: true)
      place = end
    }
    try context.charge(steps: visits / 4 + 1)
    return match
  }

  /// Follows forks, saves and assertions to the instructions that take a character.
  private mutating func add(
    _ instruction: Int, at place: Int, origin: Int, slots: inout [Int], toCurrent: Bool
  ) -> Int {
    var visits = 0
    pending.append(.visit(instruction))
    while let last = pending.popLast() {
      guard case .visit(let index) = last else {
        if case .restore(let slot, let value) = last { slots[slot] = value }
        continue
      }
      visits += 1
      if toCurrent ? current.contains(index) : next.contains(index) { continue }
      let at = toCurrent ? current.dense.count : next.dense.count
      if toCurrent { current.append(index) } else { next.append(index) }
      switch program.instructions[index] {
      case .fork(let first, let second):
        pending.append(.visit(second))
        pending.append(.visit(first))
      case .assertion(let assertion, let following):
        if holds(assertion, at: place, from: origin) { pending.append(.visit(following)) }
      case .save(let slot, let following):
        if slot < captures {
          pending.append(.restore(slot: slot, value: slots[slot]))
          slots[slot] = place
        }
        pending.append(.visit(following))
      case .scalar, .set, .match:
        for slot in 0..<captures {
          if toCurrent {
            current.slots[at * captures + slot] = slots[slot]
          } else {
            next.slots[at * captures + slot] = slots[slot]
          }
        }
      }
    }
    return visits + captures / 4
  }
}
