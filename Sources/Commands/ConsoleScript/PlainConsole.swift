import Authority
import CanonicalJSON
import Cells
import Console
import Foundation
import Keys
import Registry
import Statements

/// The console line by line: numbered lists, one question at a time, nothing drawn over.
///
/// For screen readers and terminals that can do nothing else; the dialogs are the same ones.
final class PlainConsole {
  private let opening: ConsoleOpening
  private let reader: RegistryReader
  private let keeper: TrustKeeper
  private let answers: ConsoleDriver.Messages
  private var shown: [ListRow] = []
  /// What this person is to each pending hold.
  private var standing: [String: String] = [:]
  private var reasons: [String] = []

  init(_ opening: ConsoleOpening) {
    self.opening = opening
    answers = ConsoleDriver.Messages()
    reader = RegistryReader(
      opening.database, viewer: opening.session.who)
    keeper = TrustKeeper(
      path: opening.path, access: opening.access, pins: PinStore(folder: Paths().pins),
      trust: opening.trust, signer: opening.signer, isBlind: opening.isBlind,
      post: { [answers] in answers.post($0) })
  }

  private func say(_ text: String = "") { print(SafeText(text).text) }

  private func ask(_ question: String) -> String? {
    print(SafeText(question).text + " ", terminator: "")
    fflush(nil)
    return readLine()
  }

  private static let help = [
    "list VIEW   approvals, decisions, agents, keys, policies, audit, operators, proposals, locks",
    "show N      everything about row N of the list",
    "why N       why a decision or hold came out so",
    "approve N   read a hold and sign an approval; also signs a proposal, completes a review, activates a policy",
    "deny N      read a hold and sign a denial",
    "revoke N    revoke the key of row N", "lock N      lock what row N is; or: lock everything",
    "open N      open row N: a group lists its holds", "open ID     look something up by its id",
    "status      registry status",
    "quit",
  ]

  func run() async {
    let session = opening.session
    say(
      "countersign, line by line. Registry \(session.place)\(session.isProduction ? ", PRODUCTION" : "")."
    )
    say(
      "You are \(session.who?.description ?? "without a key")\(session.isReadOnly ? ", read only" : "")."
    )
    say("Type help for what can be done.")
    await keeper.follow()
    report()
    await status()
    await list(.approvals)
    while let line = ask("countersign>") {
      let words = line.split(separator: " ").map(String.init)
      guard let verb = words.first else { continue }
      let rest = words.dropFirst().joined(separator: " ")
      switch verb {
      case "q", "quit", "exit": return
      case "help", "?": for line in PlainConsole.help { say(line) }
      case "status": await status()
      case "list", "l":
        guard let view = View.allCases.first(where: { $0.name.hasPrefix(rest) && $0 != .tree })
        else {
          say("There is no list \(rest).")
          continue
        }
        await list(rest.isEmpty ? .approvals : view)
      case "show", "s": await document(rest) { .card($0) }
      case "why", "w": await document(rest) { .why($0) }
      case "approve", "a": await vote(rest, .approve)
      case "deny", "x": await vote(rest, .deny)
      case "revoke", "r": await revoke(rest)
      case "lock": await lock(rest)
      case "open": await open(rest)
      default: say("There is no command \(verb); type help.")
      }
    }
  }

  private func report() {
    for message in answers.take() {
      switch message {
      case .verification(.verified(let size, _)):
        say("Log verified: \(Plural.count(Int(size), "entry", "entries")).")
      case .verification(.broken(let index, let code, let reason)):
        say(
          "ALERT. Log verification failed\(index.map { " at entry \($0)" } ?? ""). \(code): \(reason)"
        )
      case .standing(let words): standing = words
      case .failed(let problem): say("Failed. \(problem)")
      case .said(let text): say(text)
      default: break
      }
    }
  }

  private func status() async {
    guard case .changed(let status)? = await reader.status(force: true) else { return }
    let services = ServiceSurvey.reports(opening.database, registry: opening.registry)
    for service in services {
      if let problem = service.problem {
        say("\(service.isDown ? "ALERT. " : "")Service \(problem).")
      } else {
        say("Service \(service.label) is deciding.")
      }
    }
    if services.isEmpty { say("No deciding service has been seen.") }
    if let alarm = status.alarm { say("ALERT. \(alarm)") }
    if let lock = status.everythingLock { say("EVERYTHING IS LOCKED \(lock.forms[0])") }
    let critical = status.pending.count { $0.risk == .critical }
    let count = status.pendingCount
    let floor = status.isFloor ? "at least " : ""
    say(
      "\(floor)\(Plural.count(count, "hold")) \(count == 1 ? "waits" : "wait"), "
        + "\(status.neededCount) for you. \(critical > 0 ? "\(critical) critical. " : "")"
        + "\(Plural.count(status.openProposals, "open proposal")), "
        + "\(status.hasMoreReviews ? "at least " : "")"
        + "\(Plural.count(status.owedReviews, "group")) of reviews due.")
    if let note = status.note { say(note) }
  }

  private func list(_ view: View) async {
    var state = ListState(view)
    if view == .decisions || view == .audit { state.resume() }
    await read(state.restart(page: 6))
    readOutRows(view, view.title)
  }

  private func read(_ request: ListRequest) async {
    await reader.page(request) { [answers] in answers.post($0) }
    for case .page(let page) in answers.take() { shown = page.rows }
    guard request.view == .approvals else { return }
    await keeper.judge(shown.compactMap(\.hold))
    report()
  }

  private func readOutRows(_ view: View, _ title: String) {
    say("\(title): \(Plural.count(shown.count, "row")).")
    let now = Clock.system.now()
    for (index, row) in shown.enumerated() {
      var words = zip(view.columns, row.cells).compactMap { column, cell in
        column.isWide ? nil : PlainConsole.spoken(column, cell.shown(at: now).text.text)
      }
      if row.count > 1 { words.append("a group of \(row.count) holds: open \(index + 1)") }
      if let hold = row.hold, let word = standing[hold.hex] { words.append(word) }
      say("\(index + 1). \(words.joined(separator: ", ")).")
    }
  }

  /// A cell in words that can be read out, without the signs that eyes look for.
  private static func spoken(_ column: Column, _ text: String) -> String? {
    let text = text.replacingOccurrences(of: "\u{2192}", with: " on ")
      .trimmingCharacters(in: .whitespaces)
    guard !text.isEmpty, text != "-" else { return nil }
    switch (column.name, text.split(separator: " ").last) {
    case ("risk", "CRIT"): return "critical"
    case ("risk", "HIGH"): return "high risk"
    case ("risk", "MED"): return "medium risk"
    case ("risk", _): return "low risk"
    case ("action", _): return text
    case ("seen", "now"): return "the agent waits"
    case ("seen", _): return "last seen \(text) ago"
    case ("quorum", _) where text.hasSuffix("min"): return "\(text) from this agent"
    case ("quorum", _): return "\(text.replacingOccurrences(of: "/", with: " of ")) approvals"
    case ("expires", _): return text.contains(":") ? "ends in \(text)" : "ends \(text)"
    default: return "\(column.title.lowercased()) \(text)"
    }
  }

  private func row(_ text: String) -> ListRow? {
    guard let number = Int(text), shown.indices.contains(number - 1) else {
      say("Give the number of a row: 1 to \(shown.count).")
      return nil
    }
    return shown[number - 1]
  }

  private func document(_ text: String, _ request: (Target) -> DocumentRequest) async {
    guard let row = row(text) else { return }
    read(await keeper.document(request(row.target)))
  }

  private func read(_ message: Message) {
    switch message {
    case .document(let document):
      say(document.title.text)
      for line in document.lines {
        say(line.label.isEmpty ? line.text.text : "\(line.label): \(line.text.text)")
      }
    case .failed(let problem): say("Failed. \(problem)")
    default: break
    }
  }

  private func open(_ id: String) async {
    if let number = Int(id), shown.indices.contains(number - 1) { return await open(row: number) }
    guard case .resolved(_, let found) = await reader.resolve(id) else { return }
    guard !found.isEmpty else {
      say("Nothing on record is called \(id).")
      return
    }
    shown = found.map { ListRow(target: $0.target, place: [], cells: [.text(SafeText($0.words))]) }
    for (index, candidate) in found.enumerated() { say("\(index + 1). \(candidate.words).") }
    if found.count == 1 { read(await keeper.document(.card(found[0].target))) }
  }

  /// Opens a row of the list that was read out last; its number means nothing else while it is there.
  private func open(row number: Int) async {
    let row = shown[number - 1]
    switch row.target {
    case .group(let group):
      guard case .members(let holds, _, let hasMore) = await reader.members(of: group) else {
        return
      }
      var list = ListState(.approvals)
      var request = list.whole(filter: "")
      request.unfolded = [group]
      await read(request)
      shown = shown.filter { row in row.hold.map(holds.contains) == true && row.depth > 0 }
      readOutRows(.approvals, "Holds of the group\(hasMore ? ", the first of them" : "")")
    case .hold, .decision: read(await keeper.document(.why(row.target)))
    case .policy: read(await keeper.document(.source(row.target)))
    default: read(await keeper.document(.card(row.target)))
    }
  }

  // MARK: signing

  private func vote(_ text: String, _ vote: ApprovalVoted.Vote) async {
    guard let row = row(text) else { return }
    if case .group(let group) = row.target {
      guard vote == .deny else {
        say("Holds are approved one by one: open \(text) lists those of this group.")
        return
      }
      guard case .members(let holds, _, _) = await reader.members(of: group), !holds.isEmpty else {
        say("None of its holds is pending any more.")
        return
      }
      await sign(.denyAll(holds), button: "deny")
      return
    }
    guard case .hold(let hold) = row.target else {
      // What can be answered is answered as `a` answers it on the screen.
      guard vote == .approve, let request = ConsoleModel.answer(to: row.target) else {
        say("Row \(text) is no hold; type list approvals.")
        return
      }
      await sign(request, button: nil)
      return
    }
    await sign(.vote(hold, leaning: vote), button: vote.rawValue)
  }

  private func revoke(_ text: String) async {
    guard let row = row(text) else { return }
    var key: Digest?
    if case .key(let digest) = row.target { key = digest }
    for case .key(let digest) in row.related where key == nil { key = digest }
    guard let key else {
      say("Row \(text) has no key; type list keys.")
      return
    }
    await sign(.revokeKey(key), button: "revoke")
  }

  private func lock(_ text: String) async {
    if text == "everything" {
      await sign(.lock([.everything]), button: "lock")
      return
    }
    guard let row = row(text) else { return }
    switch row.target {
    case .agent(let name):
      guard let agent = Principal(.init(name)) else { return }
      await sign(.lock([.agent(agent)]), button: "lock")
    case .key(let digest): await sign(.lock([.key(Fingerprint(digest: digest))]), button: "lock")
    default: say("Row \(text) cannot be locked; list agents or keys.")
    }
  }

  /// The same dialog as on the screen: every line is read out, then one question after another.
  ///
  /// `name`: Which button; the last, which does what the dialog is for, if nil.
  private func sign(_ request: ConsentRequest, button name: String?) async {
    guard !opening.session.isReadOnly else {
      say("Read only: nothing can be signed.")
      return
    }
    guard let first = await consent(request, 0, [:]) else { return }
    var consent = first
    var choice = consent.choice?.selected ?? 0
    if let offered = consent.choice, offered.options.count > 1 {
      say("\(offered.label):")
      for (index, option) in offered.options.enumerated() { say("\(index + 1). \(option)") }
      let question =
        offered.isFinding
        ? "Which? Its number, or cancel:" : "Which? Enter for \(choice + 1), or cancel:"
      guard let answer = ask(question), answer != "cancel",
        !offered.isFinding || Int(answer).map({ offered.options.indices.contains($0 - 1) }) == true
      else {
        say("Nothing was signed.")
        return
      }
      if let number = Int(answer), offered.options.indices.contains(number - 1) {
        choice = number - 1
      }
      guard let planned = await self.consent(request, choice, defaults(consent)) else { return }
      consent = planned
    }
    readOut(consent)
    if let release = consent.release,
      let notice = ServiceSurvey.reports(opening.database, registry: opening.registry)
        .approvalNotice(
          for: release.service, until: release.words(at: Clock.system.now(), isSigned: false))
    {
      say("ALERT. \(notice).")
    }
    guard let button = consent.buttons.last(where: { name == nil || $0.name == name }) else {
      say("It cannot be done with this one.")
      return
    }
    if let objection = button.objection ?? consent.ended {
      say("It cannot be signed. \(objection)")
      return
    }
    var inputs = defaults(consent)
    for input in consent.inputs {
      if case .name(let wanted) = input.kind {
        guard button.needs.contains(.name) else { continue }
        guard ask("Type \(wanted) to go on:") == wanted else {
          say("That is not it. Nothing was signed.")
          return
        }
        inputs[input.name] = wanted
        continue
      }
      let isRequired = input.kind == .reason && button.needs.contains(.reason)
      let initial = inputs[input.name] ?? ""
      let hint = initial.isEmpty ? input.note : "\(input.note); Enter for \(initial)"
      guard let typed = ask("\(input.label) (\(hint)):") else { return }
      let value = typed.isEmpty ? initial : typed
      if isRequired, value.allSatisfy(\.isWhitespace) {
        say("A reason is required. Nothing was signed.")
        return
      }
      inputs[input.name] = value
    }
    // What was read is what is signed: it must still be the same.
    guard let again = await self.consent(request, choice, inputs) else { return }
    if again.basis != consent.basis || again.ended != nil || again.digest != consent.digest {
      say("It has changed meanwhile. Nothing was signed; begin again.")
      return
    }
    if again.lines != consent.lines || again.hashes != consent.hashes {
      say("With what you typed the plan is:")
      readOut(again)
    }
    guard ask("Type \(button.name) to sign, anything else cancels:") == button.name else {
      say("Nothing was signed.")
      return
    }
    let field = PassphraseField()
    if case .sealed = opening.signer.kind {
      guard
        let secret = try? Passphrase.read(
          descriptor: nil, prompt: "Passphrase for \(opening.session.who?.description ?? ""): ")
      else {
        say("There is no terminal to ask for the passphrase on.")
        return
      }
      secret.withBytes { _ = field.take(.paste(String(decoding: $0, as: UTF8.self))) }
    }
    await keeper.sign(
      Submission(of: consent, button: button.name, choice: choice, inputs: inputs), field)
    for message in answers.take() {
      switch message {
      case .signed(_, let index, let outcome): say("Recorded as entry \(index). \(outcome)")
      case .refused(_, let code, let problem, _): say("Nothing was recorded. \(code): \(problem)")
      default: break
      }
    }
    if case .vote(let hold, _) = request,
      case .progress(let progress)? = await keeper.progress(hold)
    {
      for line in progress.lines { say("\(line.label): \(line.text.text)") }
    }
  }

  private func defaults(_ consent: Consent) -> [String: String] {
    Dictionary(uniqueKeysWithValues: consent.inputs.map { ($0.name, $0.initial) })
  }

  private func consent(
    _ request: ConsentRequest, _ choice: Int, _ inputs: [String: String]
  ) async -> Consent? {
    switch await keeper.consent(request, choice: choice, inputs: inputs) {
    case .consent(let consent):
      _ = answers.take()
      return consent
    case .failed(let problem), .consentFailed(_, let problem, _):
      say("Failed. \(problem)")
      return nil
    default: return nil
    }
  }

  private func readOut(_ consent: Consent) {
    say("\(consent.title.text). \(consent.heading.text).")
    let lines = consent.lines + consent.hashes
    for (index, line) in lines.enumerated() {
      say("Line \(index + 1) of \(lines.count). \(line.label) \(line.text.text)")
    }
    if consent.hidden > 0 {
      say("ALERT. \(consent.hidden) hidden characters are shown above.")
    }
    for line in consent.asides { say("\(line.label): \(line.text.text)") }
    if !consent.seal.isEmpty { say("You sign: \(consent.seal.text)") }
  }
}

extension ConsoleSession {
  func runPlain(registry: RegistryOptions, signer: OperatorOptions) async throws {
    let configuration = try files.configuration()
    let opening = try opening(context, registry, signer, configuration)
    await PlainConsole(opening).run()
  }
}
