import CanonicalJSON
import Foundation
import Testing

@Suite struct ExactTextTests {
  @Test func `no number and no nesting within the limits ends the parser on a small stack`() throws
  {
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      for limit in [32, 64] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
          for depth in [limit, limit + 1, 100_000] {
            let text =
              String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
            let limits = JSONParser.Limits(bytes: 4 << 20, depth: limit)
            let value = try? JSONParser.parse(Array(text.utf8), limits: limits)
            #expect((value != nil) == (depth <= limit))
            if let value {
              #expect(value.exactText == text)
              #expect((try? value.canonicalBytes()) == Array(text.utf8))
            }
          }
        }
      }
      done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
    for text in [
      String(repeating: "9", count: 1_000_000 - 8), "1e999999999", "-1e-999999999",
      "0." + String(repeating: "0", count: 900_000) + "1",
    ] {
      let value = try JSONParser.parse(Array(text.utf8))
      #expect(value.exactText == text)
      #expect(value.integer == nil)
      _ = try? value.canonicalBytes()
    }
  }

  @Test func `an exact text keeps each number as it was written and escapes as the canonical one`()
    throws
  {
    let text = #"{"b":[1.50,1e999,20000000000000001,-0],"a":"\u001b\"\\\n\u0041"}"#
    #expect(
      try JSONParser.parse(Array(text.utf8)).exactText
        == #"{"a":"\u001b\"\\\nA","b":[1.50,1e999,20000000000000001,-0]}"#)
  }
}
