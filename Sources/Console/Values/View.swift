/// The lists, by their digit: 1 to 9, then 0.
package enum View: Int, Sendable, CaseIterable {
  case approvals
  case decisions
  case agents
  case keys
  case tree
  case policies
  case audit
  case operators
  case proposals
  case locks

  package var title: String {
    switch self {
    case .approvals: "Approvals"
    case .decisions: "Decisions"
    case .agents: "Agents"
    case .keys: "Keys"
    case .tree: "Tree"
    case .policies: "Policies"
    case .audit: "Audit"
    case .operators: "Operators"
    case .proposals: "Proposals"
    case .locks: "Locks"
    }
  }

  /// What fits in a row of ten at 80 columns.
  package var shortTitle: String {
    switch self {
    case .approvals: "Appr"
    case .decisions: "Decis"
    case .policies: "Pols"
    case .operators: "Oper"
    case .proposals: "Prop"
    default: title
    }
  }

  /// As it is typed after `:`.
  package var name: String { title.lowercased() }
  package var digit: Int { (rawValue + 1) % 10 }

  /// The command line's listing of the same.
  package var listing: [String] {
    switch self {
    case .approvals: ["holds", "list"]
    case .decisions: ["decisions", "list"]
    case .agents: ["agent", "list"]
    case .keys: ["key", "list"]
    case .tree: ["grant", "list"]
    case .policies: ["policy", "list"]
    case .audit: ["log", "verify"]
    case .operators: ["operator", "list"]
    case .proposals: ["proposals", "list"]
    case .locks: ["lock", "list"]
    }
  }
}

/// A column of a list.
package struct Column: Sendable, Hashable {
  /// As it is named in the state file and by `field:value`.
  package let name: String
  package let title: String
  /// The least width.
  package let width: Int
  /// Its share of the columns left over; 0 keeps the least width.
  package let weight: Int
  /// Dropped first where the screen is narrow; 0 stays always.
  package let drop: Int
  /// Only shown in the wide form of the list.
  package let isWide: Bool
  /// The order this column stands for, if the list can be sorted by it.
  package let order: Order?

  init(
    _ name: String, _ title: String, _ width: Int, weight: Int = 0, drop: Int = 0,
    isWide: Bool = false, order: Order? = nil
  ) {
    self.name = name
    self.title = title
    self.width = width
    self.weight = weight
    self.drop = drop
    self.isWide = isWide
    self.order = order
  }
}

/// An order that an index of the registry gives.
package enum Order: String, Sendable, CaseIterable {
  /// The view's own: risk for holds, the log's for entries, names elsewhere.
  case natural
  case expiry
  case received
  case name
  case owner
}

extension View {
  package var columns: [Column] {
    switch self {
    case .approvals:
      [
        Column("risk", "RISK", 7, order: .natural), Column("id", "ID", 9, drop: 2),
        Column("agent", "AGENT", 13, weight: 2),
        Column("action", "ACTION \u{2192} RESOURCE", 19, weight: 4),
        Column("quorum", "QUORUM", 13, weight: 1, drop: 1),
        Column("seen", "SEEN", 5, drop: 3), Column("expires", "EXP", 6, order: .expiry),
        Column("received", "HELD AT", 9, isWide: true, order: .received),
      ]
    case .decisions:
      [
        Column("time", "TIME", 9, order: .natural), Column("verdict", "VERDICT", 7),
        Column("agent", "AGENT", 15, weight: 2, drop: 1),
        Column("action", "ACTION \u{2192} RESOURCE", 24, weight: 4),
        Column("rule", "RULE OR CODE", 18, weight: 1, drop: 2),
        Column("index", "ENTRY", 9, isWide: true),
      ]
    case .agents:
      [
        Column("name", "AGENT", 21, weight: 3, order: .name),
        Column("owner", "OWNER", 13, weight: 1, order: .owner),
        Column("roles", "ROLES", 13, weight: 2, drop: 2), Column("keys", "KEYS", 5),
        Column("grants", "GRANTS", 6, drop: 1), Column("held", "HELD", 4, drop: 3),
        Column("last", "LAST", 9, drop: 1),
        Column("since", "REGISTERED", 17, isWide: true),
      ]
    case .keys:
      [
        Column("key", "KEY", 10), Column("holder", "HOLDER", 22, weight: 3, order: .name),
        Column("status", "STATUS", 9), Column("by", "ENROLLED BY", 13, weight: 1, drop: 1),
        Column("used", "USED", 9, drop: 3), Column("expires", "EXPIRES", 8, order: .expiry),
        Column("since", "ENROLLED", 17, isWide: true), Column("why", "REASON", 12, isWide: true),
      ]
    case .tree:
      [
        Column("name", "PRINCIPAL", 30, weight: 3), Column("scope", "SCOPE", 22, weight: 4),
        Column("ttl", "TTL", 7, drop: 1), Column("status", "STATUS", 14, weight: 1),
      ]
    case .policies:
      [
        Column("name", "POLICY", 20, weight: 2, order: .name), Column("status", "STATUS", 9),
        Column("published", "PUBLISHED", 17, drop: 1),
        Column("by", "BY", 13, weight: 1, drop: 2), Column("waits", "WAITS FOR", 14, weight: 1),
      ]
    case .audit:
      [
        Column("index", "ENTRY", 8, order: .natural), Column("time", "TIME", 9, drop: 1),
        Column("type", "TYPE", 19, weight: 1), Column("signer", "SIGNER", 15, weight: 1, drop: 2),
        Column("about", "ABOUT", 18, weight: 4), Column("check", "LOG", 4),
        Column("hash", "HASH", 4, isWide: true),
      ]
    case .operators:
      [
        Column("name", "OPERATOR", 17, weight: 1, order: .name),
        Column("roles", "ROLES", 14, weight: 1), Column("groups", "GROUPS", 9, weight: 1, drop: 2),
        Column("key", "KEY", 10), Column("status", "STATUS", 8),
        Column("grant", "MAY GRANT", 13, weight: 2, drop: 1),
      ]
    case .proposals:
      [
        Column("what", "WHAT", 19, weight: 1, order: .natural),
        Column("about", "ABOUT", 20, weight: 4),
        Column("by", "BY", 12, weight: 1, drop: 1), Column("signed", "SIGNED", 6),
        Column("status", "STATUS", 9), Column("expires", "EXP", 6, drop: 2),
      ]
    case .locks:
      [
        Column("target", "TARGET", 24, weight: 2, order: .natural), Column("status", "STATUS", 9),
        Column("until", "ENDS", 7), Column("by", "BY", 12, weight: 1, drop: 1),
        Column("reason", "REASON", 18, weight: 3, drop: 2),
      ]
    }
  }

  /// The orders this list can be read in; the first is the one it opens with.
  package var orders: [Order] {
    columns.compactMap(\.order)
  }
}
