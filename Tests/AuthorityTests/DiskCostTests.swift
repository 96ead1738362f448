import Authority
import CanonicalJSON
import Foundation
import Registry
import Statements
import TestSupport
import Testing

@Suite("what a decision costs on disk")
struct DiskCostTests {
  @Test("a decision, proof material included, takes at most 1.5 KiB")
  func cost() async throws {
    let world = try World()
    let authority = try world.authority()
    func decide(_ count: Int) async throws {
      for start in stride(from: 0, to: count, by: 100) {
        let envelopes = try (start..<start + 100).map {
          try world.action(
            on: ByteString("stage://payments/service-\($0 % 40)"),
            params: JSONObject([
              JSONObject.Member(name: "image", value: "registry.example.com/payments:1.42.0"),
              JSONObject.Member(name: "replicas", value: 6),
            ]))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for envelope in envelopes {
            group.addTask { _ = try await authority.decide(envelope) }
          }
          try await group.waitForAll()
        }
      }
    }
    func bytes() throws -> Int {
      // What is in the file once the write-ahead log is folded in.
      try world.ledger.database.checkpoint()
      return try FileManager.default.attributesOfItem(atPath: world.path)[.size] as? Int ?? 0
    }
    try await decide(200)
    let before = try bytes()
    try await decide(1000)
    let cost = Double(try bytes() - before) / 1000
    print("a decision takes \(Int(cost)) bytes of disk")
    #expect(cost <= 1536)
  }
}
