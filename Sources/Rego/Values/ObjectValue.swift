package import CanonicalJSON

/// An object of the policy language: any value may be a key; sorted by key.
package struct ObjectValue: Sendable {
  package struct Pair: Sendable, Hashable {
    /// What most keys are told apart by, in the order of keys.
    let mark: UInt64
    package let key: Value
    package var value: Value

    package init(key: Value, value: Value) {
      mark = key.mark
      self.key = key
      self.value = value
    }

    package static func == (left: Pair, right: Pair) -> Bool {
      left.mark == right.mark && left.key == right.key && left.value == right.value
    }

    package func hash(into hasher: inout Hasher) {
      hasher.combine(key)
      hasher.combine(value)
    }
  }

  package private(set) var pairs: [Pair] = []
  /// How many levels its keys and values nest; 0 if all are scalars.
  private(set) var nesting: UInt8 = 0

  package init() {}

  /// Takes members in any order.
  package init(_ members: [Value: Value]) {
    pairs = members.map { Pair(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
    measure()
  }

  /// Takes pairs in any order; of two with one key the later wins.
  package init(unsorted: consuming [Pair]) {
    pairs = unsorted
    let isDone = pairs.count <= ObjectValue.few && sortFew()
    if !isDone, !ObjectValue.isSorted(pairs) {
      let unsorted = pairs
      let order = unsorted.indices.sorted { left, right in
        let compared = Value.order(unsorted[left].key, unsorted[right].key)
        return compared == 0 ? left < right : compared < 0
      }
      pairs = []
      pairs.reserveCapacity(unsorted.count)
      for index in order {
        if let last = pairs.last, last.key == unsorted[index].key { pairs.removeLast() }
        pairs.append(unsorted[index])
      }
    }
    measure()
  }

  /// Takes pairs that the caller knows to be sorted by key, each key once.
  package init(sorted: [Pair]) {
    pairs = sorted
    measure()
  }

  /// Objects of so few members are sorted by moving each to its place.
  private static let few = 16

  /// Sorts few pairs where they are; stops with false if two have one key, of which the later is still the
  /// later.
  private mutating func sortFew() -> Bool {
    pairs.withUnsafeMutableBufferPointer { pairs in
      var next = 1
      while next < pairs.count {
        var index = next
        while index > 0 {
          let (left, right) = (pairs[index - 1].mark, pairs[index].mark)
          if left < right { break }
          if left == right {
            if ObjectValue.isWhole(left) { return false }
            let order = Value.order(pairs[index - 1].key, pairs[index].key)
            if order == 0 { return false }
            if order < 0 { break }
          }
          pairs.swapAt(index - 1, index)
          index -= 1
        }
        next += 1
      }
      return true
    }
  }

  private static func isSorted(_ pairs: [Pair]) -> Bool {
    for index in pairs.indices.dropFirst() where !(pairs[index - 1].key < pairs[index].key) {
      return false
    }
    return true
  }

  private mutating func measure() {
    var deepest: UInt8 = 0
    for index in pairs.indices {
      if pairs[index].key.isComposite { deepest = max(deepest, pairs[index].key.levels) }
      if pairs[index].value.isComposite { deepest = max(deepest, pairs[index].value.levels) }
    }
    nesting = deepest
  }

  private mutating func include(_ key: Value, _ value: Value) {
    nesting = max(nesting, max(key.levels, value.levels))
  }

  package var isEmpty: Bool { pairs.isEmpty }
  package var count: Int { pairs.count }

  package subscript(key: Value) -> Value? {
    get { value(of: key, mark: key.mark) }
    set {
      let index = position(of: key)
      let present = index < pairs.count && pairs[index].key == key
      if let newValue { include(key, newValue) }
      switch (present, newValue) {
      case (true, .some(let value)): pairs[index].value = value
      case (true, .none): pairs.remove(at: index)
      case (false, .some(let value)): pairs.insert(Pair(key: key, value: value), at: index)
      case (false, .none): break
      }
    }
  }

  package subscript(name: ByteString) -> Value? {
    get { self[.string(name)] }
    set { self[.string(name)] = newValue }
  }

  /// The value under a key whose mark is known.
  func value(of key: Value, mark: UInt64) -> Value? {
    guard let index = ObjectValue.index(of: key, mark: mark, in: pairs) else { return nil }
    return pairs[index].value
  }

  /// Where a key stands among sorted pairs.
  static func index(of key: Value, mark: UInt64, in pairs: [Pair]) -> Int? {
    pairs.withUnsafeBufferPointer { index(of: key, mark: mark, in: $0) }
  }

  /// Where a key stands among sorted pairs.
  @inline(__always)
  static func index(of key: Value, mark: UInt64, in pairs: UnsafeBufferPointer<Pair>) -> Int? {
    guard let first = firstIndex(of: mark, in: pairs) else { return nil }
    // A short text is its mark.
    return isWhole(mark) ? first : index(of: key, mark: mark, from: first, in: pairs)
  }

  /// Where the first key with a mark stands among sorted pairs.
  @inline(__always)
  static func firstIndex(of mark: UInt64, in pairs: UnsafeBufferPointer<Pair>) -> Int? {
    var low = 0
    var high = pairs.count
    while low < high {
      let middle = (low + high) / 2
      if pairs[middle].mark < mark { low = middle + 1 } else { high = middle }
    }
    return low < pairs.count && pairs[low].mark == mark ? low : nil
  }

  /// Whether no other key has this mark.
  @inline(__always)
  static func isWhole(_ mark: UInt64) -> Bool { mark & 0xFF != 0 && mark & 0xFF < 0xFF }

  /// Where a key stands among the pairs with its mark, of which the first is known.
  private static func index(
    of key: Value, mark: UInt64, from first: Int, in pairs: UnsafeBufferPointer<Pair>
  ) -> Int? {
    var low = first
    while low < pairs.count, pairs[low].mark == mark {
      if pairs[low].key == key { return low }
      low += 1
      // Many keys of one mark: what is left is halved by the order of keys.
      if low + 8 < pairs.count, pairs[low + 8].mark == mark {
        var high = pairs.count
        while low < high {
          let middle = (low + high) / 2
          if pairs[middle].key < key { low = middle + 1 } else { high = middle }
        }
      }
    }
    return nil
  }

  /// Where a key stands or would stand.
  package func position(of key: Value) -> Int {
    if let last = pairs.last, last.key < key { return pairs.count }
    var low = 0
    var high = pairs.count
    while low < high {
      let middle = (low + high) / 2
      if pairs[middle].key < key { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Value {
  /// Numbers that are ordered as keys are: for a text of up to 7 bytes, these and its length in the
  /// last byte, which no other key has; for a longer one its first 7 bytes and 255.
  var mark: UInt64 {
    switch self {
    case .null, .bool, .number: return 0
    case .string(let text): return text.mark
    case .array, .object, .set: return .max
    }
  }
}

extension ByteString {
  var mark: UInt64 {
    bytes.withUnsafeBytes { buffer in
      if buffer.count >= 8 {
        return UInt64(bigEndian: buffer.loadUnaligned(as: UInt64.self)) | 0xFF
      }
      // An empty text comes after numbers and before all others.
      var mark = UInt64(buffer.count)
      for index in 0..<buffer.count { mark |= UInt64(buffer[index]) << UInt64(56 - 8 * index) }
      return mark
    }
  }
}

extension ObjectValue: Hashable {
  package static func == (left: ObjectValue, right: ObjectValue) -> Bool {
    left.pairs == right.pairs
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(pairs.count)
    for pair in pairs {
      hasher.combine(pair.key)
      hasher.combine(pair.value)
    }
  }
}
