package import CanonicalJSON

/// What the console keeps from one session to the next: never a secret, never a draft.
package struct Memory: Sendable, Hashable {
  package struct Columns: Sendable, Hashable {
    package var hidden: Set<String> = []
    package var isWide = false
    /// Columns added to the first one's width.
    package var extra = 0
    package var order = ""
    package var isReversed = false

    package init() {}
  }

  package var columns: [String: Columns] = [:]
  /// The newest first.
  package var reasons: [String] = []
  package var commands: [String] = []
  /// Whether the queue shows every open hold, not only those that need this person.
  package var showsAllHolds = false

  private static let limit = 50

  package init() {}

  package mutating func note(reason: String) { Memory.put(reason, in: &reasons) }
  package mutating func note(command: String) { Memory.put(command, in: &commands) }

  private static func put(_ text: String, in list: inout [String]) {
    guard !text.isEmpty else { return }
    list.removeAll { $0 == text }
    list.insert(text, at: 0)
    list = Array(list.prefix(limit))
  }

  /// Reads what ``json`` wrote; what it does not understand is left out.
  package init(json: JSONValue) {
    func strings(_ name: ByteString) -> [String] {
      (json[name]?.array ?? []).compactMap { $0.string?.text }.prefix(Memory.limit).map { $0 }
    }
    reasons = strings("reasons")
    commands = strings("commands")
    showsAllHolds = json["queue"]?.string?.text == "all"
    for member in json["columns"]?.object?.members ?? [] {
      var kept = Columns()
      kept.hidden = Set((member.value["hidden"]?.array ?? []).compactMap { $0.string?.text })
      kept.isWide = member.value["wide"]?.bool ?? false
      kept.extra = Int(max(-20, min(60, member.value["extra"]?.integer ?? 0)))
      kept.order = member.value["order"]?.string?.text ?? ""
      kept.isReversed = member.value["reversed"]?.bool ?? false
      columns[member.name.text] = kept
    }
  }

  package var json: JSONValue {
    func list(_ texts: [String]) -> JSONValue { .array(texts.map { JSONValue($0) }) }
    let views = columns.sorted { $0.key < $1.key }.map { name, kept in
      JSONObject.Member(
        name: ByteString(name),
        value: [
          "hidden": list(kept.hidden.sorted()), "wide": .bool(kept.isWide),
          "extra": JSONValue(kept.extra), "order": JSONValue(kept.order),
          "reversed": .bool(kept.isReversed),
        ])
    }
    return [
      "columns": .object(JSONObject(views)), "commands": list(commands),
      "queue": showsAllHolds ? "all" : "mine", "reasons": list(reasons),
    ]
  }
}
