import GRDB
package import Keys
package import Statements

/// A link of the tree, with what hangs below it.
package struct BranchRow: Sendable, Hashable {
  package let grant: GrantRow
  /// Links right below it, counted up to ``countLimit``.
  package let children: Int
  /// Other links in force to the same holder, counted likewise.
  package let elsewhere: Int
  package let pending: Int
  /// Whether the key that signed it was revoked in a way that ends it, as far as rows tell.
  package let isKeyRevoked: Bool
  /// Whether the holder is no agent any more.
  package let isHolderGone: Bool
  /// Whether the holder has no active key.
  package let isKeyless: Bool

  package static let countLimit = 1000
}

/// Which part of a branch: by holder and link, in that order.
package enum BranchPlace: Sendable {
  case first
  case last
  case after(holder: String, grant: Digest)
  case before(holder: String, grant: Digest)
  /// Itself included.
  case from(holder: String, grant: Digest)
}

extension RegistryTransaction {
  /// Users from whom authority starts, with how many links start there.
  package func treeRoots(
    after name: String?, limit: Int, showsEnded: Bool
  ) throws -> [(name: String, children: Int)] {
    try Row.fetchAll(
      db,
      sql: """
        WITH RECURSIVE root (name) AS (
          SELECT min(issuer) FROM grant_link WHERE parent IS NULL AND issuer > :after
          UNION ALL
          SELECT (SELECT min(issuer) FROM grant_link WHERE parent IS NULL AND issuer > name)
          FROM root WHERE name IS NOT NULL LIMIT \(limit + 1))
        SELECT name, (SELECT count(*) FROM (SELECT 1 FROM grant_link g
          WHERE g.parent IS NULL AND g.issuer = root.name AND (:all OR g.revoked IS NULL)
          LIMIT \(BranchRow.countLimit))) AS children
        FROM root WHERE name IS NOT NULL
        """, arguments: ["after": name ?? "", "all": showsEnded]
    ).map { ($0.total("name"), $0.total("children")) }
  }

  /// Links right below a link, or those that start at a user, by holder.
  ///
  /// - Returns: The links in order, and whether more follow in the direction asked for.
  package func branch(
    below parent: Digest?, root: String?, at place: BranchPlace, limit: Int, showsEnded: Bool,
    at now: Timestamp
  ) throws -> (rows: [BranchRow], hasMore: Bool) {
    let from = parent == nil ? "g.parent IS NULL AND g.issuer = :root" : "g.parent = :parent"
    let (comparison, bound): (String, (holder: String, grant: Digest)?) =
      switch place {
      case .first, .last: ("", nil)
      case .after(let holder, let grant): (">", (holder, grant))
      case .before(let holder, let grant): ("<", (holder, grant))
      case .from(let holder, let grant): (">=", (holder, grant))
      }
    let isBackward = if case .last = place { true } else { comparison == "<" }
    let direction = isBackward ? "DESC" : "ASC"
    let further =
      bound == nil ? "" : "AND (g.holder, g.digest) \(comparison) (:holder, :grant)"
    var arguments: StatementArguments = ["now": now.milliseconds, "all": showsEnded]
    if let parent {
      arguments += ["parent": parent.blob]
    } else {
      arguments += ["root": root ?? ""]
    }
    if let bound { arguments += ["holder": bound.holder, "grant": bound.grant.blob] }
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT g.*,
            (SELECT count(*) FROM (SELECT 1 FROM grant_link c
              WHERE c.parent = g.digest AND (:all OR c.revoked IS NULL)
              LIMIT \(BranchRow.countLimit))) AS children,
            (SELECT count(*) - 1 FROM (SELECT 1 FROM grant_link o
              WHERE o.holder = g.holder AND o.revoked IS NULL LIMIT \(BranchRow.countLimit)))
              AS elsewhere,
            (SELECT count(*) FROM hold h WHERE h.agent = g.holder AND h.state = 'pending'
              AND h.expires > :now) AS pending,
            (SELECT k.revoked IS NOT NULL AND k.reason IN ('compromised', 'unspecified')
              FROM key k WHERE k.fingerprint = g.key) AS dead,
            NOT EXISTS (SELECT 1 FROM agent a WHERE a.principal = g.holder) AS gone,
            NOT EXISTS (SELECT 1 FROM key k WHERE k.holder = g.holder AND k.revoked IS NULL
              AND (k.not_before IS NULL OR k.not_before <= :now)
              AND (k.not_after IS NULL OR k.not_after > :now)) AS keyless
          FROM grant_link g
          WHERE \(from) AND (:all OR g.revoked IS NULL) \(further)
          ORDER BY g.holder \(direction), g.digest \(direction) LIMIT \(limit + 1)
          """), arguments: arguments)
    let shown = rows.prefix(limit).map { row in
      BranchRow(
        grant: GrantRow(row), children: row.total("children"),
        elsewhere: Swift.max(0, row.total("elsewhere")), pending: row.total("pending"),
        isKeyRevoked: row.total("dead"), isHolderGone: row.total("gone"),
        isKeyless: row.total("keyless"))
    }
    return (isBackward ? shown.reversed() : shown, rows.count > limit)
  }

  /// The capabilities of a link as the tree shows them: `deploy,restart on prod://payments/**`.
  private static let scope = """
    (SELECT group_concat(
      (SELECT group_concat(a.value, ',') FROM json_each(c.value, '$.actions') a) || ' on '
        || (SELECT group_concat(r.value, ',') FROM json_each(c.value, '$.resources') r), '; ')
      FROM json_each(CASE WHEN json_valid(capabilities) THEN capabilities ELSE '[]' END) c)
    """

  /// Links in which all of some terms are found, each with the way to it from its root.
  package func treeMatches(
    _ terms: [WindowTerm], limit: Int, showsEnded: Bool
  ) throws -> [(root: String, path: [Digest])] {
    guard !terms.isEmpty else { return [] }
    var arguments: StatementArguments = ["all": showsEnded]
    let conditions = terms.enumerated().map { number, term in
      arguments += ["pattern\(number)": term.pattern]
      let text =
        switch term.column {
        case "name": "holder"
        case "scope": "coalesce(\(RegistryTransaction.scope), '')"
        default: "holder || ' ' || coalesce(\(RegistryTransaction.scope), '')"
        }
      return "\(text) \(term.isNegated ? "NOT LIKE" : "LIKE") :pattern\(number) ESCAPE '\\'"
    }
    let found = try Row.fetchAll(
      db,
      sql: """
        SELECT digest FROM grant_link
        WHERE \(conditions.joined(separator: " AND ")) AND (:all OR revoked IS NULL)
        ORDER BY holder, digest LIMIT \(limit)
        """, arguments: arguments
    ).compactMap { $0.digest("digest") }
    return try found.compactMap { try treePath(to: $0) }
  }

  /// The way from the root to a link.
  package func treePath(to grant: Digest) throws -> (root: String, path: [Digest])? {
    var path: [Digest] = []
    var next: Digest? = grant
    var root = ""
    while let digest = next, path.count < 64 {
      guard
        let row = try Row.fetchOne(
          db.cachedStatement(sql: "SELECT parent, issuer FROM grant_link WHERE digest = ?"),
          arguments: [digest.blob])
      else { return nil }
      path.insert(digest, at: 0)
      next = row.digest("parent")
      root = row.total("issuer")
    }
    return (root, path)
  }

  /// A link a principal holds, to find it in the tree.
  package func firstGrant(heldBy holder: String) throws -> Digest? {
    try Row.fetchOne(
      db,
      sql: "SELECT digest FROM grant_link WHERE holder = ? ORDER BY revoked IS NOT NULL LIMIT 1",
      arguments: [holder]
    )?.digest("digest")
  }

  package func grant(_ digest: Digest) throws -> GrantRow? {
    try Row.fetchOne(db, sql: "SELECT * FROM grant_link WHERE digest = ?", arguments: [digest.blob])
      .map(GrantRow.init)
  }
}
