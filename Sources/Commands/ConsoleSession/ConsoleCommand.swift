import ArgumentParser
import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Foundation
import Glibc
import Keys
import Registry
import Statements
import Terminal

struct ConsoleCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "console", abstract: "Open the console (also without a subcommand).",
    discussion: """
      ? shows keys and commands, : takes commands. With an id (of a hold, agent, key, entry or \
      resource, whole or in part) it opens on it. ACCESSIBLE=1 or --plain asks line by line. Without \
      a terminal use: countersign holds, approve, deny; or --script.
      """)

  @Argument(help: "What to open: an id, whole or its first digits, a name, #N or a URI.")
  var id: String?

  @Option(help: "A registry of your configuration, by its name.")
  var context: String?

  @Option(help: "A theme file, or the name of one.")
  var theme: String?

  @Flag(help: "Use no colour (also: NO_COLOR).")
  var noColor = false

  @Flag(help: "Sign nothing.")
  var readonly = false

  @Flag(help: "Ask line by line, for screen readers (also: ACCESSIBLE=1).")
  var plain = false

  @Flag(help: "Draw with ASCII only.")
  var ascii = false

  @Option(help: "Press the keys of this file instead of a terminal's; see: console --help-script.")
  var script: String?

  @Flag(help: "Say how scripts are written.")
  var helpScript = false

  @Option(help: "With --script: the screen's size.")
  var size: String = "80x24"

  @Option(help: "With --script: write the last screen here as text.")
  var dump: String?

  @Option(help: "With --script: draw the last screen here as SVG.")
  var dumpSvg: String?

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var signer: OperatorOptions

  func perform() async throws {
    if helpScript {
      Output.noteLines(ScriptRunner.help)
      return
    }
    let session = ConsoleSession(
      files: ConsoleFiles(), theme: theme, noColor: noColor, isReadOnly: readonly, isASCII: ascii,
      context: context, first: id, banner: nil)
    if let script {
      try await session.run(
        script: script, size: size, dump: dump, svg: dumpSvg, registry: registry, signer: signer)
    } else if plain || !(ProcessInfo.processInfo.environment["ACCESSIBLE"] ?? "").isEmpty {
      try await session.runPlain(registry: registry, signer: signer)
    } else {
      try await session.run(registry: registry, signer: signer)
    }
  }
}

/// Opens the console on a registry until its user leaves.
struct ConsoleSession {
  let files: ConsoleFiles
  let theme: String?
  let noColor: Bool
  var isReadOnly = false
  var isASCII = false
  var context: String?
  /// An id to open on.
  var first: String?
  let banner: String?
  /// What `q` would end besides the console, and so is asked about.
  var leaving: String?
  /// Called once messages can be posted.
  var started: @Sendable (@escaping @Sendable (Message) -> Void) -> Void = { _ in }
  /// Done before the program ends by a signal.
  var atEnd: @Sendable () -> Void = {}

  private var environment: [String: String] { ProcessInfo.processInfo.environment }

  // MARK: opening

  /// Everything about one registry that must be known before it is shown.
  func opening(
    _ wanted: String?, _ registry: RegistryOptions, _ signer: OperatorOptions,
    _ configuration: ConsoleConfiguration
  ) throws -> ConsoleOpening {
    let name = wanted ?? (registry.registry == nil ? configuration.context : nil)
    var context = ConsoleConfiguration.Context()
    if let name {
      guard let known = configuration.contexts.first(where: { $0.name == name }) else {
        throw CommandFault(
          "context_unknown",
          "\(files.configurationPath) has no context \(name)"
            + (configuration.contexts.isEmpty
              ? "" : "; it has " + configuration.contexts.map(\.name).joined(separator: ", ")))
      }
      context = known.context
    }
    let path =
      registry.registry
      ?? (context.registry.isEmpty ? Paths().registry : files.path(context.registry))
    let trust = (registry.trust ?? context.trust).map { ByteString($0) }
    let isReadOnly = isReadOnly || configuration.isReadOnly || context.isReadOnly
    let (database, access, genesis) = try probe(path, isReadOnly)
    let confirmed = try confirm(genesis.id, trust)
    let signer = try self.signer(signer, context, configuration)
    var holder = signer.holder
    if holder == nil, let fingerprint = signer.fingerprint {
      let row = try database.read { try $0.key(fingerprint.digest) }
      holder = row.flatMap { Principal(ByteString($0.holder)) }
    }
    var session = Session(
      registry: genesis.name, context: name, who: holder,
      key: signer.fingerprint?.short ?? "",
      signer: signer.session, isReadOnly: isReadOnly || access == .readOnly, isSolo: genesis.isSolo,
      isProduction: context.isProduction, banner: banner,
      arguments: ["--registry", path], signing: signer.arguments,
      contexts: configuration.contexts.map(\.name))
    session.leaving = leaving
    return ConsoleOpening(
      database: database, access: access, trust: confirmed, signer: signer, session: session,
      isBlind: configuration.blindQuorum, theme: theme ?? context.theme ?? configuration.theme,
      registry: genesis.id.text, sockets: context.socket.map { [files.path($0)] } ?? [])
  }

  /// Opens the file for lists, and reads what its first entry says.
  private func probe(
    _ path: String, _ isReadOnly: Bool
  ) throws -> (
    database: RegistryDatabase, access: RegistryDatabase.Access,
    genesis: (id: ByteString, name: String, isSolo: Bool)
  ) {
    let database = try RegistryDatabase(path, access: .readOnly)
    guard let bytes = try database.read({ try $0.entry(0) }) else {
      throw AuthorityFault.empty(path: path)
    }
    let entry = try LogEntry(bytes: bytes)
    let parts = try StatementParts(
      payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
    guard case .registryCreated(let body) = parts.body else {
      throw AuthorityFault.badEntry(index: 0, reason: "it founds no registry")
    }
    let isWritable = !isReadOnly && !database.isFrozen && Glibc.access(path, W_OK) == 0
    return (
      database, isWritable ? .readWrite : .readOnly,
      (ByteString(entry.envelope.digest.hex), body.name.text, body.isSolo)
    )
  }

  /// A registry this account has never seen is opened only once a person knows its id.
  ///
  /// - Returns: The id to trust, where there is no pin yet.
  private func confirm(_ id: ByteString, _ trust: ByteString?) throws -> ByteString? {
    if let trust {
      guard trust == id else { throw AuthorityFault.otherRegistry(expected: trust, found: id) }
      return trust
    }
    guard try PinStore(folder: Paths().pins).pin(for: id) == nil else { return nil }
    guard
      Output.ask(
        "This account has never seen registry \(id.text).\nIs that the id its founder gave you? "
          + "Type yes: ") == "yes"
    else { throw AuthorityFault.unpinned(registry: id) }
    return id
  }

  private func signer(
    _ options: OperatorOptions, _ context: ConsoleConfiguration.Context,
    _ configuration: ConsoleConfiguration
  ) throws -> ConsoleSigner {
    if let wanted = options.sshKey ?? (options.keyFile == nil ? context.sshKey : nil) {
      let agent = try AgentSocket.agent()
      let digits = wanted.replacingOccurrences(of: "-", with: "")
        .replacingOccurrences(of: "ed25519:", with: "")
      let found = try agent.list().keys.filter {
        digits.count >= 4 && $0.publicKey.fingerprint.digest.hex.hasPrefix(digits)
      }
      guard found.count == 1, let key = found.first else {
        throw KeyFault.agent(
          socket: agent.socket,
          reason: found.isEmpty ? "it holds no key \(wanted)" : "\(wanted) could be several keys")
      }
      return ConsoleSigner(
        kind: .agent(key, isForwarded: environment["SSH_CONNECTION"] != nil), relockSeconds: 0,
        arguments: ["--ssh-key", key.publicKey.fingerprint.description])
    }
    let path = options.keyFile ?? context.key.map(files.path) ?? Paths().operatorKey
    guard FileManager.default.fileExists(atPath: path) else {
      if options.keyFile != nil || context.key != nil { _ = try SealedKey(path: path) }
      return ConsoleSigner(kind: .none, relockSeconds: 0, arguments: [])
    }
    return ConsoleSigner(
      kind: .sealed(try SealedKey(path: path)), relockSeconds: configuration.relockSeconds,
      arguments: ["--key", path])
  }

  func settings(_ configuration: ConsoleConfiguration) -> Settings {
    var settings = Settings()
    settings.keymap = Keymap.standard.remapped(configuration.keys)
    settings.warnings = configuration.warnings
    settings.isMouseOn = configuration.isMouseOn
    settings.rings = configuration.rings
    settings.notifies = configuration.notifies
    settings.blindQuorum = configuration.blindQuorum
    settings.memory = files.memory()
    settings.catalogue.contexts = configuration.contexts.map(\.name)
    settings.catalogue.themes = BuiltInThemes.names
    let isLinux = environment["TERM"] == "linux"
    let locale = environment["LC_ALL"] ?? environment["LC_CTYPE"] ?? environment["LANG"] ?? ""
    let isUTF8 =
      locale.lowercased().contains("utf-8") || locale.lowercased().contains("utf8")
      || locale.isEmpty
    settings.isASCII =
      isASCII || configuration.glyphs == "ascii"
      || configuration.glyphs == "auto" && (isLinux || !isUTF8)
    return settings
  }

  // MARK: running

  func run(registry: RegistryOptions, signer: OperatorOptions) async throws {
    let terminal = environment["TERM"] ?? ""
    guard isatty(0) == 1, isatty(1) == 1, !terminal.isEmpty, terminal != "dumb" else {
      Output.note(
        "countersign: terminal_unusable: the console needs a terminal (TERM is \"\(terminal)\"); "
          + "use instead: countersign console --plain, or holds list, approve, deny")
      throw ExitCode(2)
    }
    let configuration = try files.configuration()
    let opening = try opening(context, registry, signer, configuration)
    let theme = try Themes.find(opening.theme)
    let mailbox = Mailbox()
    let runtime = try ConsoleRuntime(
      opening, files: files,
      openings: { [self] in
        try self.opening($0, RegistryOptions(), OperatorOptions(), configuration)
      },
      post: { mailbox.post($0) })
    var settings = settings(configuration)
    settings.warnings += theme.warnings
    // Here they stay to be read; on the screen the first key takes them away (:messages).
    for warning in settings.warnings + settings.keymap.conflicts { Output.note(warning) }
    let model = ConsoleModel(
      session: opening.session, settings: settings, width: 80, height: 24, now: Clock.system.now())
    var options = TerminalOptions()
    options.noColor = noColor || !(environment["NO_COLOR"] ?? "").isEmpty
    options.isMouseOn = configuration.isMouseOn
    options.escapeMilliseconds = configuration.escapeMilliseconds
    options.errorsPath = errorsPath()
    let finalOptions = options
    let end = await MainActor.run {
      RunLoop(
        mailbox: mailbox, now: { Clock.system.now() }, perform: { runtime.perform($0) },
        theme: { try Themes.find($0) }
      ).run(model, first: first, theme: theme, options: finalOptions) {
        runtime.start()
        started { mailbox.post($0) }
      }
    }
    if case .quit = end { return }
    if case .hangUp = end { throw ExitStatus.failed }
    if case .signal(let number) = end {
      atEnd()
      await MainActor.run { RunLoop.die(by: number) }
    }
    throw CommandFault(
      "terminal_unknown",
      "this terminal (TERM=\(terminal)) cannot be driven; install ncurses-term, set "
        + "TERM=xterm-256color, or use: countersign console --plain")
  }

  private func errorsPath() -> String? {
    let path = files.messagesPath
    try? FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    return path
  }
}

extension ConsoleSigner {
  var session: Session.Signer {
    switch kind {
    case .none: .none
    case .sealed: .sealed
    case .agent(_, let isForwarded): .agent(isForwarded: isForwarded)
    }
  }
}
