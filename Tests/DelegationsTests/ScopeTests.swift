import CanonicalJSON
import Keys
import Statements
import TestSupport
import Testing

@testable import Delegations

@Suite struct ScopeTests {
  /// The plain reading of the rule: each pair within one capability of the wider side.
  private func naiveExcess(
    _ narrow: [Capability], _ wide: [Capability]
  ) throws -> (action: ByteString, resource: ByteString)? {
    for capability in narrow {
      for action in capability.actions {
        for resource in capability.resources {
          let isCovered = try wide.contains { candidate in
            try candidate.actions.contains { try covers(action: $0, action) }
              && candidate.resources.contains { try covers(resource: $0, resource) }
          }
          if !isCovered { return (action, resource) }
        }
      }
    }
    return nil
  }

  private func covers(action wide: ByteString, _ narrow: ByteString) throws -> Bool {
    if wide == narrow || wide == "*" { return true }
    return wide.text.hasSuffix(":*") && narrow.text.hasPrefix(wide.text.dropLast())
  }

  private func covers(resource wide: ByteString, _ narrow: ByteString) throws -> Bool {
    var (left, right) = (wide.text.split(separator: "/"), narrow.text.split(separator: "/"))
    let isOpen = left.last == "**"
    if isOpen { left.removeLast() }
    if right.last == "**" {
      guard isOpen else { return false }
      right.removeLast()
    }
    guard isOpen ? left.count <= right.count : left.count == right.count else { return false }
    return zip(left, right).enumerated().allSatisfy { index, pair in
      pair.0 == pair.1 || (index > 1 && pair.0 == "*")
    }
  }

  private func capabilities(_ random: inout SeededRandom) -> [Capability] {
    func distinct(_ count: Int, _ make: () -> ByteString) -> [ByteString] {
      Array(Set((0..<count).map { _ in make() })).sorted()
    }
    let names: [ByteString] = ["a", "b", "*", "a:*", "a:b", "a:b:*", "a:b:c", "b:*"]
    var found: [Capability] = []
    for _ in 0..<(1 + random.below(4)) {
      let actions = distinct(1 + random.below(3)) { names[random.below(names.count)] }
      let resources = distinct(1 + random.below(4)) {
        var text = ["s://h", "s://i"][random.below(4) / 3]
        for _ in 0..<random.below(4) { text += "/" + ["a", "b", "*"][random.below(3)] }
        if random.below(3) == 0 { text += "/**" }
        return ByteString(text)
      }
      let capability = Capability(actions: actions, resources: resources)
      if !found.contains(capability) { found.append(capability) }
    }
    return found
  }

  @Test func `looking patterns up agrees with comparing all of them`() throws {
    var random = SeededRandom.announced("scopes")
    var outcomes = (within: 0, beyond: 0)
    for _ in 0..<3000 {
      let (narrow, wide) = (capabilities(&random), capabilities(&random))
      let found = try Scope(narrow).excess(over: Scope(wide))
      let expected = try naiveExcess(narrow, wide)
      #expect(
        found?.action == expected?.action && found?.resource == expected?.resource,
        "\(narrow.map(\.json)) over \(wide.map(\.json))")
      if expected == nil { outcomes.within += 1 } else { outcomes.beyond += 1 }
    }
    #expect(outcomes.within > 100 && outcomes.beyond > 100)
  }

  private func segments(_ number: Int, _ letters: [String], _ length: Int) -> String {
    var (rest, text) = (number, "")
    for _ in 0..<length {
      text += "/" + letters[rest % letters.count]
      rest /= letters.count
    }
    return text
  }

  private func bytes(_ capabilities: [Capability]) throws -> Int {
    try JSONValue.array(capabilities.map(\.json)).canonicalBytes().count
  }

  private func comparisons(_ narrow: [Capability], _ wide: [Capability]) throws -> Int {
    let (narrow, wide) = (try Scope(narrow), try Scope(wide))
    var comparisons = 0
    _ = narrow.excess(over: wide, comparisons: &comparisons)
    return comparisons
  }

  @Test func `two grants as full as they may be are never compared pattern by pattern`() throws {
    // 4,096 resources of 12 bytes each, one action: 51 KB, all covered only by the last pattern.
    let narrow = (0..<64).map { capability in
      Capability(
        actions: ["a"],
        resources: (0..<64).map { ByteString("s://h/\(capability)/x\($0)") })
    }
    let wide = (0..<64).map { capability in
      Capability(
        actions: ["a"],
        resources: (0..<63).map { ByteString("s://h/\(capability)/y\($0)") } + ["s://h/*/*"])
    }
    #expect(try bytes(narrow) > 50_000 && bytes(wide) > 50_000)
    #expect(try comparisons(narrow, wide) < 20_000)
    // Half the pairs by actions: 64 x 64 of one capability, names full of colons.
    let named = Capability(
      actions: (0..<64).map { ByteString(String(repeating: ":", count: 250) + "\($0)") },
      resources: (0..<64).map { ByteString("s://h/x\($0)") })
    #expect(
      try comparisons([named], [Capability(actions: ["*"], resources: ["s://h/**"])]) < 30_000)
    // Every placement of wildcards there may be.
    let shapes = (0..<16).map { ByteString("s://h" + segments($0, ["a", "*"], 4)) }
    let deep = (0..<64).map { capability in
      Capability(
        actions: ["a"],
        resources: (0..<64).map { ByteString("s://h/a/a/a/a\(capability)x\($0)") })
    }
    #expect(
      try comparisons(
        deep, [Capability(actions: ["*"], resources: shapes + ["s://h/**"].dropLast())])
        < 80_000)
  }

  @Test func `a grant of too many pairs is refused before anything is read`() {
    let full = Capability(
      actions: (0..<64).map { ByteString("a\($0)") },
      resources: (0..<64).map { ByteString("s://h/x\($0)") })
    #expect(throws: Never.self) { try Scope([full]) }
    let malformed = Capability(actions: ["\u{1}"], resources: ["nothing"])
    #expect(throws: ScopeFault.tooManyPairs(4097)) { try Scope([full, malformed]) }
    let many = (0..<65).map { Capability(actions: [ByteString("a\($0)")], resources: []) }
    #expect(throws: ScopeFault.tooManyCapabilities(65)) { try Scope(many) }
    let shapes = (0..<17).map { number in
      ByteString("s://h" + segments(number, ["a", "*"], 5) + "/**")
    }
    #expect(throws: ScopeFault.tooManyShapes(origin: "s://h", count: 17)) {
      try Scope([Capability(actions: ["a"], resources: shapes)])
    }
    for fault in [
      ScopeFault.tooManyPairs(4097), .tooManyCapabilities(65),
      .tooManyShapes(origin: "s://h", count: 17),
    ] { #expect(fault.code == "capabilities_too_many") }
    #expect(ScopeFault.tooManyPairs(4097).description.contains("4096"))
  }

  @Test func `nothing stands twice in a grant`() {
    let one = Capability(actions: ["a", "b"], resources: ["s://h/x", "s://h/y"])
    let turned = Capability(actions: ["b", "a"], resources: ["s://h/y", "s://h/x"])
    for repeated in [
      [Capability(actions: ["a", "a"], resources: ["s://h"])],
      [Capability(actions: ["a"], resources: ["s://h", "s://i", "s://h"])], [one, turned],
    ] {
      #expect {
        try Scope(repeated)
      } throws: { error in
        (error as? ScopeFault)?.code == "capabilities_repeated"
      }
    }
  }

  @Test func `a pattern of a thousand segments is walked, not recursed into`() throws {
    let long = "s://h" + String(repeating: "/a", count: 1021)
    let stars = "s://h" + String(repeating: "/*", count: 1021)
    #expect(try ResourcePattern(ByteString(stars)).covers(ResourcePattern(ByteString(long))))
    #expect(try ResourcePattern(ByteString(stars)).overlaps(ResourcePattern(ByteString(long))))
    #expect(try ResourcePattern(ByteString(stars)).matches(ResourceURI(ByteString(long))))
    #expect(throws: PatternFault.self) { try ResourceURI(ByteString(long + "/aaaa")) }
  }

  // MARK: chains

  private func chain(_ length: Int) throws -> (records: ChainRecords, leaf: Digest, bot: Principal)
  {
    let bot = try #require(Principal("agent:bot"))
    let alice = try #require(Principal("user:alice"))
    let key = try SigningKey.generate()
    let capability = Capability(
      actions: (0..<64).map { ByteString("a\($0)") },
      resources: (0..<64).map { ByteString("s://h/x\($0)") })
    var grants: [Digest: Grant] = [:]
    var parent: Digest?
    for hop in 0..<length {
      let digest = Digest.sha256([UInt8(hop)])
      grants[digest] = try Grant(
        digest: digest, issuer: hop == 0 ? alice : bot, key: key.publicKey.fingerprint,
        received: Timestamp(milliseconds: 1),
        terms: GrantIssued(
          holder: bot, capabilities: [capability],
          limits: GrantLimits(maxDepth: Int64(64 - hop)), parent: parent))
      parent = digest
    }
    let publicKey = key.publicKey
    let all = grants
    let records = ChainRecords(
      grant: { all[$0] },
      key: { _ in
        KeyRecord(
          key: publicKey, holder: bot, enrollers: [], received: Timestamp(milliseconds: 0))
      }, isPresent: { _ in true })
    return (records, try #require(parent), bot)
  }

  @Test func `a decision under a deep chain judges no pair of grants again`() throws {
    let (records, leaf, _) = try chain(32)
    let verifier = ChainVerifier(records)
    _ = verifier.report(leaf: leaf, audience: nil, at: Timestamp(milliseconds: 2))
    let first = records.judged.comparisons
    #expect(first > 31 * 4096)
    let again = verifier.report(leaf: leaf, audience: nil, at: Timestamp(milliseconds: 2))
    #expect(records.judged.comparisons == first)
    #expect(again.hops.dropFirst().allSatisfy { $0.verdict == .valid })
  }

  @Test func `what is remembered of judged pairs is bounded, and a wider grant is not remembered`()
    throws
  {
    let judged = JudgedScopes(limit: 4)
    let (records, leaf, _) = try chain(32)
    let grants = try ChainVerifier(records).grants(to: leaf)
    for (parent, child) in zip(grants, grants.dropFirst()) {
      #expect(judged.excess(of: child, over: parent) == nil)
    }
    #expect(judged.count <= 8)
    let wide = try Grant(
      digest: Digest.sha256([200]), issuer: grants[0].terms.holder, key: grants[0].key,
      received: grants[0].received,
      terms: GrantIssued(
        holder: grants[0].terms.holder,
        capabilities: [Capability(actions: ["*"], resources: ["s://h/**"])],
        limits: GrantLimits(), parent: grants[0].digest))
    for _ in 0..<3 { #expect(judged.excess(of: wide, over: grants[0])?.action == "*") }
  }
}
