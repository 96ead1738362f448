import Approvals
import CanonicalJSON
import Keys
import Statements
import TestSupport
import Testing

@Suite struct QuorumTests {
  private func voter(_ name: ByteString, _ groups: ByteString...) -> Voter {
    Voter(principal: Principal.named("user:" + name), groups: groups)
  }

  @Test func `a person fills one place in all, in whatever order they come`() {
    let quorum = [QuorumItem(anyOf: ["sre"], count: 1), QuorumItem(anyOf: ["security"], count: 1)]
    let both = voter("both", "sre", "security")
    let sre = voter("sre", "sre")
    #expect(!Quorum.isMet(quorum, by: [both]))
    #expect(Quorum.isMet(quorum, by: [both, sre]))
    #expect(Quorum.isMet(quorum, by: [sre, both]))
    #expect(!Quorum.isMet(quorum, by: [sre, voter("other", "sre")]))
  }

  @Test func `zero of zero never passes`() {
    #expect(!Quorum.isMet([], by: []))
    #expect(!Quorum.isMet([], by: [voter("a", "sre")]))
    #expect(!Quorum.isMet([QuorumItem(anyOf: [], count: 0)], by: [voter("a")]))
  }
}

@Suite struct HoldTests {
  private let start = Timestamp(milliseconds: 1_000_000)

  private func hold(count: Int64 = 1) -> Hold {
    Hold(
      digest: Digest.sha256([1]), index: 0, action: Digest.sha256([2]),
      agent: Principal.named("agent:a"),
      key: Fingerprint(digest: Digest.sha256([3])), resource: "prod://a/b", received: start,
      terms: DecisionMade.Hold(
        rule: ApprovalRule(
          quorum: [QuorumItem(anyOf: [], count: count)], ttlSeconds: 60, risk: .high),
        expires: start.advanced(bySeconds: 60), excluded: []), chain: [])
  }

  private func vote(_ vote: ApprovalVoted.Vote, until: Timestamp? = nil) -> Vote {
    Vote(
      digest: Digest.sha256([9]), voter: Principal.named("user:bob"),
      key: Fingerprint(digest: Digest.sha256([4])),
      ballot: ApprovalVoted(
        hold: Digest.sha256([1]), vote: vote, reason: "r", validUntil: until), received: start)
  }

  private let bob = Voter(principal: Principal.named("user:bob"), groups: [])

  @Test func `expiry is judged by the clock, to the millisecond`() {
    let hold = hold()
    #expect(hold.state(at: start.advanced(byMilliseconds: 59_999)).isOpen)
    #expect(hold.state(at: start.advanced(byMilliseconds: 60_000)) == .expired)
  }

  @Test func `an approval lapses at the earliest end of its votes, else after five minutes`() {
    var first = hold()
    first.take(vote(.approve), eligible: [bob])
    #expect(first.state(at: start) == .approved(until: start.advanced(bySeconds: 300)))
    #expect(first.state(at: start.advanced(bySeconds: 300)) == .lapsed)
    var second = hold()
    let soon = start.advanced(bySeconds: 7)
    second.take(vote(.approve, until: soon), eligible: [bob])
    #expect(second.state(at: start) == .approved(until: soon))
  }

  @Test func `one deny ends it, and a void cannot undo an end`() {
    var hold = hold(count: 2)
    hold.take(vote(.approve), eligible: [bob])
    #expect(hold.state(at: start).word == "pending")
    hold.take(vote(.deny), eligible: [bob])
    #expect(hold.state(at: start) == .denied)
    let voided = hold.void("key_revoked", at: start)
    #expect(!voided)
    #expect(hold.state(at: start) == .denied)
  }

  @Test func `a released hold stays released`() {
    var hold = hold()
    hold.take(vote(.approve), eligible: [bob])
    hold.release(by: Digest.sha256([5]))
    #expect(hold.state(at: start.advanced(bySeconds: 9999)) == .released)
    let voided = hold.void("locked", at: start)
    #expect(!voided)
  }
}
