/// A set of the policy language, sorted.
package struct SetValue: Sendable {
  package private(set) var elements: [Value] = []
  /// How many levels its elements nest; 0 if all are scalars.
  private(set) var nesting: UInt8 = 0

  package init(_ unsorted: [Value] = []) {
    elements = unsorted
    var isSorted = true
    for index in elements.indices.dropFirst() where !(elements[index - 1] < elements[index]) {
      isSorted = false
      break
    }
    if !isSorted {
      let sorted = unsorted.sorted()
      elements = []
      elements.reserveCapacity(sorted.count)
      for element in sorted where elements.last != element { elements.append(element) }
    }
    for element in elements { nesting = max(nesting, element.levels) }
  }

  package var isEmpty: Bool { elements.isEmpty }
  package var count: Int { elements.count }

  package func contains(_ value: Value) -> Bool {
    let index = position(of: value)
    return index < elements.count && elements[index] == value
  }

  package mutating func insert(_ value: Value) {
    let index = position(of: value)
    if index < elements.count, elements[index] == value { return }
    nesting = max(nesting, value.levels)
    elements.insert(value, at: index)
  }

  private func position(of value: Value) -> Int {
    if let last = elements.last, last < value { return elements.count }
    var low = 0
    var high = elements.count
    while low < high {
      let middle = (low + high) / 2
      if elements[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension SetValue: Hashable {
  package static func == (left: SetValue, right: SetValue) -> Bool {
    left.elements == right.elements
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(elements)
  }
}
