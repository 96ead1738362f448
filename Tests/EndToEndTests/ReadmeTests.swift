import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// The README's ten lines, pasted in order by someone who has nothing but the programs.
@Suite(.serialized) struct ReadmeTests {
  private static let passphrase = "a good one"

  private func lines() throws -> [String] {
    let text = try String(
      contentsOf: SharedSuites.root.appendingPathComponent("README.md"), encoding: .utf8)
    let section = try #require(text.range(of: "## Ten lines without the demo"))
    let parts = text[section.upperBound...].components(separatedBy: "```\n")
    let lines = try #require(parts.count > 2 ? parts[1] : nil).split(separator: "\n").map(
      String.init)
    #expect(lines.count == 10 && lines.allSatisfy { $0.hasPrefix("countersign") })
    return lines
  }

  private func last(_ box: Sandbox) -> String {
    box.screen.split(separator: "\n").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
  }

  /// Types a line and answers what it asks, until the prompt is back.
  private func paste(_ line: String, _ box: Sandbox) throws {
    try box.tmux("send-keys", "-R", ";", "clear-history")
    try box.type(line)
    try box.press("Enter")
    if line.hasSuffix("&") {
      // What it says comes after the prompt.
      try box.see("countersignd: listening on", seconds: 60)
      try box.press("Enter")
    }
    try answer(box, after: line)
  }

  private func answer(_ box: Sandbox, after line: String) throws {
    var answered = ""
    for _ in 0..<900 {
      usleep(100_000)
      let (screen, last) = (box.screen, last(box))
      if last == "READY>" { return }
      // Each question is answered once, as it stands last on the screen.
      guard last.hasSuffix(":"), screen != answered,
        last.hasPrefix("Passphrase") || last.hasPrefix("New passphrase") || last.hasPrefix("Again")
          || last.contains("passphrase")
      else { continue }
      answered = screen
      try box.type(ReadmeTests.passphrase)
      try box.press("Enter")
    }
    Issue.record("the prompt never came back after \(line):\n\(box.screen)")
    throw CancellationError()
  }

  private func terminal(_ box: Sandbox) throws {
    try box.tmux(
      "new-session", "-d", "-x", "200", "-y", "50",
      "mkdir -p \(box.home)/empty && cd \(box.home)/empty && PS1='READY> ' exec bash --norc --noprofile"
    )
    for _ in 0..<100 where last(box) != "READY>" { usleep(100_000) }
  }

  /// The one hold that waits, once it does.
  private func hold(_ box: Sandbox) throws -> String {
    for _ in 0..<300 {
      let listed = try box.shell("countersign holds --json 2>/dev/null").output
      let found = (try? JSONParser.parse(Array(listed.utf8)))?.array?.compactMap {
        $0["state"] == "pending" ? $0["hold"]?.string?.text : nil
      }
      if let first = found?.first { return first }
      usleep(100_000)
    }
    Issue.record("nothing waits:\n\(box.screen)")
    throw CancellationError()
  }

  private func holds(_ box: Sandbox) throws -> Int {
    let listed = try box.shell("countersign holds --all --json 2>/dev/null").output
    return try JSONParser.parse(Array(listed.utf8)).array?.count ?? 0
  }

  /// bob, on his own terminal.
  private func approve(_ hold: String, _ box: Sandbox) throws {
    let outcome = try box.shell(
      "cd \(box.home)/empty && echo '\(ReadmeTests.passphrase)' | countersign approve \(hold) "
        + "--digest \(hold) --key bob.key --passphrase-fd 0")
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
  }

  @Test func `each line does what it says, and the last finds an approval that came late`() throws {
    let box = try Sandbox()
    try terminal(box)
    let lines = try lines()
    for line in lines.dropLast() {
      try paste(line, box)
      #expect(
        !box.screen.contains("Error") && !box.screen.contains("countersign: "), "\(box.screen)")
    }
    let act = lines[9]
    // bob does not come in time: what stands for the minute is Ctrl-C.
    try box.type(act)
    try box.press("Enter")
    let first = try hold(box)
    try box.see("held as \(first.prefix(12))")
    try box.press("C-c")
    try answer(box, after: "Ctrl-C")
    try approve(first, box)
    try paste(act + "; echo status $?", box)
    #expect(box.screen.contains("is sent again (--new signs another)"), "\(box.screen)")
    #expect(box.screen.contains("allow  (its start is recorded"), "\(box.screen)")
    #expect(box.screen.contains("status 0"), "\(box.screen)")
    #expect(try holds(box) == 1, "no second hold was made")
    // Once it has been started, the same line asks anew; its wait runs out, and it says how to go on.
    try paste(act.replacingOccurrences(of: "--wait 60", with: "--wait 1") + "; echo status $?", box)
    #expect(box.screen.contains("status 4"), "\(box.screen)")
    let line = try #require(box.screen.firstMatch(of: /go on with: (countersign act --resend .*)/))
    let again = String(line.output.1).trimmingCharacters(in: .whitespaces)
    #expect(again.hasSuffix("--key bot.pem --wait 1"), "\(again)")
    try approve(try hold(box), box)
    try paste(again + "; echo status $?", box)
    #expect(box.screen.contains("status 0"), "\(box.screen)")
    try paste(again + "; echo status $?", box)
    #expect(
      box.screen.contains("envelope_unknown") || box.screen.contains("status 6"), "\(box.screen)")
    try paste("kill %1; wait", box)
    #expect(try box.shell("countersign log verify").status == 0)
  }

  @Test func `a policy to begin with compiles, and no file is written over`() throws {
    let box = try Sandbox()
    let made = try box.shell("cd \(box.home) && countersign policy new first")
    #expect(made.status == 0 && made.output.contains("countersign policy publish first first.rego"))
    let file = "\(box.home)/first.rego"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(try box.shell("cd \(box.home) && countersign policy new first").status == 1)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
    for name in ["../x", "a/b", "", ".x", "A b"] {
      #expect(
        try box.shell("cd \(box.home) && countersign policy new '\(name)'").status == 64, "\(name)")
    }
    func ask(_ text: String, _ environment: String) throws -> String {
      try text.write(toFile: "\(box.home)/p.rego", atomically: true, encoding: .utf8)
      try
        "{\"action\":\"deploy\",\"resource\":{\"env\":\"\(environment)\"},\"context\":{\"weekend\":true}}"
        .write(toFile: "\(box.home)/i.json", atomically: true, encoding: .utf8)
      let outcome = try box.shell(
        "cd \(box.home) && countersign policy eval -d p.rego -i i.json data.agent.authz")
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.output.filter { !$0.isWhitespace }
    }
    #expect(try ask(text, "production").contains("\"require_approval\":true"))
    #expect(try !ask(text, "staging").contains("\"require_approval\":true"))
    // What stands in it as an example is right as well.
    var isCode = false
    let whole = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      line -> String in
      if line == "package agent.authz" { isCode = true }
      let rest = line.hasPrefix("# ") ? String(line.dropFirst(2)) : String(line)
      let isExample =
        isCode && line.hasPrefix("# ")
        && (rest.hasPrefix("\t") || rest.hasPrefix("}") || rest.hasSuffix("{"))
      return isExample ? rest : String(line)
    }.joined(separator: "\n")
    let all = try ask(whole, "production")
    #expect(all.contains("\"ttl\":\"30m\"") && all.contains("nodeploysattheweekend"), "\(all)")
    #expect(try ask(whole, "staging").contains("\"allow\":true"))
  }
}
