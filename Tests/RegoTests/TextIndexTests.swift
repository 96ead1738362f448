import CanonicalJSON
import TestSupport
import Testing

@testable import Rego

/// Texts that tell thousands of rules apart are found at once, wherever they differ.
@Suite struct TextIndexTests {
  private static let families: [(name: String, text: @Sendable (Int) -> String)] = [
    ("numbered at the end", { "role_\($0)" }), ("numbered in front", { "\($0)_role" }),
    ("short", { String($0, radix: 36) }), ("numbers", { "\($0)" }),
    ("numbered in a longer text", { "agent:deploy-bot-\($0)" }),
    ("eight bytes", { "x\(1_000_000 + $0)" }), ("padded", { "\(100_000 + $0)00000000" }),
  ]

  @Test(arguments: families.indices) func `thousands of texts have a table`(family: Int) {
    let texts = (0..<10_000).map { ByteString(TextIndexTests.families[family].text($0)) }
    var index = TextIndex()
    _ = index.add([(text: "other", number: 7)])
    let table = index.add(texts.enumerated().map { (text: $1, number: Int32($0)) })
    #expect(table.mask > 0, "\(TextIndexTests.families[family].name)")
    for (number, text) in texts.enumerated() {
      #expect(text.bytes.withUnsafeBytes { index.number(of: $0, in: table) } == Int32(number))
    }
    for text in ["", "other", "role_", "role_10000", "agent:deploy-bot-10000"] as [ByteString] {
      #expect(text.bytes.withUnsafeBytes { index.number(of: $0, in: table) } == -1)
    }
  }

  @Test func `texts that lie badly have no table`() {
    var index = TextIndex()
    let texts = (0..<1000).map { ByteString("12345678\(1000 + $0)abcdefgh") }
    #expect(index.add(texts.map { (text: $0, number: 1) }).mask == -1)
    #expect(index.add([]).mask == -1)
  }
}
