import Authority
import CanonicalJSON
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

/// One signature completes a group of reviews, or none of it.
@Suite struct GroupedReviewTests {
  let world: World
  let carol = Principal.named("user:carol")

  init() throws {
    world = try World()
    try world.sign(.operatorEnrolled(try world.enrolled(carol, roles: [.approver])))
  }

  /// Nine decisions of a key that is then compromised: five of one kind, three of another, one more.
  private func leaked() async throws -> [ReviewGroup] {
    let authority = try world.authority()
    for number in 0..<5 {
      _ = try await authority.decide(
        try world.action(
          on: "stage://payments/api",
          params: JSONObject([.init(name: "n", value: JSONValue(number % 2))])))
    }
    for _ in 0..<3 { _ = try await authority.decide(try world.action(on: "stage://payments/web")) }
    _ = try await authority.decide(try world.action("restart", on: "stage://payments/api"))
    try await authority.close()
    world.clock.advance(seconds: 60)
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: try World.key(world.bot).publicKey.fingerprint, reason: .compromised,
          compromisedSince: nil, note: "leaked")))
    return try world.ledger.database.read { try $0.reviewGroups(all: false) }
  }

  private func review(
    _ rows: [ReviewRow], _ outcome: ReviewCompleted.Outcome = .justified
  ) -> StatementBody {
    .reviewCompleted(
      ReviewCompleted(
        rows.map { ReviewCompleted.Subject($0.subject, index: Int64($0.index)) },
        outcome: outcome, note: "looked at"))
  }

  private func code(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch let fault as AdmissionFault {
      return fault.code
    } catch let fault as AuthorityFault {
      return fault.code
    } catch {
      return "\(error)"
    }
  }

  private var owed: [ReviewRow] {
    get throws { try world.ledger.database.read { try $0.reviews(all: false) } }
  }

  @Test func `reviews stand in groups of agent, action and resource`() async throws {
    let groups = try await leaked()
    let counts = Dictionary(
      uniqueKeysWithValues: groups.map {
        ("\($0.subject.action) \($0.subject.resource)", $0.rows.count)
      })
    #expect(
      counts == [
        "deploy stage://payments/api": 5, "deploy stage://payments/web": 3,
        "restart stage://payments/api": 1,
      ])
    #expect(Set(groups.map(\.id)).count == 3)
    #expect(groups.allSatisfy { $0.subject.who == "agent:deploy-bot" && $0.isOwed }, "\(groups)")
    let first = groups[0]
    #expect(try world.ledger.database.read { try $0.reviewGroup(first.id) } == first)
    #expect(try world.ledger.database.read { try $0.dueReviews(among: 1000) }.count == 3)
  }

  @Test func `one signature completes a group, in the state, the tables and a replay`() async throws
  {
    let groups = try await leaked()
    let group = try #require(groups.first { $0.rows.count == 5 })
    let before = world.ledger.state.size
    try world.sign(review(group.rows, .unjustified), by: world.bob)
    #expect(world.ledger.state.size == before + 1, "one entry for five reviews")
    #expect(try owed.count == 4)
    #expect(world.ledger.state.reviewed.isSuperset(of: group.rows.map(\.subject)))
    let done = try world.ledger.database.read { try $0.reviewGroups(all: true) }
      .filter { !$0.isOwed }
    #expect(done.count == 1 && done[0].rows.count == 5)
    #expect(done[0].rows.allSatisfy { $0.outcome == "unjustified" && $0.reviewer == "user:bob" })
    let report = try LogVerification.run(
      world.ledger.database, pins: world.pins, folder: world.folder + "/verify")
    #expect(report.findings.isEmpty, "\(report.findings)")
    let fresh = try Ledger(
      RegistryDatabase(world.path, access: .readOnly), pins: nil)
    #expect(fresh.state.reviewed == world.ledger.state.reviewed)
  }

  @Test func `one statement that may not be reviewed refuses the whole list`() async throws {
    let groups = try await leaked()
    let group = try #require(groups.first { $0.rows.count == 5 })
    try world.sign(review([group.rows[2]]), by: carol)
    #expect(code { try world.sign(review(group.rows), by: world.bob) } == "exists")
    let stranger = ReviewCompleted.Subject(Digest.sha256([7]), index: 1)
    let mixed = StatementBody.reviewCompleted(
      ReviewCompleted(
        [stranger]
          + group.rows.dropFirst(3).map {
            ReviewCompleted.Subject($0.subject, index: Int64($0.index))
          }, outcome: .justified, note: "n"))
    #expect(code { try world.sign(mixed, by: world.bob) } == "unknown_subject")
    #expect(try owed.count == 8, "nothing but the one is completed")
    try world.sign(
      .operatorUpdated(
        OperatorUpdated([
          OperatorUpdated.Standing(
            principal: carol, roles: [.viewer], groups: [], mayGrant: [])
        ])))
    let rest = group.rows.filter { $0.subject != group.rows[2].subject }
    #expect(code { try world.sign(review(rest), by: carol) } == "role_missing")
    try world.sign(review(rest), by: world.bob)
    #expect(try owed.count == 4)
  }

  @Test func `the past shows what was owed then, and the proof of a review what it found`()
    async throws
  {
    let group = try #require(try await leaked().first { $0.rows.count == 5 })
    let before = world.ledger.state.size - 1
    try world.sign(review(group.rows, .unjustified), by: world.bob)
    let reviewed = world.ledger.state.size - 1
    for (index, owed) in [(before, 3), (reviewed, 2)] {
      let past = try PastRegistry(
        RegistryDatabase(world.path, access: .readOnly), upTo: index, of: world.ledger)
      #expect(try past.tables.read { try $0.reviewGroups(all: false) }.count == owed)
    }
    // A checkpoint that covers it.
    let authority = try world.authority()
    _ = try await authority.decide(try world.action(on: "stage://payments/api"))
    try await authority.close()
    let proof = try world.ledger.database.read { transaction in
      try world.ledger.catchUp(transaction)
      return try world.ledger.proof(of: reviewed, transaction)
    }
    let check = try ProofCheck(proof, registry: world.registry)
    let found = try #require(check.proven.first { $0.contains("found 5 statements unjustified") })
    #expect(group.rows.allSatisfy { found.contains($0.subject.hex) }, "\(found)")
    #expect(found.contains("user:bob") && found.contains("looked at"))
  }

  @Test func `a state kept on disk knows what was reviewed, and an edited row is found`()
    async throws
  {
    let group = try #require(try await leaked().first { $0.rows.count == 5 })
    try world.sign(review(group.rows), by: world.bob)
    // The first opening keeps its state beside the pin, the second starts from it.
    for _ in 0..<2 {
      let ledger = try Ledger(
        RegistryDatabase(world.path, access: .readOnly), pins: world.pins, trust: world.registry)
      #expect(ledger.state.reviewed == world.ledger.state.reviewed)
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
    process.arguments = [
      world.path, "UPDATE review SET outcome = 'unjustified' WHERE completed > 0",
    ]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let report = try LogVerification.run(
      world.ledger.database, pins: world.pins, folder: world.folder + "/verify")
    #expect(
      report.findings.contains { $0.contains("table review") && $0.contains("column outcome") },
      "\(report.findings)")
  }

  private func revoke(_ key: Fingerprint, since: Timestamp? = nil) throws {
    try world.sign(
      .keyRevoked(
        KeyRevoked(key: key, reason: .compromised, compromisedSince: since, note: "leaked")))
  }

  private func sql(_ text: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
    process.arguments = [world.path, text]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
    return String(decoding: data, as: UTF8.self)
  }

  private func findings() throws -> [String] {
    try LogVerification.run(
      world.ledger.database, pins: world.pins, folder: world.folder + "/verify"
    ).findings
  }

  @Test func `a revocation writes one row, however many statements the key signed`() async throws {
    _ = try await leaked()
    #expect(try sql("SELECT count(*) FROM review") == "0\n")
    #expect(try sql("SELECT count(*) FROM compromised_key WHERE is_open") == "1\n")
    #expect(try owed.count == 9)
    // Reviewed in any order: closed when the last one is.
    for group in try world.ledger.database.read({ try $0.reviewGroups(all: false) }).reversed() {
      try world.sign(review(group.rows), by: world.bob)
    }
    #expect(try sql("SELECT count(*), is_open FROM compromised_key") == "1|0\n")
    #expect(try sql("SELECT count(*) FROM review WHERE completed > 0") == "9\n")
    #expect(try owed.isEmpty && findings().isEmpty)
  }

  @Test func `what a key signed before it was compromised is not to be reviewed`() async throws {
    let authority = try world.authority()
    _ = try await authority.decide(try world.action(on: "stage://payments/before"))
    world.clock.advance(seconds: 60)
    let since = world.clock.now
    _ = try await authority.decide(try world.action(on: "stage://payments/after"))
    try await authority.close()
    try revoke(try World.key(world.bot).publicKey.fingerprint, since: since)
    let groups = try world.ledger.database.read { try $0.reviewGroups(all: false) }
    #expect(groups.map(\.subject.resource) == ["stage://payments/after"])
  }

  @Test func `one key that signed much hides none of the others`() async throws {
    let authority = try world.authority()
    for _ in 0..<40 {
      _ = try await authority.decide(try world.action(on: "stage://payments/api"))
    }
    let held = try await authority.decide(try world.action(on: "prod://payments/api"))
    try world.vote(.approve, on: try #require(held.hold).digest)
    try await authority.close()
    try revoke(try World.key(world.bot).publicKey.fingerprint)
    try revoke(try World.key(world.bob).publicKey.fingerprint)
    let groups = try world.ledger.database.read { try $0.reviewGroups(all: false) }
    #expect(
      groups.map { "\($0.subject.kind) \($0.rows.count)" } == ["action 40", "action 1", "vote 1"])
    #expect(groups.allSatisfy { !$0.hasMore && $0.count == "\($0.rows.count)" })
    // Of 34 that may be read each key has 17.
    let read = try world.ledger.database.read { try $0.dueReviews(among: 34) }
    #expect(read.map { "\($0.subject.kind) \($0.count)" } == ["action 17+", "vote 1"])
  }

  /// Makes the file as the migration before left it: a row of `review` for each statement.
  private func undoMigration(since: Timestamp?) throws {
    _ = try sql(
      """
      INSERT OR IGNORE INTO review SELECT digest, idx, 'action', agent, received, NULL, NULL, NULL,
        NULL, (SELECT because FROM compromised_key) FROM decision
        WHERE received >= \(since?.milliseconds ?? 0);
      DROP TABLE compromised_key; DROP INDEX decision_key; DROP INDEX grant_key;
      DROP INDEX vote_key; DELETE FROM grdb_migrations WHERE identifier LIKE '8 %';
      """)
  }

  @Test func `a registry whose reviews were rows is brought up to date`() async throws {
    let groups = try await leaked()
    try world.sign(review(groups[0].rows), by: world.bob)
    let before = try world.ledger.database.read { try $0.reviewGroups(all: true) }
    try undoMigration(since: nil)
    #expect(try sql("SELECT count(*) FROM review") == "9\n")
    let database = try RegistryDatabase(world.path, access: .readWrite)
    #expect(try database.read { try $0.reviewGroups(all: true) } == before)
    #expect(try sql("SELECT count(*) FROM review") == "5\n")
    #expect(try findings().isEmpty)
  }

  @Test func `what was signed before a key was compromised is not due after the migration either`()
    async throws
  {
    let authority = try world.authority()
    _ = try await authority.decide(try world.action(on: "stage://payments/before"))
    world.clock.advance(seconds: 60)
    let since = world.clock.now
    for name in ["one", "two"] {
      _ = try await authority.decide(
        try world.action(on: ByteString("stage://payments/\(name)")))
    }
    try await authority.close()
    try revoke(try World.key(world.bot).publicKey.fingerprint, since: since)
    let before = try world.ledger.database.read { try $0.reviewGroups(all: true) }
    #expect(before.count == 2)
    try undoMigration(since: since)
    let database = try RegistryDatabase(world.path, access: .readWrite)
    #expect(try database.read { try $0.reviewGroups(all: true) } == before)
    #expect(try findings().isEmpty)
  }

  @Test func `due reviews of a key whose revocation is not found stay due after the migration`()
    async throws
  {
    _ = try await leaked()
    try undoMigration(since: nil)
    // As where the clock was set back between: no entry of the log bears this instant.
    _ = try sql("UPDATE key SET revoked = revoked + 1 WHERE reason = 'compromised'")
    let database = try RegistryDatabase(world.path, access: .readWrite)
    #expect(try database.read { try $0.reviews(all: false) }.count == 9)
  }
}
