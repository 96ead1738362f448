import Authority
import CanonicalJSON
import Foundation
import Keys
import Registry
import Statements
import TestSupport

/// A deciding process killed at random instants: what it answered is in the log, and the log verifies.
enum Kills {
  static func run(count: Int, seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let world = try World(clock: .running)
    var answered = 0
    for round in 0..<count {
      let pins = "\(world.folder)/pins-kill"
      let decider = try Peer(
        "decider", [world.path, pins, world.registry.text, world.grant.hex])
      let pid = decider.pid
      let patience = UInt32.random(in: 1...300, using: &random) * 1000
      var digests: [Digest] = []
      var killer: Thread?
      while let line = try? decider.read() {
        if let digest = Digest(hex: line.utf8) { digests.append(digest) }
        // It is killed while it decides, at a random instant after its first answer.
        guard killer == nil else { continue }
        let thread = Thread {
          usleep(patience)
          kill(pid, SIGKILL)
        }
        thread.start()
        killer = thread
      }
      guard !digests.isEmpty else {
        throw SoakFailure(
          "round \(round), seed \(seed): nothing was answered, so nothing was tried")
      }
      decider.kill()
      try world.ledger.database.read { transaction in
        try world.ledger.catchUp(transaction)
        for digest in digests where try transaction.decisionIndex(ofAction: digest) == nil {
          throw SoakFailure("round \(round), seed \(seed): \(digest) was answered and is lost")
        }
      }
      answered += digests.count
      if round % 50 == 49 { print("kills \(round + 1) of \(count)") }
    }
    let report = try LogVerification.run(
      try RegistryDatabase(world.path, access: .readOnly),
      pins: PinStore(folder: "\(world.folder)/pins-kill"))
    guard report.findings.isEmpty else { throw SoakFailure("the log: \(report.findings)") }
    print(
      "kills \(count), seed \(seed): \(answered) answered decisions, all in the log of "
        + "\(report.size) entries, which verifies")
  }
}

/// A daemon in a process of its own that decides as fast as it can and says what it answered.
enum DecidingPeer {
  static func run(_ arguments: [String]) async throws {
    let gateway = Principal.named("service:gateway-1")
    let bot = Principal.named("agent:deploy-bot")
    let registry = ByteString(arguments[2])
    guard let grant = Digest(hex: arguments[3].utf8) else { return }
    let authority = try DecisionAuthority(
      registry: arguments[0], service: gateway, key: try World.key(gateway),
      pins: PinStore(folder: arguments[1]), trust: registry)
    say("ready")
    while true {
      let envelopes = try (0..<8).map { index in
        Action(
          action: "deploy", agent: bot, audience: gateway, context: JSONObject(), grant: grant,
          nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), params: JSONObject(),
          registry: registry, resource: ByteString("stage://payments/k\(index)"),
          timestamp: Clock.system.now()
        ).signed(by: try World.key(bot))
      }
      await withTaskGroup(of: Void.self) { group in
        for envelope in envelopes {
          group.addTask {
            if (try? await authority.decide(envelope))?.verdict == .allow {
              say(envelope.digest.hex)
            }
          }
        }
      }
    }
  }
}
