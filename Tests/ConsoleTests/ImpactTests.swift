import Console
import Statements
import Testing

/// Whom a change hits, compared with what a reader began from.
@Suite struct ImpactTests {
  private func impact(
    all: [String] = [], some: [String] = [], quorums: Set<String> = []
  ) -> Impact {
    Impact(losingAll: all.sorted(), losingSome: some.sorted(), quorums: quorums)
  }

  @Test func `only who is hit besides is news`() {
    var known = KnownImpact(impact(all: ["agent:a"], some: ["agent:b"], quorums: ["1 of sre"]))
    #expect(
      known.news(in: impact(all: ["agent:a"], some: ["agent:b"], quorums: ["1 of sre"])) == nil)
    #expect(known.news(in: impact()) == nil, "fewer is no news")
    #expect(known.news(in: impact(some: ["agent:a"])) == nil, "less is no news")
    #expect(known.news(in: impact(all: ["agent:b"])) == "agent:b now loses all access")
    #expect(
      known.news(in: impact(all: ["agent:a", "agent:c"], quorums: ["2 of ops"]))
        == "agent:c loses all access, the quorum 2 of ops can no longer be reached")
    #expect(
      known.news(in: impact(all: ["agent:c", "agent:d", "agent:e", "agent:f"]))
        == "agent:c loses all access, agent:d loses all access, 2 more agents")
    // What comes and goes is acknowledged once.
    known.learn(impact(all: ["agent:c"]))
    known.learn(impact())
    #expect(
      known.news(in: impact(all: ["agent:a", "agent:b", "agent:c"]))
        == "agent:b now loses all access")
    #expect(known.news(in: impact(all: ["agent:a", "agent:c"], some: ["agent:b"])) == nil)
  }

  @Test func `of many a few are kept, and what changes beyond them is told`() {
    func names(_ range: Range<Int>) -> [String] { range.map { "agent:\(1_000_000 + $0)" } }
    let many = impact(all: names(0..<20_000))
    #expect(many.agents.count == Impact.limit && many.count == 20_000)
    let known = KnownImpact(many)
    #expect(known.news(in: impact(all: names(0..<20_000))) == nil)
    #expect(
      known.news(in: impact(all: names(0..<20_001)))
        == "20001 agents lose access instead of 20000")
    // One went, another came: the number alone would not tell.
    #expect(known.news(in: impact(all: names(0..<19_999) + ["agent:9"])) != nil)
    // A name within what was shown is named.
    #expect(
      known.news(in: impact(all: names(0..<20_000) + ["agent:0"]))
        == "agent:0 loses all access")
    // Of fewer all are named again; those that moved up into the names were hit before.
    #expect(
      known.news(in: impact(all: names(10..<20_000))) == "19990 agents lose access instead of 20000"
    )
  }
}
