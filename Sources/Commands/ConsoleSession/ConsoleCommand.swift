import ArgumentParser
import Authority
import CanonicalJSON
import Console
import Decisions
import Foundation
import Keys
import Registry
import Statements
import Terminal

struct ConsoleCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "console", abstract: "Open the console (also without a subcommand).",
    discussion: "? shows the keys. Without a terminal use: countersign holds, approve, deny.")

  @Option(help: "A theme file, or the name of one: terminal, mono.")
  var theme: String?

  @Flag(help: "Use no colour.")
  var noColor = false

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var signer: OperatorOptions

  func perform() async throws {
    try await ConsoleSession(
      theme: try Themes.find(theme), noColor: noColor, banner: nil
    ).run(registry: registry, keyPath: signer.path)
  }
}

/// Opens the console on a registry until its user leaves.
struct ConsoleSession {
  let theme: Theme
  let noColor: Bool
  let banner: String?
  /// Done before the program ends by a signal.
  var atEnd: @Sendable () -> Void = {}

  func run(registry: RegistryOptions, keyPath: String) async throws {
    let environment = ProcessInfo.processInfo.environment
    let terminal = environment["TERM"] ?? ""
    guard isatty(0) == 1, isatty(1) == 1, !terminal.isEmpty, terminal != "dumb" else {
      throw CommandFault(
        "terminal_unusable",
        "the console needs a terminal (TERM is \"\(terminal)\"); "
          + "use instead: countersign holds list, approve, deny")
    }
    var sealed: SealedKey?
    if FileManager.default.fileExists(atPath: keyPath) { sealed = try SealedKey(path: keyPath) }
    var isReadOnly = false
    let ledger: Ledger
    do {
      ledger = try registry.ledger()
    } catch RegistryFault.unwritable {
      isReadOnly = true
      ledger = try registry.ledger(.readOnly)
    }
    let session = Session(
      registry: ledger.state.registry?.name.text ?? "",
      who: sealed.flatMap { Principal($0.holder) },
      isReadOnly: isReadOnly, isSolo: ledger.state.registry?.isSolo == true, banner: banner)
    let worker = ConsoleWorker(ledger: ledger, sealed: sealed)
    let mailbox = Mailbox()
    let noColor = noColor || !(environment["NO_COLOR"] ?? "").isEmpty
    let end = await MainActor.run {
      RunLoop(
        mailbox: mailbox, now: { Clock.system.now() },
        perform: { effect in
          Task.detached {
            if let message = await worker.perform(effect) { mailbox.post(message) }
            if let message = await worker.poll() { mailbox.post(message) }
          }
        }
      ).run(session: session, theme: theme, noColor: noColor) {
        Task.detached {
          while true {
            if let message = await worker.poll() { mailbox.post(message) }
            try? await Task.sleep(for: .milliseconds(150))
          }
        }
      }
    }
    switch end {
    case .quit: return
    case .hangUp: throw ExitStatus.failed
    case .signal(let number):
      atEnd()
      await MainActor.run { RunLoop.die(by: number) }
    case .noTerminal:
      throw CommandFault(
        "terminal_unknown",
        "this terminal (TERM=\(terminal)) is not in the terminfo database; "
          + "install ncurses-term, or set TERM=xterm-256color")
    }
  }
}

enum Themes {
  /// A theme by file or name: `--theme FILE`, XDG, beside the binary, the checkout, compiled in.
  static func find(_ wanted: String?) throws -> Theme {
    let name = wanted ?? "terminal"
    let binary = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
    let candidates =
      (wanted.map { [$0] } ?? []) + [
        Paths().configuration + "/themes/\(name).yaml",
        binary + "/../share/countersign/themes/\(name).yaml", "themes/\(name).yaml",
      ]
    for path in candidates {
      if let data = FileManager.default.contents(atPath: path) {
        return try Theme(yaml: String(decoding: data, as: UTF8.self), file: path)
      }
    }
    guard let theme = Theme.builtIn(name) else {
      throw CommandFault(
        "theme_unknown", "there is no theme \(name); built in are terminal and mono")
    }
    return theme
  }
}
