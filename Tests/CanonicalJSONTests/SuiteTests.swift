import CanonicalJSON
import Foundation
import TestSupport
import Testing

@Suite struct JSONSuiteTests {
  @Test(.enabled(if: SharedSuites.has("json"), "the suite is not there"))
  func `every document of the parsing suite gets its verdict`() throws {
    let folder = SharedSuites.folder("json")
    let parsing = folder.appendingPathComponent("parsing")
    var count = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: parsing.path).sorted() {
      let bytes = try SharedSuites.bytes(parsing.appendingPathComponent(name))
      let isAccepted = (try? JSONParser.parse(bytes)) != nil
      if name.hasPrefix("y_") { #expect(isAccepted, "\(name)") }
      if name.hasPrefix("n_") { #expect(!isAccepted, "\(name)") }
      count += 1
    }
    for name in try FileManager.default.contentsOfDirectory(
      atPath: folder.appendingPathComponent("transform").path)
    {
      let bytes = try SharedSuites.bytes(folder.appendingPathComponent("transform/\(name)"))
      let value = try? JSONParser.parse(bytes)
      if name.contains("same_value") || name.contains("duplicate") {
        #expect(value == nil, "\(name)")
      }
      if name.contains("nfc_nfd") { #expect(value?.object?.count == 2, "\(name)") }
      count += 1
    }
    SharedSuites.ran("json", count)
  }

  @Test(.enabled(if: SharedSuites.has("jcs"), "the suite is not there"))
  func `canonical bytes are those of the JCS suite`() throws {
    let folder = SharedSuites.folder("jcs")
    var count = 0
    for name in try FileManager.default.contentsOfDirectory(
      atPath: folder.appendingPathComponent("input").path)
    {
      let input = try SharedSuites.bytes(folder.appendingPathComponent("input/\(name)"))
      let output = try SharedSuites.bytes(folder.appendingPathComponent("output/\(name)"))
      #expect(try JSONParser.parse(input).canonicalBytes() == output, "\(name)")
      count += 1
    }
    let numbers = try SharedSuites.bytes(folder.appendingPathComponent("es6testfile10k.txt"))
    for line in numbers.split(separator: 0x0A) {
      let parts = String(decoding: line, as: UTF8.self).split(separator: ",")
      let bits = try #require(UInt64(parts[0], radix: 16))
      let number = try #require(JSONNumber(Double(bitPattern: bits)))
      #expect(number.text.text == parts[1], "\(parts[0])")
      count += 1
    }
    SharedSuites.ran("jcs", count)
  }
}

@Suite struct JSONParserTests {
  @Test(arguments: [
    ("", "line 1, column 1: found the end of the text where a value belongs"),
    ("{\"a\":1,\"a\":2}", "line 1, column 8: the name \"a\" stands twice in one object"),
    ("[1,\n 2,]", "line 2, column 4: found \"]\" where a value belongs"),
    ("\"\\ud800\"", "line 1, column 2: a \\u escape is half of a surrogate pair"),
    ("[1] x", "line 1, column 5: found \"x\" where the end of the document belongs"),
    ("\"a\tb\"", "line 1, column 3: the control character U+0009 must be written as an escape"),
    ("01", "line 1, column 2: found \"1\" where no digit after a leading 0 belongs"),
  ])
  func `a fault says where and what`(text: String, message: String) {
    #expect {
      try JSONParser.parse(Array(text.utf8))
    } throws: { error in
      "\(error)" == message
    }
  }

  @Test func `limits on bytes and depth hold`() {
    #expect(throws: JSONFault.self) {
      try JSONParser.parse(
        Array(String(repeating: "[", count: 100_000).utf8), limits: JSONParser.Limits(depth: 32))
    }
    #expect(throws: JSONFault.self) {
      try JSONParser.parse(Array("[1,2,3]".utf8), limits: JSONParser.Limits(bytes: 3))
    }
  }

  @Test func `canonically equivalent names stay two names`() throws {
    let value = try JSONParser.parse(Array("{\"\u{E9}\":1,\"e\u{301}\":2}".utf8))
    #expect(value.object?.count == 2)
    #expect(ByteString("\u{E9}") != ByteString("e\u{301}"))
  }

  @Test func `members sort by UTF-16, not by bytes`() throws {
    let value = try JSONParser.parse(Array("{\"\u{FFFD}\":1,\"\u{1F600}\":2}".utf8))
    let text = String(decoding: try value.canonicalBytes(), as: UTF8.self)
    #expect(text == "{\"\u{1F600}\":2,\"\u{FFFD}\":1}")
  }

  @Test func `noise never crashes the parser`() {
    var seed: UInt64 = UInt64.random(in: 1...UInt64.max)
    print("seed \(seed)")
    let alphabet =
      Array("{}[]\",:\\u0123456789eE+-.truefalsn \u{7F}\u{1}".utf8) + [0xC3, 0xA9, 0xFF]
    for _ in 0..<20_000 {
      var bytes: [UInt8] = []
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      for shift in 0..<Int(seed >> 59) {
        seed = seed &* 6_364_136_223_846_793_005 &+ UInt64(shift + 1)
        bytes.append(alphabet[Int(seed >> 33) % alphabet.count])
      }
      if let value = try? JSONParser.parse(bytes), let canonical = try? value.canonicalBytes() {
        #expect((try? JSONParser.parse(canonical).canonicalBytes()) == canonical)
      }
    }
  }
}
