import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// `countersign act ... && run`: an action that was let through once is run once, whatever is sent again,
/// by whom, and whatever stands between the agent's side and the daemon.
@Suite("an action let through once is run once", .serialized)
struct ResendTests {
  let box: Sandbox
  let grant: String

  init() throws {
    box = try Sandbox()
    grant = try SurvivalTests.company(box)
    try box.startDaemon()
  }

  var envelope: String { "\(box.home)/envelope.json" }

  /// Runs `countersign act` as `agent:bot`, with the arguments of an agent that says everything.
  func act(
    _ more: String..., resource: String = "log://notes/a", socket: String? = nil,
    key: String = "bot.pem"
  ) throws -> Sandbox.Outcome {
    try box.program(
      [
        "act", "note", resource, "--agent", "agent:bot", "--key", "\(box.home)/\(key)", "--grant",
        grant, "--socket", socket ?? box.socket, "--json",
      ] + more)
  }

  func alice(_ arguments: String...) throws {
    let outcome = try box.program(
      arguments + [
        "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
      ], input: "a\n")
    #expect(outcome.status == 0, "\(arguments): \(outcome.output)\(outcome.errors)")
  }

  func json(_ outcome: Sandbox.Outcome) throws -> JSONValue {
    try JSONParser.parse(Array(outcome.output.utf8))
  }

  /// Has an action decided whose answer is lost on the way back.
  func loseAnswer() throws {
    let between = try Between(box, answering: "answer = b''")
    defer { between.stop() }
    let lost = try act("--save", envelope, socket: between.socket)
    #expect(lost.status == 1 && lost.errors.contains("daemon_unreachable"), "\(lost.errors)")
  }

  @Test("never: a repeat of an allow is run again")
  func repeatOfAllow() throws {
    #expect(try act("--save", envelope).status == 0)
    for _ in 0..<2 {
      let again = try act("--resend", envelope)
      #expect(again.status == 6, "\(again.output)\(again.errors)")
      let answer = try json(again)
      #expect(answer["verdict"] == "allow" && answer["repeat"] == true)
    }
  }

  @Test(
    "never: what would be refused today is run, because it was allowed once",
    arguments: [
      ["lock", "place", "agent:bot", "--reason", "x", "--yes"],
      ["agent", "retire", "agent:bot", "--reason", "x", "--yes"],
      ["key", "revoke", "KEY", "--reason", "compromised", "--yes"],
    ])
  func refusedToday(stop: [String]) throws {
    try loseAnswer()
    let listed = try json(
      try box.program([
        "key", "list", "--holder", "agent:bot", "--json", "--registry", box.registry,
      ]))
    let key = try #require(listed.array?.first?["key"]?.string?.text)
    let outcome = try box.program(
      stop.map { $0 == "KEY" ? key : $0 } + [
        "--registry", box.registry, "--key", "\(box.home)/alice.key", "--passphrase-fd", "0",
      ], input: "a\n")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let again = try act("--resend", envelope)
    #expect(again.status == 3, "\(again.output)\(again.errors)")
    #expect(try json(again)["refused_today"]?["code"] != nil, "\(again.output)")
  }

  @Test("never: an envelope of one resource stands for arguments that name another")
  func otherArguments() throws {
    try loseAnswer()
    let other = try act("--resend", envelope, resource: "log://notes/production")
    #expect(other.status == 1, "\(other.output)\(other.errors)")
    #expect(other.errors.contains("resend_mismatch") && other.errors.contains("log://notes/a"))
    for more in [["--param", "text=x"], ["--justification", "x"], ["--env", "staging"]] {
      let outcome = try box.program(
        [
          "act", "note", "log://notes/a", "--agent", "agent:bot", "--key", "\(box.home)/bot.pem",
          "--grant", grant, "--socket", box.socket, "--json", "--resend", envelope,
        ] + more)
      #expect(outcome.status == 1 && outcome.errors.contains("resend_mismatch"), "\(more)")
    }
  }

  @Test("never: an envelope that another side made and started is run here as well")
  func otherSide() throws {
    #expect(try act("--save", envelope).status == 0)
    // The same key on another machine, which knows nothing of what was made and started here.
    #expect(
      try box.shell(
        "mkdir -m 700 \(box.home)/other && cp -p \(box.home)/bot.pem \(box.home)/other/"
      ).status == 0)
    let again = try act("--resend", envelope, key: "other/bot.pem")
    #expect(again.status == 6, "\(again.output)\(again.errors)")
  }

  @Test("never: two processes that send one envelope both run it")
  func together() throws {
    try loseAnswer()
    var running: [(Process, Pipe)] = []
    for _ in 0..<6 {
      running.append(
        try box.actInBackground([
          "act", "note", "log://notes/a", "--agent", "agent:bot", "--key", "\(box.home)/bot.pem",
          "--grant", grant, "--socket", box.socket, "--json", "--resend", envelope,
        ]))
    }
    let statuses = running.map { process, pipe in
      _ = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return process.terminationStatus
    }
    #expect(statuses.filter { $0 == 0 }.count == 1, "\(statuses)")
    #expect(statuses.filter { $0 == 6 }.count == 5, "\(statuses)")
  }

  @Test("an answer lost on the way is asked for again, and what it lets through is run once")
  func lostAnswer() throws {
    try loseAnswer()
    let first = try act("--resend", envelope)
    #expect(first.status == 0, "\(first.output)\(first.errors)")
    #expect(try json(first)["repeat"] == true)
    #expect(try act("--resend", envelope).status == 6)
  }

  @Test(
    "never: who sits between the agent's side and the daemon turns a denial into a run",
    arguments: [
      // The word alone; the word and the receipt of another decision; of this one, of which the log
      // says deny; no receipt at all.
      "j['verdict'] = 'allow'",
      "j['verdict'] = 'allow'; j['receipt'] = kept['receipt']; j['entry'] = kept.get('entry')",
      "j = dict(kept, action=j['action'], repeat=False)",
      "j = {'verdict': 'allow', 'reasons': [], 'repeat': False, 'action': j['action']}",
    ])
  func between(forgery: String) throws {
    let kept = try act("--save", envelope)
    #expect(kept.status == 0)
    try kept.output.write(toFile: "\(box.home)/kept.json", atomically: true, encoding: .utf8)
    let between = try Between(
      box,
      answering: """
        kept = json.load(open('\(box.home)/kept.json'))
            j = json.loads(body)
            \(forgery)
            body = json.dumps(j).encode()
            answer = b'HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n' % len(body) + body
        """)
    defer { between.stop() }
    // Nothing grants this resource, so that the daemon denies it.
    let denied = try act(resource: "log://elsewhere/a", socket: between.socket)
    #expect(denied.status == 1, "\(denied.output)\(denied.errors)")
    #expect(denied.errors.contains("receipt_invalid"), "\(denied.errors)")
  }
}

/// A process between the agent's side and the daemon that alters what the daemon answers to actions.
struct Between {
  let socket: String
  private let process: Process

  /// `answering`: Python that sets `answer`, given `head` and `body` of the daemon's.
  init(_ box: Sandbox, answering: String) throws {
    socket = "\(box.home)/between.sock"
    unlink(socket)
    let script = """
      import json, socket, sys
      s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8)
      def whole(c):
        data = b''
        while b'\\r\\n\\r\\n' not in data: data += c.recv(65536)
        head = data.split(b'\\r\\n\\r\\n')[0].lower()
        size = int(head.split(b'content-length:')[1].split()[0]) if b'content-length:' in head else 0
        while len(data.split(b'\\r\\n\\r\\n', 1)[1]) < size: data += c.recv(65536)
        return data
      while True:
        c, _ = s.accept()
        request = whole(c)
        d = socket.socket(socket.AF_UNIX); d.connect(sys.argv[2]); d.sendall(request)
        answer = b''
        while True:
          part = d.recv(65536)
          if not part: break
          answer += part
        if b'/v1/actions' in request.split(b'\\r\\n')[0]:
          head, body = answer.split(b'\\r\\n\\r\\n', 1)
          if True:
            \(answering)
        c.sendall(answer); c.close()
      """
    process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, socket, box.socket]
    try process.run()
    for _ in 0..<100 where !FileManager.default.fileExists(atPath: socket) { usleep(50_000) }
  }

  func stop() {
    // Threads of tests block signals, and what they start inherits that: only this one always ends it.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}
