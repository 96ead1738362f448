package import Authority
package import CanonicalJSON
import Enforcement
import Keys
package import Statements
import Synchronization

/// A company's agents at work: each errand is really signed and sent to the real daemon.
///
/// Everyday errands come one after another and wait for nobody. Each scene of the story keeps at most
/// as many holds open as it says, so that the queue stays short enough to be read.
package final class Fleet: Sendable {
  private let registry: SampleRegistry
  private let client: AgentClient
  private let clock: Clock
  private let counts = Mutex<[String: Int]>([:])
  private let told: @Sendable (Event) -> Void

  /// What a visitor is told of the story.
  package enum Event: Sendable, Equatable {
    /// A compromised agent has begun to flood the queue, or goes on with it.
    case flood(Principal)
    /// It is refused now: because of what.
    case stopped(Principal, because: String)
  }

  /// How fast everything goes.
  package struct Pace: Sendable {
    let milliseconds: ClosedRange<Int>
    /// By how much the story's pauses are shortened.
    let speed: Int
    /// Whether the compromised agent floods the queue; else it asks as the others do.
    let floods: Bool

    /// For people who watch.
    package static let human = Pace(milliseconds: 500...1500, speed: 1, floods: true)
    /// For a run that nobody watches, where nobody would stop a flood.
    package static let hasty = Pace(milliseconds: 150...400, speed: 20, floods: false)
  }

  /// `told`: Called when something happens that a visitor should know.
  package init(
    _ registry: SampleRegistry, clock: Clock = .system,
    told: @escaping @Sendable (Event) -> Void = { _ in }
  ) {
    self.registry = registry
    self.clock = clock
    self.told = told
    client = AgentClient(socket: registry.socket)
  }

  /// How the errands ended so far, by verdict; `fault` counts those without a decision.
  package var tally: [String: Int] { counts.withLock { $0 } }

  /// Works until cancelled.
  package func work(_ pace: Pace = .human) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.everyday(pace) }
      for scene in registry.company.story {
        group.addTask {
          try? await Task.sleep(for: .milliseconds(scene.afterSeconds * 1000 / pace.speed))
          if scene.isFlood, pace.floods {
            await self.flood(scene, pace)
          } else {
            await self.play(scene, pace)
          }
        }
      }
    }
  }

  private func everyday(_ pace: Pace) async {
    while !Task.isCancelled {
      _ = await ask(choose(), waits: false)
      try? await Task.sleep(for: .milliseconds(Int.random(in: pace.milliseconds)))
    }
  }

  private func choose() -> SampleCompany.Errand {
    let traffic = registry.company.traffic
    var ticket = Int.random(in: 0..<max(1, traffic.reduce(0) { $0 + $1.weight }))
    for errand in traffic {
      ticket -= errand.weight
      if ticket < 0 { return errand }
    }
    return traffic[0]
  }

  // MARK: the story

  /// One request after another, each once the one before has been answered for good.
  private func play(_ scene: SampleCompany.Scene, _ pace: Pace) async {
    while !Task.isCancelled {
      _ = await ask(scene.errand, waits: true)
      try? await Task.sleep(for: .milliseconds(scene.pauseSeconds * 1000 / pace.speed))
    }
  }

  /// Request after request, whether or not the ones before were answered; the daemon takes as many at
  /// once as it takes of any agent.
  private func flood(_ scene: SampleCompany.Scene, _ pace: Pace) async {
    await withTaskGroup(of: Void.self) { group in
      var stopped: String?
      var isTold = false
      var open = 0
      while !Task.isCancelled {
        let first = await ask(scene.errand, waits: false)
        let reason: String?
        switch first.map({ Fleet.meaning(of: $0.answer) }) {
        case .held: reason = nil
        case .stopped(let why): reason = why
        // An answer that says nothing of it (no daemon, or a refusal that only counts) changes nothing.
        case .other, nil: reason = stopped
        }
        if reason != stopped || !isTold, first != nil {
          (stopped, isTold) = (reason, true)
          told(
            reason.map { .stopped(scene.errand.agent, because: $0) } ?? .flood(scene.errand.agent))
        }
        if let first, first.answer["verdict"] == "hold" {
          // It waits as an agent does that means to act.
          group.addTask { await self.wait(first.envelope) }
          open += 1
          if open > 64 {
            await group.next()
            open -= 1
          }
        }
        // Who is shut out tries again now and then.
        let pause = reason == nil ? scene.pauseSeconds * 1000 : 5000
        try? await Task.sleep(for: .milliseconds(max(50, pause / pace.speed)))
      }
      group.cancelAll()
    }
  }

  /// What an answer tells of a flood.
  package enum FloodAnswer: Sendable, Hashable {
    /// The agent still fills the queue.
    case held
    /// It gets nothing any more: why, in words.
    case stopped(String)
    case other
  }

  package static func meaning(of answer: JSONValue) -> FloodAnswer {
    if answer["verdict"] == "hold" { return .held }
    let code = answer["reasons"]?.array?.first?["code"]?.string?.text ?? ""
    return switch code {
    case "locked": .stopped("locked")
    case "key_revoked", "key_tainted", "key_expired": .stopped("without a valid key")
    case "agent_retired": .stopped("retired")
    case "not_granted": .stopped("without its grant")
    default: code.hasPrefix("chain_") ? .stopped("without its grant") : .other
    }
  }

  // MARK: asking

  /// Signs an errand and asks; with `waits`, until it is no longer held.
  private func ask(
    _ errand: SampleCompany.Errand, waits: Bool
  ) async -> (envelope: UnverifiedEnvelope, answer: JSONValue)? {
    do {
      let envelope = try sign(errand)
      var answer = try await client.ask(envelope, waitSeconds: 0)
      if waits, answer["verdict"] == "hold" { answer = try await settled(envelope) }
      record(answer)
      return (envelope, answer)
    } catch {
      if !Task.isCancelled { count("fault") }
      return nil
    }
  }

  private func wait(_ envelope: UnverifiedEnvelope) async {
    guard let answer = try? await settled(envelope) else { return }
    record(answer)
  }

  /// Waits until an action is no longer held.
  private func settled(_ envelope: UnverifiedEnvelope) async throws -> JSONValue {
    while true {
      let start = ContinuousClock.now
      let answer = try await client.ask(envelope, waitSeconds: 290)
      guard answer["verdict"] == "hold" else { return answer }
      // A daemon that ends, or takes no more who wait, answers at once.
      if start.duration(to: .now) < .seconds(1) { try await Task.sleep(for: .seconds(1)) }
    }
  }

  private func record(_ answer: JSONValue) { count(answer["verdict"]?.string?.text ?? "fault") }
  private func count(_ verdict: String) { counts.withLock { $0[verdict, default: 0] += 1 } }

  private func sign(_ errand: SampleCompany.Errand) throws -> UnverifiedEnvelope {
    var context = JSONObject()
    if let words = errand.words { context["justification"] = JSONValue(words) }
    let action = Action(
      action: errand.action, agent: errand.agent, audience: registry.company.service,
      context: context, grant: registry.grants[errand.grant] ?? Digest.sha256([]),
      nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), params: errand.params,
      registry: registry.registry, resource: errand.resource, claimedEnv: errand.claimedEnv,
      timestamp: clock.now())
    return action.signed(by: try SampleRegistry.key(of: errand.agent))
  }
}
