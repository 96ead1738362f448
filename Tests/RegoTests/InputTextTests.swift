import CanonicalJSON
import Rego
import TestSupport
import Testing

/// Input that is read where its text stands is what the strict parser says: the same value, or the same fault.
@Suite struct InputTextTests {
  private static let documents = [
    "{}", "[]", " [ 1 , -2 ] ", "{\"b\":1,\"a\":{\"c\":[true,false,null]}}", "\"\"", "\"é\"",
    "\"a\\n\"",
    "0", "-0", "01", "1.50", "1e3", "123456789012345678", "1234567890123456789",
    "9223372036854775808", "-9223372036854775808", "{\"a\":1,\"a\":2}", "{\"a\":1,}", "[1,]",
    "[1 2]",
    "{\"a\" 1}", "{\"\\u0061\":1,\"a\":2}", "{\"\\u0061\":1,\"b\":\"\\n\"}", "[\"\\\"\",\"\\\\\"]",
    "\"\\\"", "1.", ".5", "1e", "1e+", "-", "-1.5e-3", "1E400", "[0,-0,0.0,00]", "\"\u{10FFFF}\"",
    "{\"é\":1,\"é\":2}",
    "{" + (0..<40).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}",
    "{" + (0..<40).map { "\"k\($0 % 39)\":\($0)" }.joined(separator: ",") + "}",
    "tru", "nul", "true false", "", " ", "\"a", "\"\u{1}\"", "\"\\ud800\"", "{1:2}",
    String(repeating: "[", count: 70) + String(repeating: "]", count: 70),
    String(repeating: "[", count: 64) + String(repeating: "]", count: 64),
    String(repeating: "{\"a\":", count: 65) + "1" + String(repeating: "}", count: 65),
  ]

  private func read(_ bytes: [UInt8]) -> Result<Value, JSONFault> {
    do {
      return .success(try Value(json: bytes))
    } catch {
      return .failure(error)
    }
  }

  private func parsed(_ bytes: [UInt8]) -> Result<Value, JSONFault> {
    do {
      return .success(Value(try JSONParser.parse(bytes)))
    } catch {
      return .failure(error)
    }
  }

  private func expectSame(_ bytes: [UInt8]) {
    let (ours, theirs) = (read(bytes), parsed(bytes))
    switch (ours, theirs) {
    case (.success(let one), .success(let other)): #expect(one == other)
    case (.failure(let one), .failure(let other)): #expect("\(one)" == "\(other)")
    default: Issue.record("\(String(decoding: bytes, as: UTF8.self)): \(ours), \(theirs)")
    }
  }

  @Test func `documents and faults are the strict parser's`() {
    for document in InputTextTests.documents { expectSame(Array(document.utf8)) }
    expectSame([0x22, 0xFF, 0x22])
  }

  @Test func `flipped bytes change nothing of that`() {
    var random = SeededRandom.announced("input text")
    let text =
      "{\"agent\":{\"id\":\"x\",\"n\":[1,-20,3.5]},\"a\":true,\"z\":null,\"k\":\"long enough\"}"
    for _ in 0..<5000 {
      var bytes = Array(text.utf8)
      for _ in 0...random.below(2) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
      expectSame(bytes)
    }
  }
}
