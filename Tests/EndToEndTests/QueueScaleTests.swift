import CanonicalJSON
import Cells
import Foundation
import Keys
import Registry
import Statements
import Synchronization
import TestSupport
import Testing

@testable import Commands
@testable import Console

/// The approval queue over very many holds: counted steps of SQLite, never time.
@Suite(.serialized) struct QueueScaleTests {
  /// A registry whose queue is filled by SQL, so that a hundred thousand holds take no signatures.
  private final class Queue {
    let box: Sandbox
    let database: RegistryDatabase
    let reader: RegistryReader
    let count = ReadCount()
    let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))

    init() throws {
      box = try Sandbox()
      try box.countersign(
        "init", "--as", "user:alice", "--registry", box.registry, "--key", "\(box.home)/alice.key",
        "--groups", "sre", passphrase: "apw")
      database = try RegistryDatabase(box.registry, access: .readOnly)
      database.count(in: count)
      reader = RegistryReader(database, viewer: Principal("user:alice"))
    }

    func sql(_ text: String) throws {
      try RawSQL.execute(text, in: box.registry)
    }

    /// `groups` groups of `members` holds each, some of them for nobody here, filed as the projection
    /// files them.
    func fill(groups: Int, members: Int, agent: String = "bot") throws {
      let ms = now.milliseconds
      try sql(
        """
        DELETE FROM hold; DELETE FROM hold_group; DELETE FROM vote;
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < \(groups * members))
        INSERT INTO hold SELECT
          unhex(printf('%064x', i + 1)), i, unhex(printf('%064x', i + 1)), 'agent:\(agent)',
          'deploy', 'prod://x/' || (i % \(groups)), (i % \(groups)) % 4, \(ms) - 1000 - i,
          \(ms) + 600000 + i, 1, 0, 'pending', NULL,
          unhex(printf('%064x', 1000000000 + i % \(groups))), \(ms) + 600000 + i,
          CASE WHEN i % \(groups) % 3 = 0 THEN ' security ' ELSE ' sre ' END,
          CASE WHEN i % \(groups) % 5 = 0 THEN ' user:alice ' ELSE '' END
        FROM n;
        INSERT INTO hold_group SELECT grp, 3 - risk, min(ends), NULL FROM hold GROUP BY grp;
        """.replacingOccurrences(of: "min(ends), NULL", with: "min(ends), digest"))
    }

    func load(_ request: ListRequest) async -> (page: ListPage?, statements: Int, steps: Int) {
      let found = Mutex<(page: ListPage?, statements: Int, steps: Int)>((nil, 0, 0))
      count.reset()
      reader.supersede(request)
      await reader.page(request) { [count] message in
        guard case .page(let page) = message, page.searched == nil else { return }
        found.withLock { $0 = (page, count.statements, count.steps) }
      }
      return found.withLock { $0 }
    }
  }

  private func request(
    _ anchor: ListRequest.Anchor = .first, limit: Int = 64, serial: Int = 1,
    unfolded: Set<Digest> = [], needed: Bool = false, filter: String = "", reversed: Bool = false,
    selected: Target? = nil
  ) -> ListRequest {
    var request = ListRequest(
      view: .approvals, serial: serial, anchor: anchor, limit: limit, order: .natural,
      isReversed: reversed, filter: filter, showsEnded: false, collapses: true)
    (request.unfolded, request.onlyNeeded, request.selected) = (unfolded, needed, selected)
    return request
  }

  @Test func `a page of the queue costs the same whether ten holds wait or a hundred thousand`()
    async throws
  {
    let queue = try Queue()
    var costs: [Int] = []
    // One flood; as many groups as holds; and both in between.
    for (groups, members) in [(10, 1), (10, 10_000), (100_000, 1), (300, 300)] {
      try queue.fill(groups: groups, members: members)
      for needed in [false, true] {
        let first = await queue.load(request(limit: 10, serial: costs.count, needed: needed))
        #expect(first.page?.rows.isEmpty == false, "\(groups)x\(members)")
        costs.append(first.steps)
        let bound = 10 * (HoldGroupRow.countLimit * 12 + 2000) + 20_000
        #expect(first.steps < bound, "\(groups)x\(members) \(needed): \(first.steps) steps")
      }
      let last = await queue.load(request(.last, limit: 10, serial: 900 + costs.count))
      #expect(last.steps < 40_000, "\(groups)x\(members): \(last.steps) steps")
      // And what every screen shows of it.
      queue.count.reset()
      guard case .changed(let status)? = await queue.reader.status(force: true) else {
        Issue.record("no status")
        return
      }
      #expect(queue.count.steps < 400_000, "\(groups)x\(members): \(queue.count.steps) steps")
      #expect(status.pendingCount == min(1000, groups * members))
      #expect(status.isFloor == (groups * members >= 1000))
    }
  }

  /// Every line, page by page, in one direction.
  private func walk(
    _ queue: Queue, back: Bool, limit: Int, _ change: (inout ListRequest) -> Void
  ) async throws -> [ListRow] {
    var rows: [ListRow] = []
    var anchor: ListRequest.Anchor = back ? .last : .first
    for serial in 1...10_000 {
      var next = request(anchor, limit: limit, serial: serial)
      change(&next)
      let page = try #require(await queue.load(next).page)
      rows = back ? page.rows + rows : rows + page.rows
      guard page.hasMore, let edge = back ? page.rows.first : page.rows.last else { return rows }
      anchor = back ? .before(edge.place) : .after(edge.place)
    }
    Issue.record("it never ends")
    return rows
  }

  @Test func `pages forward and back give every line once, groups folded and unfolded`()
    async throws
  {
    let queue = try Queue()
    try queue.fill(groups: 7, members: 9)
    let ids = try queue.database.read {
      try $0.holdGroups(WindowRequest(anchor: .first, limit: 100, now: queue.now)).rows
    }.map(\.record.id)
    #expect(ids.count == 7)
    for reversed in [false, true] {
      for unfolded in [Set<Digest>(), [ids[0]], [ids[2], ids[6]], Set(ids)] {
        let change: (inout ListRequest) -> Void = {
          $0.unfolded = unfolded
          $0 = ListRequest(
            view: .approvals, serial: $0.serial, anchor: $0.anchor, limit: $0.limit,
            order: .natural, isReversed: reversed, filter: "", showsEnded: false, collapses: true,
            onlyNeeded: false, unfolded: unfolded, selected: nil)
        }
        let whole = try await walk(queue, back: false, limit: 500, change)
        #expect(whole.count == 7 + 9 * unfolded.count)
        #expect(Set(whole.map(\.target)).count == whole.count)
        for limit in [1, 2, 3, 5, 8, 13] {
          for back in [false, true] {
            let walked = try await walk(queue, back: back, limit: limit, change)
            #expect(
              walked.map(\.target) == whole.map(\.target),
              "reversed \(reversed) unfolded \(unfolded.count) limit \(limit) back \(back)")
          }
        }
      }
    }
  }

  @Test func `a group keeps its place as its count changes, and moves on with its first hold`()
    async throws
  {
    let queue = try Queue()
    try queue.fill(groups: 8, members: 3)
    let before = try #require(await queue.load(request()).page).rows
    let group = try #require(before[2].target.id as String?)
    // Forty more of one kind: nothing moves.
    try queue.sql(
      """
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 39)
      INSERT INTO hold SELECT unhex(printf('%064x', 500000 + i)), 900 + i, action, agent, name, uri,
        risk, \(queue.now.milliseconds), expires + 5000, places, approvals, state, approved_until,
        grp, ends + 5000 + i, needs, excluded
      FROM n, (SELECT * FROM hold WHERE grp = x'\(group)' ORDER BY ends DESC LIMIT 1)
      """)
    let after = try #require(await queue.load(request(serial: 2)).page).rows
    #expect(after.map(\.target) == before.map(\.target))
    #expect(after[2].count == 43 && before[2].count == 3)
    // A flood marks its agent, and the hint names the lock.
    #expect(after[2].isFlood && after[2].cells[4].shown(at: queue.now).text.text == "64 in 5 min")
    #expect(after[2].cells[3].shown(at: queue.now).text.text.hasPrefix("\u{00D7}43 deploy"))
    // Time passes the first hold of the first group by, and nobody writes anything: it is read under
    // its next one, still a line of its own.
    try queue.sql(
      "UPDATE hold SET ends = \(queue.now.milliseconds - 1), expires = ends WHERE digest IN "
        + "(SELECT head FROM hold_group ORDER BY rank, ends, head LIMIT 1); "
        + "UPDATE hold_group SET ends = \(queue.now.milliseconds - 1) WHERE id = "
        + "x'\(before[0].target.id)'")
    let later = try #require(await queue.load(request(serial: 3)).page).rows
    #expect(Set(later.map(\.target)) == Set(before.map(\.target)))
    #expect(later.first { $0.target == before[0].target }?.count == 2)
  }

  @Test func `what needs a person is theirs to approve, and what they voted on is done`()
    async throws
  {
    let queue = try Queue()
    try queue.fill(groups: 15, members: 2)
    let needed = try #require(await queue.load(request(needed: true)).page).rows
    // Not those for security alone, nor those alice is kept out of.
    let wanted = Set((0..<15).filter { $0 % 3 != 0 && $0 % 5 != 0 }.map { "prod://x/\($0)" })
    let shown = Set(
      needed.compactMap { row in
        row.related.compactMap { if case .resource(let uri) = $0 { uri } else { nil } }.first
      })
    #expect(shown == wanted)
    #expect(!needed.contains { !$0.needsViewer })
    let all = try #require(await queue.load(request(serial: 2)).page).rows
    #expect(all.count == 15 && all.count(where: \.needsViewer) == wanted.count)
    #expect(
      await queue.load(request(serial: 3, filter: "needs:me")).page?.rows.count == wanted.count)
    // One hold of a group is voted on: the other still needs her; then it does not.
    let first = try #require(needed.first?.hold)
    func vote(_ hold: Digest) throws {
      try queue.sql(
        """
        INSERT INTO vote VALUES (x'\(hold.hex)', 1, x'\(hold.hex)', 'user:alice', x'00', 'approve',
          '', 1, NULL)
        """)
    }
    try vote(first)
    #expect(await queue.load(request(serial: 4, needed: true)).page?.rows.count == wanted.count)
    let group = try #require(Digest(hex: needed[0].target.id.utf8))
    guard case .members(let members, _, _) = await queue.reader.members(of: group) else {
      Issue.record("no members")
      return
    }
    #expect(members.count == 2 && members[0] == first)
    try vote(members[1])
    #expect(await queue.load(request(serial: 5, needed: true)).page?.rows.count == wanted.count - 1)
    #expect(
      await queue.load(request(serial: 6, filter: "by:alice")).page?.rows.map(\.target)
        == members.map { .hold($0) })
  }

  @Test func `a filter by what differs from hold to hold shows holds, not groups`() {
    for filter in ["since:5m", "by:bob", "3f2a91bc", "!api", "quorum:1/2", "agent:bot id:3f"] {
      #expect(!RegistryReader.isGrouped(request(filter: filter)), "\(filter)")
    }
    for filter in ["", "agent:bot", "api-2", "action:deploy risk:high", "needs:me"] {
      #expect(RegistryReader.isGrouped(request(filter: filter)), "\(filter)")
    }
  }

  @Test func `a filter of the queue finds what its lines show`() async throws {
    let queue = try Queue()
    try queue.fill(groups: 12, members: 2)
    for (number, (text, count)) in [
      // Groups where the filter is about what its holds have in common, else single holds.
      ("x/11", 1), ("deploy\u{2192}prod", 12), ("action:x/1", 3), ("!x/1", 18), ("risk:crit", 3),
      ("agent:bot risk:high", 3), ("~dplyprd", 24), ("nothing", 0), ("user:bot", 0),
      ("since:1m", 24),
    ].enumerated() {
      let page = await queue.load(request(serial: number + 1, filter: text)).page
      #expect(page?.rows.count == count, "\(text)")
    }
    // By its id a hold is found whatever group it is in.
    let id = String(repeating: "0", count: 62) + "05"
    let found = await queue.load(request(serial: 99, filter: "id:\(id)")).page
    #expect(found?.rows.map(\.target.id) == [id])
  }

  @Test func `the cursor's hold stays a row of its own when its group grows`() async throws {
    let queue = try Queue()
    try queue.fill(groups: 3, members: 2)
    let line = try #require(await queue.load(request()).page?.rows.first)
    let hold = try #require(line.hold)
    let page = try #require(
      await queue.load(request(serial: 2, selected: .hold(hold))).page)
    #expect(page.rows.map(\.depth) == [0, 1, 0, 0], "the rest of its group stays folded")
    #expect(page.rows[0].target == line.target && page.rows[0].branch == .folded)
    #expect(page.rows[1].target == .hold(hold))
    // Page by page, both ways, it is there once.
    for back in [false, true] {
      for limit in 1...4 {
        let walked = try await walk(queue, back: back, limit: limit) {
          $0.selected = .hold(hold)
        }
        #expect(walked.map(\.target) == page.rows.map(\.target), "\(back) \(limit)")
      }
    }
    // A group of one is a plain row, unless the cursor stands on the group.
    try queue.sql("DELETE FROM hold WHERE grp = x'\(line.target.id)' AND digest <> x'\(hold.hex)'")
    let plain = try #require(await queue.load(request(serial: 20_003)).page)
    #expect(plain.rows.first?.target == .hold(hold))
    let kept = try #require(await queue.load(request(serial: 20_004, selected: line.target)).page)
    #expect(kept.rows.first?.target == line.target && kept.rows.first?.count == 1)
  }
}
