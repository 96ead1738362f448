import CanonicalJSON
import Delegations
import Statements
import Testing

@Suite struct ResourcePatternTests {
  @Test(
    arguments: [
      ("prod://a/**", "prod://a", true), ("prod://a/**", "prod://a/b/c", true),
      ("prod://a/**", "prod://a/**", true), ("prod://a/*", "prod://a/b", true),
      ("prod://a/*", "prod://a/b/c", false), ("prod://a/*", "prod://a/**", false),
      ("prod://a/*/c", "prod://a/b/c", true), ("prod://a/*/c", "prod://a/*/c", true),
      ("prod://a/b", "prod://a/*", false), ("prod://a/**", "prod://b/c", false),
      ("prod://a/**", "stage://a/b", false), ("prod://a/b/**", "prod://a/**", false),
      ("prod://a/*/**", "prod://a/**", false), ("prod://a/**", "prod://a/*/**", true),
    ] as [(ByteString, ByteString, Bool)])
  func `coverage is exact`(wide: ByteString, narrow: ByteString, isCovered: Bool) throws {
    #expect(try ResourcePattern(wide).covers(ResourcePattern(narrow)) == isCovered)
  }

  @Test func `coverage agrees with every URI of a small world`() throws {
    let parts: [ByteString] = ["a", "b"]
    var uris: [ByteString] = ["s://h"]
    for a in parts {
      uris.append("s://h/" + a)
      for b in parts {
        uris.append("s://h/" + a + "/" + b)
        for c in parts { uris.append("s://h/" + a + "/" + b + "/" + c) }
      }
    }
    let tokens: [ByteString] = ["a", "b", "*"]
    var patterns: [ByteString] = ["s://h", "s://h/**"]
    for a in tokens {
      patterns += ["s://h/" + a, "s://h/" + a + "/**"]
      for b in tokens { patterns += ["s://h/" + a + "/" + b, "s://h/" + a + "/" + b + "/**"] }
    }
    for wide in try patterns.map({ try ResourcePattern($0) }) {
      for narrow in try patterns.map({ try ResourcePattern($0) }) {
        // A world of two names cannot tell `*` from both of them; a third name can.
        let all = try (uris + ["s://h/z", "s://h/z/z", "s://h/a/z", "s://h/z/a", "s://h/z/z/z"])
          .map { try ResourceURI($0) }
        let isSubset = all.filter(narrow.matches).allSatisfy(wide.matches)
        if wide.covers(narrow) { #expect(isSubset, "\(wide.text) covers \(narrow.text)") }
        if !isSubset { #expect(!wide.covers(narrow)) }
        if wide.covers(narrow), narrow.covers(wide) { #expect(wide.text == narrow.text) }
      }
    }
  }

  @Test(
    arguments: [
      ("prod://a//b", "\"prod://a//b\" has an empty segment"),
      ("prod://a/../b", "\"prod://a/../b\" has a .. segment"),
      ("prod://a/%2e", "\"prod://a/%2e\" holds a %"),
      ("prod://a/b\u{E9}", "\"prod://a/b\u{E9}\" holds a character that is not visible ASCII"),
      ("nothing", "\"nothing\" is not SCHEME://AUTHORITY/PATH"),
      ("prod://a/**/b", "\"prod://a/**/b\" has ** before its end"),
      ("prod://*/b", "\"prod://*/b\" has a wildcard in its scheme or authority"),
      ("prod://a/b*", "\"prod://a/b*\" has * inside a segment; it stands for a whole one"),
    ] as [(ByteString, String)])
  func `a malformed pattern is refused in words`(text: ByteString, message: String) {
    #expect {
      try ResourcePattern(text)
    } throws: { error in
      "\(error)" == message
    }
  }

  @Test(
    arguments: [
      ("*", "deploy", true), ("name:*", "name:x", true), ("name:*", "name", false),
      ("name:*", "name:*", true), ("deploy", "*", false), ("*", "name:*", true),
      ("name:*", "other:x", false),
    ] as [(ByteString, ByteString, Bool)])
  func `action patterns cover exactly`(wide: ByteString, narrow: ByteString, isCovered: Bool) throws
  {
    #expect(try ActionPattern(wide).covers(ActionPattern(narrow)) == isCovered)
  }

  @Test func `empty lists grant nothing`() throws {
    let uri = try ResourceURI("prod://a/b")
    for empty in [
      Capability(actions: [], resources: ["prod://a/**"]),
      Capability(actions: ["*"], resources: []),
    ] { #expect(try !Scope([empty]).covers(action: "x", resource: uri)) }
  }
}
