import Authority
import CanonicalJSON
import Cells
import Console
import Foundation
import Keys
import Registry
import Statements
import Synchronization
import Terminal

/// Carries the console's effects out, off its thread, and posts what came of them.
final class ConsoleRuntime: Sendable {
  /// One registry, opened: what reads it, what verifies and signs, what notices that it moved.
  private struct Opened {
    let opening: ConsoleOpening
    let reader: RegistryReader
    let keeper: TrustKeeper
    let watch: RegistryWatch?
    let services: ServiceWatch?

    /// Ends what watches, when another registry takes its place.
    func stop() {
      watch?.stop()
      services?.stop()
    }
  }

  private let opened: Mutex<Opened>
  private let files: ConsoleFiles
  private let openings: @Sendable (String) throws -> ConsoleOpening
  private let post: @Sendable (Message) -> Void
  /// Effects under way: a script waits until there are none.
  private let underWay = Mutex(0)
  private let catalogue = Mutex(CommandLine.Catalogue())

  init(
    _ opening: ConsoleOpening, files: ConsoleFiles,
    openings: @escaping @Sendable (String) throws -> ConsoleOpening,
    post: @escaping @Sendable (Message) -> Void
  ) throws {
    self.files = files
    self.openings = openings
    self.post = post
    opened = Mutex(try ConsoleRuntime.open(opening, post))
  }

  private static func open(
    _ opening: ConsoleOpening, _ post: @escaping @Sendable (Message) -> Void
  ) throws -> Opened {
    let now: @Sendable () -> Timestamp = { Clock.system.now() }
    let board = ServiceBoard(registry: opening.path, sockets: opening.sockets, now: now) {
      post(.services($0))
    }
    return Opened(
      opening: opening,
      reader: RegistryReader(opening.database, viewer: opening.session.who, services: board),
      keeper: TrustKeeper(
        path: opening.path, access: opening.access, pins: PinStore(folder: Paths().pins),
        trust: opening.trust, signer: opening.signer, isBlind: opening.isBlind, post: post),
      watch: RegistryWatch(path: opening.path),
      services: ServiceWatch(board: board, registry: opening.registry, now: now))
  }

  var isIdle: Bool { underWay.withLock { $0 == 0 } }

  /// Reads what is shown first, then verifies the log, then listens.
  func start() {
    let now = opened.withLock { $0 }
    task { [post] in
      if let message = await now.reader.status(force: true) { post(message) }
      await now.keeper.follow()
    }
    now.services?.start()
    let database = now.opening.database
    let seen = Mutex<Int64>((try? database.read { try $0.dataVersion() }) ?? -1)
    now.watch?.start(
      pause: 40,
      hasMoved: {
        guard let version = try? database.read({ try $0.dataVersion() }) else { return true }
        return seen.withLock { last in
          defer { last = version }
          return last != version
        }
      }, moved: { [weak self] in self?.moved() })
    if now.watch == nil { pollSlowly() }
  }

  /// What the command line can do, asked of the program itself the first time it is needed.
  private func loadCatalogue(_ contexts: [String]) {
    task { [self] in
      let known = CommandLine.Catalogue(
        specs: CommandRun.specs(), contexts: contexts, themes: Themes.names)
      catalogue.withLock { $0 = known }
      post(.catalogued(known))
    }
  }

  /// Where inotify is not to be had.
  private func pollSlowly() {
    Task.detached { [weak self] in
      while let self {
        try? await Task.sleep(for: .seconds(2))
        self.moved()
      }
    }
  }

  private func moved() {
    let now = opened.withLock { $0 }
    task { [post] in
      guard let message = await now.reader.status(force: false) else { return }
      post(message)
      await now.keeper.follow()
    }
  }

  private func task(_ work: @escaping @Sendable () async -> Void) {
    underWay.withLock { $0 += 1 }
    Task.detached { [self] in
      CrashStack.use()
      #if DEBUG
        CrashStack.rehearse(on: "worker")
      #endif
      await work()
      underWay.withLock { $0 -= 1 }
    }
  }

  /// Carries out one effect; those of the terminal are not for here.
  func perform(_ effect: Effect) {
    #if DEBUG
      CrashStack.rehearse(on: "screen")
    #endif
    let now = opened.withLock { $0 }
    let (reader, keeper, post) = (now.reader, now.keeper, post)
    switch effect {
    case .load(let request):
      reader.supersede(request)
      task { await reader.page(request, post) }
    case .branch(let request): task { post(await reader.branch(request)) }
    case .match(let text, let showsEnded, let serial):
      task { post(await reader.matches(text, showsEnded: showsEnded, serial: serial)) }
    case .countUnseen(let view, let index):
      task { if let message = await reader.unseen(view, after: index) { post(message) } }
    case .judge(let holds): task { await keeper.judge(holds) }
    case .members(let group): task { post(await reader.members(of: group)) }
    case .preview(let target):
      task { if let message = await reader.preview(target) { post(message) } }
    case .document(.notes): task { post(await reader.notes()) }
    case .document(let request): task { post(await keeper.document(request)) }
    case .consent(let request, let choice, let inputs):
      task { post(await keeper.consent(request, choice: choice, inputs: inputs)) }
    case .sign(let submission, let passphrase):
      if case .command(let words) = submission.request {
        run(words, signing: submission, passphrase, now.opening)
      } else {
        task { await keeper.sign(submission, passphrase) }
      }
    case .follow(let hold):
      task { if let message = await keeper.progress(hold) { post(message) } }
    case .claim(let hold): task { await keeper.leave(claim: hold) }
    case .note(let text): task { await keeper.leave(note: text) }
    case .lockKey: task { await keeper.lockKey() }
    case .verify: task { await keeper.verify() }
    case .loadCatalogue: loadCatalogue(now.opening.session.contexts)
    case .probeServices: now.services?.probe()
    case .poll:
      task { if let message = await reader.status(force: true) { post(message) } }
    case .locate(let target): task { post(await reader.locate(target)) }
    case .resolve(let text): task { post(await reader.resolve(text)) }
    case .travel(let index): task { await ConsoleRuntime.travel(index, reader, keeper, post) }
    case .switchContext(let name): switchContext(name)
    case .run(let words): run(words, signing: nil, nil, now.opening)
    case .write(let path, let lines): write(path, lines)
    case .remember(let memory): task { [files] in files.store(memory) }
    case .copy, .notify, .mouse, .useTheme, .bell, .repaint, .suspend, .quit: break
    }
  }

  private static func travel(
    _ index: UInt64?, _ reader: RegistryReader, _ keeper: TrustKeeper,
    _ post: @Sendable (Message) -> Void
  ) async {
    do {
      let (tables, at) = try await keeper.travelled(to: index)
      await reader.look(at: index.flatMap { index in tables.map { ($0, index, at) } })
      post(.travelled(to: index, at: at))
    } catch {
      post(.failed("\(FaultCode.of(error)): \(error)"))
    }
  }

  private func switchContext(_ name: String) {
    do {
      let opening = try openings(name)
      let fresh = try ConsoleRuntime.open(opening, post)
      opened.withLock { opened in
        opened.stop()
        opened = fresh
      }
      post(.switched(opening.session, catalogue.withLock { $0 }))
      start()
    } catch {
      post(.failed("\(FaultCode.of(error)): \(error)"))
    }
  }

  /// Runs a command of the command line on the same registry, with the same key.
  private func run(
    _ words: [String], signing submission: Submission?, _ passphrase: PassphraseField?,
    _ opening: ConsoleOpening
  ) {
    let (path, signer) = (opening.path, opening.signer)
    let contexts = opening.session.contexts
    task { [self] in
      // A key may run a command before any was typed: which options it takes must be known first, or it
      // would be run on another registry.
      if catalogue.withLock({ $0.specs.isEmpty }) {
        let known = CommandLine.Catalogue(
          specs: CommandRun.specs(), contexts: contexts, themes: Themes.names)
        catalogue.withLock { $0 = known }
      }
      run(words, signing: submission, passphrase, path, signer)
    }
  }

  private func run(
    _ words: [String], signing submission: Submission?, _ passphrase: PassphraseField?,
    _ path: String, _ signer: ConsoleSigner
  ) {
    let spec = catalogue.withLock { known in
      known.specs.filter { words.starts(with: $0.path) }.max { $0.path.count < $1.path.count }
    }
    guard let spec else {
      post(.failed("command_unknown: there is no command \(words.joined(separator: " "))"))
      return
    }
    var arguments = words
    func add(_ option: String, _ value: String?) {
      guard spec.options.contains(option), !words.contains(option) else { return }
      arguments.append(option)
      if let value { arguments.append(value) }
    }
    add("--registry", path)
    // What only reads may still say what this person, and no other, could do.
    if signer.arguments.count == 2 { add(signer.arguments[0], signer.arguments[1]) }
    var secret: PassphraseField?
    if submission != nil {
      add("--yes", nil)
      if case .sealed = signer.kind {
        arguments += ["--passphrase-fd", "0"]
        secret = passphrase
      }
    }
    let (final, field) = (arguments, secret)
    task { [post] in
      do {
        let outcome: CommandRun.Outcome
        if let field {
          var bytes = field.surrender()
          outcome = try CommandRun.run(final, passphrase: SecretBytes(wiping: &bytes))
        } else {
          outcome = try CommandRun.run(final)
        }
        if let submission {
          let said = outcome.output.split(separator: "\n").last.map(String.init) ?? ""
          guard outcome.status == 0 else {
            let problem = outcome.errors.split(separator: "\n").last.map(String.init) ?? said
            post(
              .refused(
                submission.request, code: "status \(outcome.status)", problem: problem,
                as: .retry))
            return
          }
          post(.ranAndSigned(submission.request, said))
        }
        post(.document(CommandRun.document(words, outcome)))
      } catch {
        post(.failed("\(FaultCode.of(error)): \(error)"))
      }
    }
  }

  private func write(_ name: String, _ lines: [String]) {
    let path = URL(fileURLWithPath: name).path
    task { [post] in
      do {
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(
          to: URL(fileURLWithPath: path), options: .withoutOverwriting)
        post(.said("written to \(path)"))
      } catch {
        post(.failed("file_unwritable: \(path) cannot be written, or is there already"))
      }
    }
  }
}

/// A registry as a console opens it: where it lies, who signs, what may be done.
struct ConsoleOpening: Sendable {
  /// Opened for lists.
  let database: RegistryDatabase
  let access: RegistryDatabase.Access
  let trust: ByteString?
  let signer: ConsoleSigner
  let session: Session
  let isBlind: Bool
  let theme: String?
  /// The registry's id.
  let registry: String
  /// Sockets of daemons, as the configuration names them.
  let sockets: [String]

  var path: String { database.path }
}
