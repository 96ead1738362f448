import CanonicalJSON
import Decisions
import Statements
import TestSupport
import Testing

@testable import Commands

/// What a reviewer reads of an action: all that differs between two actions differs in their words.
@Suite struct ReviewWordsTests {
  private func words(_ json: String) throws -> ByteString {
    let world = try World()
    let params = try #require(try JSONParser.parse(Array(json.utf8)).object)
    let signed = try world.action(on: "prod://payments/api", params: params)
    return ByteString(ReviewContents.words(try Action(payload: signed.payload)))
  }

  @Test func `parameters that only look alike are not one content`() throws {
    let one = try words(#"{"a":1,"b":2}"#)
    let other = try words(#"{"a = 1, b":2}"#)
    #expect(one != other, "\(one.text)")
    #expect(one.text.contains("a = 1, b = 2") && other.text.contains("\"a = 1, b\" = 2"))
    #expect(try words(#"{"k":"K8S"}"#) != words(#"{"k":"\u212a8S"}"#))
    #expect(one.text.contains("by agent:"), "the agent is told: \(one.text)")
  }
}
