import Approvals
import Authority
import CanonicalJSON
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TestSupport

/// Votes of two processes, against each other, an expiry, a revocation and a release: whatever comes
/// first, a hold ends in one legal state.
enum Races {
  static let policy = """
    package agent.authz
    default allow = false
    require_approval if { input.action == "deploy" }
    approval := {"quorum": [{"group": "sre", "count": 1}], "ttl": "1s"} if { input.params.short }
    approval := {"quorum": [{"group": "sre", "count": 2}]} if { input.params.two }
    """

  static func run(count: Int, seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let world = try World(policy: policy, clock: .running)
    let carol = Principal.named("user:carol")
    try world.sign(.operatorEnrolled(try world.enrolled(carol, roles: [.approver])))
    // Every hold of the run counts until it has expired: so many are wanted here.
    var limits = RequestLimits()
    limits.openHoldsPerAgent = count + 1
    let authority = try world.authority(limits: limits)
    let voters = try [world.bob, carol, world.alice].map {
      try Peer(
        "voter",
        [
          world.path, "\(world.folder)/pins-\($0.name)", $0.description,
          world.registry.text,
        ])
    }
    var ends: [String: Int] = [:]
    for round in 0..<count {
      let kind = Int.random(in: 0..<5, using: &random)
      let member: [JSONObject.Member] =
        switch kind {
        case 0: [JSONObject.Member(name: "short", value: true)]
        case 1: [JSONObject.Member(name: "two", value: true)]
        default: []
        }
      let envelope = try world.action(
        on: ByteString("prod://payments/r\(round)"), params: JSONObject(member))
      guard let hold = try await authority.decide(envelope).hold?.digest else {
        throw SoakFailure("round \(round): the action was not held")
      }
      if kind == 0 { usleep(UInt32.random(in: 960_000...1_010_000, using: &random)) }
      var orders = ["approve \(hold.hex)", Bool.random(using: &random) ? "deny" : "approve"]
      orders[1] = orders[1].count == 4 ? "deny \(hold.hex)" : "approve \(hold.hex)"
      for (voter, order) in zip(voters, orders) { try voter.send(order) }
      if kind == 2 { try voters[2].send("lock prod://payments/r\(round)") }
      if kind == 3 { _ = try? await authority.decide(envelope) }
      let answers = try voters.prefix(2).map { try $0.read() }
      if kind == 2 { _ = try voters[2].read() }
      let answer = try await authority.decide(envelope)
      try world.ledger.database.read { try world.ledger.catchUp($0) }
      try check(
        world.ledger.state, hold, answers: answers, answer: answer, round: round, seed: seed,
        ends: &ends)
      if round % 200 == 199 { print("races \(round + 1) of \(count)") }
    }
    for voter in voters { voter.end() }
    try await authority.close()
    let report = try LogVerification.run(
      try RegistryDatabase(world.path, access: .readOnly), pins: nil)
    guard report.findings.isEmpty else { throw SoakFailure("the log: \(report.findings)") }
    let words = ends.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    print("races \(count), seed \(seed): \(words.joined(separator: ", ")); the log verifies")
  }

  /// Whether where a hold ended is where its votes, in the order of the log, must lead.
  private static func check(
    _ state: AuthorityState, _ digest: Digest, answers: [String], answer: Answer, round: Int,
    seed: UInt64, ends: inout [String: Int]
  ) throws {
    func fail(_ why: String) -> SoakFailure {
      SoakFailure("round \(round), seed \(seed): \(why); \(answers)")
    }
    guard let hold = state.holds[digest] else { throw fail("the hold is gone") }
    let accepted = answers.count { $0 == "ok" }
    guard hold.votes.count == accepted else { throw fail("\(hold.votes.count) votes on record") }
    guard Set(hold.votes.map(\.voter)).count == hold.votes.count else {
      throw fail("one person voted twice")
    }
    for vote in hold.votes where vote.received >= hold.terms.expires {
      throw fail("a vote of \(vote.voter) after the expiry")
    }
    let met = Quorum.isMet(
      hold.terms.rule.quorum,
      by: hold.approvals.map { Voter(principal: $0.voter, groups: ["sre"]) })
    let word = hold.state(at: state.lastReceived).word
    ends[word, default: 0] += 1
    switch hold.end {
    case .released?:
      guard met, answer.verdict == .allow else { throw fail("released without its quorum") }
      guard !hold.votes.contains(where: { $0.vote == .deny }) else {
        throw fail("released against a denial")
      }
    case .denied?:
      guard hold.votes.contains(where: { $0.vote == .deny }) else { throw fail("denied by nobody") }
    case .voided?, .lapsed?:
      guard answer.verdict != .allow else { throw fail("allowed though \(word)") }
    case nil:
      guard answer.verdict != .allow, word != "approved" else {
        throw fail("\(word) after the agent asked again")
      }
    }
  }
}

/// Writes one line at once, however the output is buffered.
func say(_ line: String) {
  FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

/// A process of its own that obeys lines.
final class Peer {
  private let process = Process()
  private let (input, output) = (Pipe(), Pipe())
  private var rest: [UInt8] = []

  init(_ role: String, _ arguments: [String]) throws {
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
    process.arguments = [role] + arguments
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    guard try read() == "ready" else { throw SoakFailure("\(role) did not start") }
  }

  func send(_ line: String) throws {
    try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
  }

  func read() throws -> String {
    while true {
      if let end = rest.firstIndex(of: 0x0A) {
        defer { rest.removeFirst(end + 1) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      let data = output.fileHandleForReading.availableData
      guard !data.isEmpty else { throw SoakFailure("a process ended") }
      rest += data
    }
  }

  var pid: Int32 { process.processIdentifier }

  func end() {
    try? input.fileHandleForWriting.close()
  }

  /// Ends it without a word; the end of its output says when it is gone.
  func kill() {
    Foundation.kill(pid, SIGKILL)
    while (try? read()) != nil {}
  }
}

/// An operator in a process of its own, as a console is.
enum VotingPeer {
  static func run(_ arguments: [String]) throws {
    let signer = Principal.named(ByteString(arguments[2]))
    let key = try World.key(signer)
    let ledger = try Ledger(
      RegistryDatabase(arguments[0], access: .readWrite), pins: PinStore(folder: arguments[1]),
      trust: ByteString(arguments[3]))
    say("ready")
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      let body: StatementBody
      switch words[0] {
      case "lock":
        body = .lockPlaced(
          LockPlaced(target: .resource(ByteString(words[1])), reason: "race", until: nil))
      default:
        guard let hold = Digest(hex: words[1].utf8) else { continue }
        body = .approvalVoted(
          ApprovalVoted(
            hold: hold, vote: words[0] == "deny" ? .deny : .approve, reason: "", validUntil: nil))
      }
      do {
        try ledger.sign(body, by: signer, key: key, clock: .system)
        say("ok")
      } catch let fault as AdmissionFault {
        say(fault.code)
      }
    }
  }
}
