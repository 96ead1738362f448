package import CanonicalJSON

/// How grave a held action is.
package enum Risk: String, Sendable, CaseIterable, Comparable {
  case low
  case medium
  case high
  case critical

  package static func < (left: Risk, right: Risk) -> Bool {
    (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
  }
}

/// One condition of a quorum: so many people, each in one of these groups (any group if none is named).
package struct QuorumItem: Sendable, Hashable {
  package let anyOf: [ByteString]
  package let count: Int64

  package init(anyOf: [ByteString], count: Int64) {
    self.anyOf = anyOf
    self.count = count
  }

  package init(_ json: JSONValue, path: String) throws(FieldFault) {
    var fields = try JSONFields(json, path: path)
    if let group = try fields.optionalString("group") {
      guard fields.optional("any") == nil else {
        throw fields.fault("any", "cannot stand beside group")
      }
      anyOf = [group]
    } else {
      anyOf = try fields.optionalStrings("any")
    }
    count = try fields.optionalInteger("count", in: 1...64) ?? 1
    try fields.finish()
  }

  package var json: JSONValue { ["any": anyOf.json, "count": JSONValue(count)] }
}

/// What must happen before a held action is released.
package struct ApprovalRule: Sendable, Hashable {
  /// Every item must be met; a person fills one place in all.
  package let quorum: [QuorumItem]
  package let ttlSeconds: Int64
  /// How long an approval waits for its agent, counted from the quorum.
  package let approvedForSeconds: Int64
  package let risk: Risk
  package let allowSelf: Bool
  package let breakGlass: Bool
  package let irreversible: Bool
  package let warnings: [ByteString]

  package init(
    quorum: [QuorumItem], ttlSeconds: Int64,
    approvedForSeconds: Int64 = ApprovalRule.standardApprovedForSeconds, risk: Risk,
    allowSelf: Bool = false, breakGlass: Bool = false, irreversible: Bool = false,
    warnings: [ByteString] = []
  ) {
    self.quorum = quorum
    self.ttlSeconds = ttlSeconds
    self.approvedForSeconds = approvedForSeconds
    self.risk = risk
    self.allowSelf = allowSelf
    self.breakGlass = breakGlass
    self.irreversible = irreversible
    self.warnings = warnings
  }

  package static let standardApprovedForSeconds: Int64 = 300
  package static let longestApprovedForSeconds: Int64 = 3600

  /// One approver, 15 minutes, medium risk, no self-approval.
  package static let standard = ApprovalRule(
    quorum: [QuorumItem(anyOf: [], count: 1)], ttlSeconds: 900, risk: .medium)

  /// Reads a rule; members that are absent take their value from another rule.
  package init(
    _ json: JSONValue, path: String, absent: ApprovalRule = .standard
  ) throws(FieldFault) {
    var fields = try JSONFields(json, path: path)
    if fields.optional("quorum") == nil {
      quorum = absent.quorum
    } else {
      var items: [QuorumItem] = []
      for (index, element) in try fields.array("quorum", limit: 16).enumerated() {
        items.append(try QuorumItem(element, path: "\(fields.place("quorum"))[\(index)]"))
      }
      guard !items.isEmpty else {
        throw fields.fault("quorum", "is empty, and nobody's approval would be enough")
      }
      quorum = items
    }
    if let text = try fields.optionalString("ttl") {
      guard let seconds = ApprovalRule.seconds(text), (1...86_400 * 30).contains(seconds) else {
        throw fields.fault("ttl", "is not a duration as 90s, 15m, 4h or 2d")
      }
      ttlSeconds = seconds
    } else {
      ttlSeconds = absent.ttlSeconds
    }
    if let text = try fields.optionalString("approved_for") {
      guard let seconds = ApprovalRule.seconds(text),
        (1...ApprovalRule.longestApprovedForSeconds).contains(seconds)
      else {
        throw fields.fault(
          "approved_for", "is \"\(text.text)\"; it is a duration from 1s to 60m, as 90s or 15m")
      }
      approvedForSeconds = seconds
    } else {
      approvedForSeconds = absent.approvedForSeconds
    }
    if let text = try fields.optionalString("risk") {
      guard let risk = Risk(rawValue: text.text) else {
        throw fields.fault("risk", "is \"\(text.text)\"; it is low, medium, high or critical")
      }
      self.risk = risk
    } else {
      risk = absent.risk
    }
    allowSelf = try fields.bool("allow_self", default: absent.allowSelf)
    breakGlass = try fields.bool("break_glass", default: absent.breakGlass)
    irreversible = try fields.bool("irreversible", default: absent.irreversible)
    warnings = try fields.optionalStrings("warnings")
    guard warnings.count <= 16, warnings.allSatisfy({ $0.count <= 256 }) else {
      throw fields.fault("warnings", "holds more than 16 texts, or one of over 256 bytes")
    }
    try fields.finish()
  }

  package var json: JSONValue {
    [
      "quorum": .array(quorum.map(\.json)), "ttl": JSONValue("\(ttlSeconds)s"),
      "approved_for": JSONValue("\(approvedForSeconds)s"),
      "risk": JSONValue(risk.rawValue), "allow_self": .bool(allowSelf),
      "break_glass": .bool(breakGlass), "irreversible": .bool(irreversible),
      "warnings": warnings.json,
    ]
  }

  /// Reads `90s`, `15m`, `4h` or `2d`.
  package static func seconds(_ text: ByteString) -> Int64? {
    guard let unit = text.bytes.last, let number = Int64(String(text.text.dropLast())),
      number >= 0, number < 1 << 32
    else { return nil }
    switch unit {
    case UInt8(ascii: "s"): return number
    case UInt8(ascii: "m"): return number * 60
    case UInt8(ascii: "h"): return number * 3600
    case UInt8(ascii: "d"): return number * 86_400
    default: return nil
    }
  }
}
