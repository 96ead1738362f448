import Authority
import CanonicalJSON
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

/// A registry full of hostile text, every view of it walked on a real terminal, every byte scanned.
@Suite(.serialized) struct HostileTests {
  private static let built = [
    "\u{1B}]52;c;aGVsbG8=\u{7}", "\u{1B}]0;owned\u{7}", "\u{1B}P1$r\u{1B}\\", "\u{1B}c",
    "\u{1B}[2J\u{1B}[H", "\u{9B}31m", "a\rb", "if (a\u{202E}b) {", "\u{2066}x\u{2069}",
    "zero\u{200B}width\u{FEFF}", "\u{E0041}\u{E0042}", "\u{1B}]8;;http://x\u{1B}\\link",
    "%s%n%x", "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}", "\u{1F468}\u{200D}\u{1F469}",
    String(repeating: "A\u{7}", count: 200),
  ]

  /// The open half of the naughty strings, where they are to be had; the built ones always.
  private func strings() throws -> [String] {
    guard SharedSuites.has("hostile") else { return HostileTests.built }
    let folder = SharedSuites.folder("hostile")
    let lines = try SharedSuites.bytes(folder.appendingPathComponent("strings.jsonl"))
    var found = HostileTests.built
    for line in lines.split(separator: 0x0A) {
      let probe = try JSONParser.parse(Array(line))
      if let bytes = Base64.bytes(of: probe["b64"]?.string?.bytes ?? []),
        let text = String(validating: bytes, as: UTF8.self), !text.isEmpty
      {
        found.append(text)
      }
    }
    SharedSuites.ran("hostile-screens", found.count)
    return found
  }

  private func registry(_ strings: [String]) async throws -> World {
    let world = try World(clock: .running)
    var limits = RequestLimits()
    limits.openHoldsPerAgent = 1000
    let authority = try world.authority(limits: limits)
    for start in stride(from: 0, to: strings.count, by: 12) {
      var params = JSONObject()
      for (index, text) in strings[start..<min(start + 12, strings.count)].enumerated() {
        params[ByteString("p\(index)")] = JSONValue(String(text.prefix(400)))
      }
      _ = try await authority.decide(
        try world.action(on: ByteString("prod://payments/s\(start)"), params: params))
    }
    try await authority.close()
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    for text in HostileTests.built {
      try world.sign(
        .lockPlaced(
          LockPlaced(
            target: .resource("git://repo/**"), reason: ByteString(String(text.prefix(200))),
            until: nil)))
      try world.ledger.database.write {
        try $0.note(handover: text, by: "user:alice", at: world.clock.now)
      }
    }
    return world
  }

  @Test func `no control, bidi or hidden character reaches the terminal from any view`()
    async throws
  {
    let world = try await registry(try strings())
    let box = try Sandbox()
    var phrase = Array("bpw".utf8)
    try SealedKey.create(
      "\(box.home)/bob.key", key: try World.key(world.bob), holder: world.bob.text,
      passphrase: SecretBytes(wiping: &phrase), cost: .minimal)
    var keys = "R"
    for digit in "1234567890" {
      keys +=
        "\(digit)."
        + String(repeating: "j\r  \u{1B}[6~\u{1B}[6~W\u{1B}J\u{1B}'\u{1B}\u{1B}", count: 1)
    }
    keys += "1\r" + String(repeating: "\u{1B}[6~", count: 20) + "\u{1B}\u{1B}"
    // A pause before each key: an ESC must be told from a sequence, and dialogs wait. No q on the
    // way: where nothing is open, it would end the console.
    let feeder = """
      import sys, time
      text = sys.stdin.read()
      i = 0
      def written():
          try:
              return open(sys.argv[1], "rb").read()
          except OSError:
              return b""
      # Keys that come before the log is verified, or before a page is there, only send it away.
      def shows(what, seconds):
          end = time.time() + seconds
          while time.time() < end and what not in written():
              time.sleep(0.1)
      def settles(seconds):
          end = time.time() + seconds
          last = -1
          while time.time() < end and len(written()) != last:
              last = len(written())
              time.sleep(0.5)
      shows(b"log OK", 90)
      while i < len(text):
          j = i + 4 if text[i:i+4] == "\\x1b[6~" else i + 1
          sys.stdout.write(text[i:j]); sys.stdout.flush(); i = j
          if text[i - 1] == "\\r":
              settles(10)
          else:
              time.sleep(0.15 if text[i - 1] == "\\x1b" else 0.04)
      # The notes hold each of the strings, and open alone, however busy the machine is.
      sys.stdout.write(":notes\\r"); sys.stdout.flush()
      shows(b"<U+202E>", 60)
      for key in "\\x1bqqqq":
          time.sleep(0.2)
          try:
              sys.stdout.write(key); sys.stdout.flush()
          except BrokenPipeError:
              break
      """
    try feeder.write(toFile: "\(box.home)/feed.py", atomically: true, encoding: .utf8)
    try keys.write(toFile: "\(box.home)/keys", atomically: true, encoding: .utf8)
    let console =
      "stty rows 40 cols 120; countersign --registry \(world.path) --trust \(world.registry.text) "
      + "--key \(box.home)/bob.key"
    _ = try box.shell(
      "python3 \(box.home)/feed.py \(box.home)/typescript < \(box.home)/keys | timeout 240 script -qefc '\(console)' "
        + "\(box.home)/typescript > /dev/null")
    let written = try Data(contentsOf: URL(fileURLWithPath: "\(box.home)/typescript"))
    #expect(written.count > 20_000, "the console drew nothing")
    let text = String(decoding: written, as: UTF8.self)
    #expect(text.contains("<U+202E>") && text.contains("<U+001B>"), "hidden ones are made visible")
    #expect(HostileTests.forbidden(Array(written)) == [])
  }

  /// Bytes that no screen of ours sends: controls, OSC, DCS, C1, bidi, zero width, tags.
  static func forbidden(_ bytes: [UInt8]) -> Set<String> {
    var found: Set<String> = []
    // What `script` itself writes around the session.
    let body = bytes.drop { $0 != 0x1B }
    var previous: UInt8 = 0
    for byte in body {
      if byte < 0x20, ![0x08, 0x09, 0x0A, 0x0D, 0x0E, 0x0F, 0x1B, 0x07].contains(byte) {
        found.insert("control \(byte)")
      }
      if previous == 0x1B, "]PX^_c".utf8.contains(byte) { found.insert("ESC \(byte)") }
      previous = byte
    }
    for scalar in String(decoding: body, as: UTF8.self).unicodeScalars {
      if (0x80..<0xA0).contains(scalar.value) { found.insert("C1 \(scalar.value)") }
      if scalar.properties.isDefaultIgnorableCodePoint
        || scalar.properties.generalCategory == .format
      {
        found.insert("U+\(String(scalar.value, radix: 16))")
      }
    }
    return found
  }
}
