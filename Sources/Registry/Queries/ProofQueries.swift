import GRDB
package import Keys
package import Statements

// Where the entries stand that a proof must include; what stands there is checked by the proof.
extension RegistryTransaction {
  /// Entries that say who may change trust, and those that put one policy in force.
  package func rosterIndexes(before size: UInt64, policyProposals: [Digest]) throws -> [UInt64] {
    let rows = try Row.fetchAll(
      db, sql: "SELECT * FROM roster WHERE idx < ? ORDER BY idx", arguments: [size.sql])
    return try rows.filter { row in
      let type: String = row.total("type")
      return type.hasPrefix("registry.") || type.hasPrefix("operator.")
        || type.hasPrefix("settings.") || type.hasPrefix("service.")
        || row.digest("proposal").map(policyProposals.contains) == true
    }.map { try $0.index("roster") }
  }

  /// Proposals of one kind.
  package func proposals(of type: StatementType) throws -> [(digest: Digest, index: UInt64)] {
    try Row.fetchAll(
      db, sql: "SELECT proposal, min(idx) AS idx FROM roster WHERE type = ? GROUP BY proposal",
      arguments: [type.rawValue]
    ).compactMap { row in try row.digest("proposal").map { ($0, try row.index("roster")) } }
  }

  package func index(ofKey fingerprint: Fingerprint) throws -> UInt64? {
    try index("key", "fingerprint", fingerprint.digest)
  }

  package func index(ofGrant digest: Digest) throws -> UInt64? {
    try index("grant_link", "digest", digest)
  }

  package func index(ofPolicy digest: Digest) throws -> UInt64? {
    try index("policy", "digest", digest)
  }

  package func index(ofRequest digest: Digest) throws -> UInt64? {
    try index("key_request", "digest", digest)
  }

  /// The entry that opened a proposal.
  package func proposalIndex(_ digest: Digest) throws -> UInt64? {
    try Int64.fetchOne(
      db, sql: "SELECT min(idx) FROM roster WHERE proposal = ?", arguments: [digest.blob]
    ).map { try UInt64(row: $0, table: "roster", column: "idx") }
  }

  package func voteIndexes(of hold: Digest) throws -> [UInt64] {
    try Int64.fetchAll(
      db, sql: "SELECT idx FROM vote WHERE hold = ? ORDER BY idx", arguments: [hold.blob]
    ).map { try UInt64(row: $0, table: "vote", column: "idx") }
  }

  private func index(_ table: String, _ column: String, _ digest: Digest) throws -> UInt64? {
    try Int64.fetchOne(
      db, sql: "SELECT idx FROM \(table) WHERE \(column) = ?", arguments: [digest.blob]
    ).map { try UInt64(row: $0, table: table, column: "idx") }
  }
}
