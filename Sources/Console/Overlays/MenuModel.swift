/// A list to choose from: what is possible here, the palette, candidates, where to jump.
package struct MenuModel: Sendable {
  package struct Item: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
      case command(Command)
      case line(String)
      case jump(Target)
      case toggleColumn(String)
    }

    package let label: String
    /// The key that does the same, if there is one.
    package let key: String
    package let help: String
    /// Why it cannot be done now.
    package let disabled: String?
    package let action: Action

    package init(
      _ label: String, key: String = "", help: String = "", disabled: String? = nil,
      action: Action
    ) {
      self.label = label
      self.key = key
      self.help = help
      self.disabled = disabled
      self.action = action
    }
  }

  package let title: String
  package private(set) var items: [Item]
  /// Whether letters narrow the list down; else they are keys.
  package private(set) var isTyping: Bool
  package private(set) var filter = TextField()
  package private(set) var index = 0

  package init(_ title: String, _ items: [Item], isTyping: Bool) {
    self.title = title
    self.items = items
    self.isTyping = isTyping
  }

  /// What matches the filter, best first: letters in order, the closer together the better.
  package var shown: [Item] {
    let wanted = Array(filter.text.lowercased().unicodeScalars).filter { $0 != " " }
    guard !wanted.isEmpty else { return items }
    let scored = items.enumerated().compactMap { offset, item in
      MenuModel.score("\(item.label) \(item.help)", wanted).map { ($0, offset, item) }
    }
    return scored.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }

  /// How far apart the letters stand; nil if they are not all there in order.
  static func score(_ text: String, _ wanted: [Unicode.Scalar]) -> Int? {
    let scalars = Array(text.lowercased().unicodeScalars)
    var best: Int?
    for start in scalars.indices where scalars[start] == wanted[0] {
      var (at, cost) = (start, start == 0 || scalars[start - 1] == " " ? 0 : 3)
      var isFound = true
      for scalar in wanted.dropFirst() {
        guard let next = scalars[(at + 1)...].firstIndex(of: scalar) else {
          isFound = false
          break
        }
        cost += next - at - 1
        at = next
      }
      if isFound { best = min(best ?? .max, cost + min(start, 8)) }
    }
    return best
  }

  package var selected: Item? {
    let shown = shown
    return shown.isEmpty ? nil : shown[min(index, shown.count - 1)]
  }

  package enum Outcome: Sendable, Equatable {
    case none
    case close
    case run(Item)
  }

  package mutating func take(_ key: KeyPress, rows: Int) -> Outcome {
    switch key {
    case .escape:
      if isTyping, !filter.isEmpty {
        filter.clear()
        index = 0
        return .none
      }
      return .close
    case .enter: return selected.map(Outcome.run) ?? .none
    case .down, .control("n"), .tab: move(1)
    case .up, .control("p"), .backTab: move(-1)
    case .pageDown, .control("d"): move(max(1, rows - 1))
    case .pageUp: move(-max(1, rows - 1))
    case .home: index = 0
    case .end: index = max(0, shown.count - 1)
    default:
      if isTyping {
        if filter.take(key) { index = 0 }
        return .none
      }
      switch key {
      case .character("j"): move(1)
      case .character("k"): move(-1)
      case .character("g"): index = 0
      case .character("G"): index = max(0, shown.count - 1)
      case .character("/"): isTyping = true
      case .character("q"), .character("?"): return .close
      case .character(" "): return selected.map(Outcome.run) ?? .none
      default: break
      }
    }
    return .none
  }

  private mutating func move(_ step: Int) {
    index = max(0, min(shown.count - 1, index + step))
  }

  /// Takes the items anew, keeping the place.
  package mutating func refresh(_ items: [Item]) {
    self.items = items
  }
}
