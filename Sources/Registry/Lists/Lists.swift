import Foundation
import GRDB
package import Keys
package import Statements

// The lists a console shows, each in the orders an index gives; no decision reads any of it.
extension RegistryTransaction {
  package func holdList(
    _ request: WindowRequest, _ progress: SearchProgress = { _ in }
  ) throws -> Window<HoldRow> {
    try window(RegistryTransaction.holds(request), request, progress)
  }

  package func decisionList(
    _ request: WindowRequest, _ progress: SearchProgress = { _ in }
  ) throws -> Window<DecisionRow> {
    try window(RegistryTransaction.decisions, request, progress)
  }

  package func agentList(
    _ request: WindowRequest, _ progress: SearchProgress = { _ in }
  ) throws -> Window<AgentRow> {
    let source = RegistryTransaction.agents(request)
    guard try hasAgentText, RegistryTransaction.searchesLines(request) else {
      return try window(source, request, progress)
    }
    // What many agents have fills a page at once; what few have is found in the packed lines.
    let reading = Reading(source, request)
    let (near, end) = try read(
      source, reading, request, request.limit, span: RegistryTransaction.spans.lowerBound)
    guard !near.hasMore, end != nil else { return near }
    let (names, hasMore) = try foundAgents(
      request, isAscending: reading.direction == "ASC", comparison: reading.comparison,
      place: reading.place)
    let rows = try names.compactMap { name in
      try agent(name, at: request.now).map { row in
        (row, (request.order == .owner ? [row.owner] : []) + [row.principal])
      }
    }.map { (record: $0.0, place: $0.1.map(PlaceValue.text)) }
    return Window(rows: reading.flips ? rows.reversed() : rows, hasMore: hasMore)
  }

  /// A file that was opened for reading only may not have the table yet.
  private var hasAgentText: Bool { get throws { try db.tableExists("agent_text") } }

  package func keyList(
    _ request: WindowRequest, _ progress: SearchProgress = { _ in }
  ) throws -> Window<KeyRow> {
    try window(RegistryTransaction.keys(request), request, progress)
  }

  package func operatorList(_ request: WindowRequest) throws -> Window<OperatorRow> {
    try window(RegistryTransaction.operators, request)
  }

  package func policyList(_ request: WindowRequest) throws -> Window<PolicyRow> {
    try window(RegistryTransaction.policies, request)
  }

  package func lockList(_ request: WindowRequest) throws -> Window<LockRow> {
    try window(RegistryTransaction.locks(request), request)
  }

  /// How many rows a list has, counted up to a limit.
  package func listCount(
    of list: CountedList, _ request: WindowRequest, upTo limit: Int
  ) throws -> Int {
    var request = request
    // The order needs what counting does not.
    request.order = .received
    switch list {
    case .holds: return try count(RegistryTransaction.holds(request), request, upTo: limit)
    case .groups: return try groupCount(request, upTo: limit)
    case .agents:
      if try hasAgentText, RegistryTransaction.searchesLines(request) {
        return try foundCount(request, upTo: limit)
      }
      return try count(
        RegistryTransaction.agents(request, counting: true), request, upTo: limit)
    case .keys: return try count(RegistryTransaction.keys(request), request, upTo: limit)
    }
  }

  /// Lists long enough that a person wants to know how long.
  package enum CountedList: Sendable {
    case holds
    /// The lines of the queue: groups of holds.
    case groups
    case agents
    case keys
  }

  // MARK: sources

  /// A time of day as lists show it.
  static func clock(_ column: String) -> String {
    "strftime('%H:%M:%SZ', \(column) / 1000, 'unixepoch')"
  }

  private static func minute(_ column: String) -> String {
    "strftime('%Y-%m-%d %H:%MZ', \(column) / 1000, 'unixepoch')"
  }

  /// A digest as lists show it, and whole.
  private static func fingerprint(_ column: String) -> String {
    """
    lower(substr(hex(\(column)), 1, 4) || '-' || substr(hex(\(column)), 5, 4) || ' ed25519:'
      || hex(\(column)))
    """
  }

  /// The columns of a hold `h` as the queue shows them.
  static let holdTexts: [(column: String, sql: String)] = [
    (
      "risk",
      "CASE h.risk WHEN 3 THEN '!! CRIT' WHEN 2 THEN '!  HIGH' WHEN 1 THEN '~  MED' "
        + "ELSE '.  LOW' END"
    ),
    ("id", "lower(hex(h.digest))"), ("agent", "h.agent"),
    // As it is shown, and as it is spoken.
    ("action", "h.name || '\u{2192}' || h.uri || ' ' || h.name || ' ' || h.uri"),
    ("quorum", "h.approvals || '/' || h.places || ' ' || h.state"),
    ("received", clock("h.received")),
  ]

  /// Who voted on a hold `h`.
  static let holdVoters = """
    (SELECT group_concat(v.voter, ' ') FROM vote v WHERE v.hold = h.digest AND v.withdrawn IS NULL)
    """

  /// Holds one by one: by what expires first, as they came, or all that ever were, the newest first.
  private static func holds(_ request: WindowRequest) -> ListSource<HoldRow> {
    let isNewestFirst = request.showsEnded && request.order != .expiry
    let places =
      request.order == .expiry || request.order == .natural && !request.showsEnded
      ? ["h.expires", "h.digest"] : ["h.idx"]
    return ListSource(
      select: "h.*", from: "hold h", conditions: request.showsEnded ? [] : ["h.ends > :now"],
      arguments: request.showsEnded ? [:] : ["now": request.now.milliseconds], places: places,
      isDescending: isNewestFirst, texts: holdTexts, by: holdVoters, time: "h.received",
      record: HoldRow.init)
  }

  private static var decisions: ListSource<DecisionRow> {
    ListSource(
      from: "decision", places: ["idx"],
      texts: [
        ("time", clock("received")),
        (
          "verdict",
          "CASE WHEN releases IS NOT NULL AND verdict = 'allow' THEN 'release allow' "
            + "ELSE verdict END"
        ),
        ("agent", "agent"),
        ("action", "name || '\u{2192}' || uri || ' ' || name || ' ' || uri"),
        ("rule", "code || ' ' || rule"), ("index", "'#' || idx"),
      ],
      // Who let it through: those whose votes released it.
      by: """
        (SELECT group_concat(v.voter, ' ') FROM vote v
          WHERE v.hold = decision.releases AND v.withdrawn IS NULL)
        """, time: "received", record: DecisionRow.init)
  }

  private static func agents(
    _ request: WindowRequest, counting: Bool = false
  ) -> ListSource<AgentRow> {
    let acted =
      "(SELECT received FROM decision d WHERE d.agent = a.principal ORDER BY idx DESC LIMIT 1)"
    return ListSource(
      select: "a.*, \(AgentRow.counts)", from: "agent a",
      arguments: counting ? [:] : ["now": request.now.milliseconds],
      places: request.order == .owner ? ["a.owner", "a.principal"] : ["a.principal"],
      texts: [
        ("name", "a.principal"), ("owner", "a.owner"), ("roles", "a.roles"),
      ], by: "a.owner", named: ["since": minute("a.received")], time: acted, record: AgentRow.init)
  }

  private static func keys(_ request: WindowRequest) -> ListSource<KeyRow> {
    // The status that a filter looks for is as of now: so the statement always names it.
    var conditions = [
      request.showsEnded
        ? ":now >= 0" : "k.revoked IS NULL AND (k.not_after IS NULL OR k.not_after > :now)"
    ]
    if request.order == .expiry { conditions.append("k.not_after IS NOT NULL") }
    let status = """
      CASE WHEN k.revoked IS NOT NULL THEN 'revoked' WHEN k.not_before > :now THEN 'prepared'
        WHEN k.not_after <= :now THEN 'expired' WHEN k.tainted IS NULL THEN 'active'
        ELSE 'tainted' END
      """
    return ListSource(
      select: "k.*", from: "key k", conditions: conditions,
      arguments: ["now": request.now.milliseconds],
      places: request.order == .expiry
        ? ["k.not_after", "k.fingerprint"] : ["k.holder", "k.received", "k.fingerprint"],
      texts: [
        ("key", fingerprint("k.fingerprint")), ("holder", "k.holder"), ("status", status),
        ("by", "k.enrolled_by"), ("since", minute("k.received")), ("why", "k.reason"),
      ], time: "k.received", record: KeyRow.init)
  }

  // Few, and with columns that are made of more than their row: these are filtered as they are shown,
  // by who shows them.

  private static var operators: ListSource<OperatorRow> {
    ListSource(from: "operator", places: ["principal"], texts: [], record: OperatorRow.init)
  }

  private static var policies: ListSource<PolicyRow> {
    ListSource(
      from: "policy", places: ["-active", "name", "-version", "digest"], texts: [],
      record: PolicyRow.init)
  }

  private static func locks(_ request: WindowRequest) -> ListSource<LockRow> {
    ListSource(
      from: "lock",
      conditions: request.showsEnded
        ? [] : ["lifted IS NULL AND (until IS NULL OR until > :now)"],
      arguments: request.showsEnded ? [:] : ["now": request.now.milliseconds],
      places: ["received", "digest"], isDescending: true, texts: [], record: LockRow.init)
  }

  // MARK: single rows and places

  package func agent(_ principal: String, at now: Timestamp) throws -> AgentRow? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: "SELECT a.*, \(AgentRow.counts) FROM agent a WHERE a.principal = :name"),
      arguments: ["now": now.milliseconds, "name": principal]
    ).map(AgentRow.init)
  }

  package func key(_ fingerprint: Digest) throws -> KeyRow? {
    try Row.fetchOne(
      db, sql: "SELECT * FROM key WHERE fingerprint = ?", arguments: [fingerprint.blob]
    ).map(KeyRow.init)
  }

  /// How many agents there are; for measuring, not for a screen.
  package func agentCount() throws -> Int {
    try Int.fetchOne(db, sql: "SELECT count(*) FROM agent") ?? 0
  }

  /// How many decisions there are; for measuring, not for a screen.
  package func decisionTotal() throws -> Int {
    try Int.fetchOne(db, sql: "SELECT count(*) FROM decision") ?? 0
  }

  package func decision(at index: UInt64) throws -> DecisionRow? {
    try Row.fetchOne(
      db, sql: "SELECT * FROM decision WHERE idx = ?", arguments: [index.sql]
    ).map(DecisionRow.init)
  }

  /// The decision that released a hold of an action.
  package func release(of hold: Digest, action: Digest) throws -> DecisionRow? {
    try Row.fetchOne(
      db,
      sql: """
        SELECT * FROM decision
        WHERE substr(action, 1, 8) = substr(:action, 1, 8) AND releases = :hold LIMIT 1
        """, arguments: ["action": action.blob, "hold": hold.blob]
    ).map(DecisionRow.init)
  }

  package func hold(_ digest: Digest) throws -> HoldRow? {
    try Row.fetchOne(db, sql: "SELECT * FROM hold WHERE digest = ?", arguments: [digest.blob])
      .map(HoldRow.init)
  }

  /// Who has voted on a hold and not taken it back.
  package func voters(of hold: Digest) throws -> [(who: String, vote: String)] {
    try Row.fetchAll(
      db.cachedStatement(
        sql: "SELECT voter, vote FROM vote WHERE hold = ? AND withdrawn IS NULL ORDER BY received"),
      arguments: [hold.blob]
    ).map { ($0.total("voter"), $0.total("vote")) }
  }

  /// The decisions of an agent before one of them that asked for the same, the newest first.
  package func similarDecisions(
    to decision: DecisionRow, limit: Int
  ) throws -> [DecisionRow] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT * FROM (SELECT * FROM decision WHERE agent = ? AND idx < ? ORDER BY idx DESC LIMIT 2000)
        WHERE name = ? AND action <> ? ORDER BY uri <> ?, idx DESC LIMIT \(limit)
        """,
      arguments: [
        decision.agent, decision.index.sql, decision.name, decision.action.blob, decision.uri,
      ]
    ).map(DecisionRow.init)
  }

  /// The hold that an action led to, if it was held.
  package func hold(ofAction action: Digest) throws -> HoldRow? {
    try Row.fetchOne(
      db,
      sql: """
        SELECT h.* FROM decision d JOIN hold h ON h.digest = d.digest
        WHERE substr(d.action, 1, 8) = substr(:action, 1, 8) AND d.action = :action LIMIT 1
        """, arguments: ["action": action.blob]
    ).map(HoldRow.init)
  }

  /// How many decisions followed an index, counted up to a limit.
  package func decisionCount(after index: UInt64, upTo limit: Int) throws -> Int {
    try Int.fetchOne(
      db, sql: "SELECT count(*) FROM (SELECT 1 FROM decision WHERE idx > ? LIMIT ?)",
      arguments: [index.sql, limit]) ?? 0
  }

  /// How often each rule of a policy came first among the newest decisions.
  package func ruleHits(newest limit: Int) throws -> [(rule: String, count: Int)] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT rule, count(*) AS hits FROM
          (SELECT rule FROM decision WHERE rule <> '' ORDER BY idx DESC LIMIT \(limit))
        GROUP BY rule ORDER BY hits DESC
        """
    ).map { ($0.total("rule"), $0.total("hits")) }
  }

  /// Resource patterns, agents, keys and others whose id begins with some text; at most `limit` each.
  package func identities(
    beginning prefix: String, limit: Int
  ) throws -> (agents: [String], operators: [String], services: [String]) {
    func names(_ table: String) throws -> [String] {
      try String.fetchAll(
        db,
        sql: """
          SELECT principal FROM \(table) WHERE principal >= ?1 AND principal < ?1 || x'F4'
          ORDER BY principal LIMIT \(limit)
          """, arguments: [prefix])
    }
    return (try names("agent"), try names("operator"), try names("service"))
  }

  /// Digests in a table that begin with some bytes given as hexadecimal digits.
  package func digests(
    in table: DigestTable, beginning hex: String, limit: Int
  ) throws -> [Digest] {
    // Whole bytes bound the range; an odd digit is compared in the text.
    let even = hex.count % 2 == 0 ? hex : String(hex.dropLast())
    guard let low = Hexadecimal.bytes(of: even.utf8) else { return [] }
    let (name, column) = table.place
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT \(column) AS digest FROM \(name)
        WHERE \(column) >= ?1 AND substr(\(column), 1, ?2) = ?1
          AND lower(hex(\(column))) LIKE ?3 || '%'
        ORDER BY \(column) LIMIT \(limit)
        """, arguments: [Data(low), low.count, hex.lowercased()])
    return rows.compactMap { $0.digest("digest") }
  }

  package enum DigestTable: Sendable, CaseIterable {
    case holds
    case keys
    case grants
    case policies
    case proposals
    case locks
    case reviews
    case keyRequests

    fileprivate var place: (table: String, column: String) {
      switch self {
      case .holds: ("hold", "digest")
      case .keys: ("key", "fingerprint")
      case .grants: ("grant_link", "digest")
      case .policies: ("policy", "digest")
      case .proposals: ("proposal", "digest")
      case .locks: ("lock", "digest")
      case .reviews: ("review", "subject")
      case .keyRequests: ("key_request", "digest")
      }
    }
  }
}
