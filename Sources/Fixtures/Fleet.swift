package import Authority
import CanonicalJSON
import Enforcement
import Keys
import Statements
import Synchronization

/// A company's agents at work: each errand is really signed and sent to the real daemon.
package final class Fleet: Sendable {
  private let registry: SampleRegistry
  private let client: AgentClient
  private let clock: Clock
  private let counts = Mutex<[String: Int]>([:])

  package init(_ registry: SampleRegistry, clock: Clock = .system) {
    self.registry = registry
    self.clock = clock
    client = AgentClient(socket: registry.socket)
  }

  /// How the errands ended so far, by verdict; `fault` counts those without a decision.
  package var tally: [String: Int] { counts.withLock { $0 } }

  /// Works at a human pace until cancelled; held errands wait for people meanwhile.
  package func work(pauseMilliseconds: ClosedRange<Int> = 500...1500) async {
    await withTaskGroup(of: Void.self) { group in
      var waiting = 0
      while !Task.isCancelled {
        let errand = choose()
        group.addTask { await self.run(errand) }
        waiting += 1
        if waiting > 64 {
          await group.next()
          waiting -= 1
        }
        try? await Task.sleep(for: .milliseconds(Int.random(in: pauseMilliseconds)))
      }
      group.cancelAll()
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

  private func run(_ errand: SampleCompany.Errand) async {
    do {
      let answer = try await client.ask(try sign(errand), waitSeconds: 290)
      record(answer["verdict"]?.string?.text ?? "fault")
    } catch {
      if !Task.isCancelled { record("fault") }
    }
  }

  private func record(_ verdict: String) {
    counts.withLock { $0[verdict, default: 0] += 1 }
  }

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
