import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements

struct RegistryOptions: ParsableArguments {
  @Option(help: "The registry file.")
  var registry: String?

  @Option(help: "The registry's id (64 digits), needed the first time this account opens it.")
  var trust: String?

  var path: String { registry ?? Paths().registry }

  /// Opens the registry for lists.
  func reading() throws -> RegistryDatabase {
    let database = try RegistryDatabase(path, access: .readOnly)
    if database.isFrozen {
      Output.note(
        "note: you may only read \(path); this is how it lies there now, and nothing can be signed. "
          + "To sign, ask its owner for the registry's group.")
    }
    return database
  }

  /// Opens the registry for a list; who takes it as JSON, and so elsewhere, is told what it rests on.
  func reading(_ list: ListOptions) throws -> RegistryDatabase {
    let database = try reading()
    if list.json {
      Output.note(
        "note: these are the registry's tables, which this command does not check against the log; "
          + "`countersign log verify` does, and `countersign log export` and `log prove` give what is checked"
      )
    }
    return database
  }

  /// A command prints as it goes: where what it rests on turns out to be damaged, it ends at once.
  private func opened(_ ledger: Ledger) -> Ledger {
    if let fault = ledger.pinFault { Output.note("note: \(fault.code): \(fault)") }
    StateShelf.whenDamaged { path, reason in
      RegistryDatabase.remove(path)
      fflush(nil)
      Output.noteLines(
        "countersign: state_unreadable: the state kept in \(path) cannot be read (\(reason)) and was "
          + "dropped; what was signed before this stands. Do it again: it is made anew from the log"
      )
      _exit(ExitStatus.failed.rawValue)
    }
    return ledger
  }

  /// Opens the registry and verifies its log against what this account has seen.
  func ledger(_ access: RegistryDatabase.Access = .readWrite) throws -> Ledger {
    let database =
      try access == .readOnly ? reading() : RegistryDatabase(path, access: .readWrite)
    let pins = PinStore(folder: Paths().pins)
    do {
      return opened(try Ledger(database, pins: pins, trust: trust.map { ByteString($0) }))
    } catch AuthorityFault.unpinned(let id) {
      guard
        let answer = Output.ask(
          "This account has never seen registry \(id.text).\nIs that the id its founder gave you? "
            + "Type yes: "), answer == "yes"
      else { throw AuthorityFault.unpinned(registry: id) }
      return opened(try Ledger(database, pins: pins, trust: id))
    }
  }
}

extension RegistryOptions {
  /// Opens a registry for what may have to be signed before it is trusted again: where it was put
  /// back from a backup, only the confirmation of that.
  ///
  /// - Returns: The ledger, and how much of the lost log this account has seen, if it is such a one.
  func ledgerOrRestored() throws -> (ledger: Ledger, seen: UInt64?) {
    let refusal: AuthorityFault
    let known: UInt64
    do {
      return (try ledger(), nil)
    } catch AuthorityFault.truncated(let size, let seen) {
      (refusal, known) = (.truncated(size: size, known: seen), seen)
    } catch AuthorityFault.forked(let size) {
      (refusal, known) = (.forked(size: size), size)
    }
    // The pin is replaced once the admin quorum has spoken; until then it is left as it is.
    let ledger = try Ledger(RegistryDatabase(path, access: .readWrite), pins: nil)
    guard try ledger.database.read({ try $0.restoreMark() }) != nil else { throw refusal }
    return (ledger, known)
  }
}

struct OperatorOptions: ParsableArguments {
  @Option(
    name: .customLong("key"),
    help: "Your sealed operator key. Default: operator.key in the XDG configuration folder.")
  var keyFile: String?

  @Option(
    help: "Sign with this key of your ssh-agent instead: its fingerprint (see: key agent-list).")
  var sshKey: String?

  @Option(help: "Read the passphrase from this file descriptor instead of the terminal.")
  var passphraseFd: Int32?

  var path: String { keyFile ?? Paths().operatorKey }

  func sealed() throws -> SealedKey { try SealedKey(path: path) }

  /// Who would sign, without opening anything.
  func principal(in ledger: Ledger) throws -> Principal {
    if sshKey != nil { return try agentKey(in: ledger).principal }
    guard let holder = Principal(try sealed().holder) else {
      throw KeyFault.malformed(path: path, reason: "its holder is no principal")
    }
    return holder
  }

  /// Opens the key; its holder is who signs.
  func open(in ledger: Ledger) throws -> OpenedKey {
    if sshKey != nil {
      let (principal, key) = try agentKey(in: ledger)
      return OpenedKey(principal: principal, agentKey: key)
    }
    return try openSealed()
  }

  func openSealed() throws -> OpenedKey {
    let sealed = try sealed()
    guard let holder = Principal(sealed.holder) else {
      throw KeyFault.malformed(path: path, reason: "its holder is no principal")
    }
    let passphrase = try Passphrase.read(
      descriptor: passphraseFd,
      prompt: "Passphrase for \(holder) (\(sealed.publicKey.fingerprint.short)): ")
    return OpenedKey(principal: holder, key: try sealed.open(passphrase: passphrase))
  }

  private func agentKey(
    in ledger: Ledger
  ) throws -> (principal: Principal, key: SSHAgent.Key) {
    let agent = try AgentSocket.agent()
    let listing = try agent.list()
    let wanted = (sshKey ?? "").replacingOccurrences(of: "-", with: "")
      .replacingOccurrences(of: "ed25519:", with: "")
    let found = listing.keys.filter {
      wanted.count >= 4 && $0.publicKey.fingerprint.digest.hex.hasPrefix(wanted)
    }
    guard let key = found.first else {
      let others =
        listing.otherTypes.isEmpty
        ? ""
        : "; keys of type \(listing.otherTypes.joined(separator: ", ")) cannot sign here, only "
          + "ssh-ed25519 can"
      throw KeyFault.agent(
        socket: agent.socket, reason: "it holds no key \(sshKey ?? "")\(others)")
    }
    guard found.count == 1 else {
      throw CommandFault(
        "key_ambiguous",
        "\(sshKey ?? "") could be: "
          + found.map(\.publicKey.fingerprint.description).joined(separator: ", "))
    }
    guard let record = ledger.state.keys[key.publicKey.fingerprint], record.holder.kind == .user
    else {
      throw CommandFault(
        "signer_wrong_key", "the key \(key.publicKey.fingerprint) is no operator's here")
    }
    AgentSocket.warnIfForwarded()
    return (record.holder, key)
  }
}

enum AgentSocket {
  static func agent() throws -> SSHAgent {
    guard let socket = ProcessInfo.processInfo.environment["SSH_AUTH_SOCK"], !socket.isEmpty else {
      throw CommandFault(
        "ssh_agent_missing", "SSH_AUTH_SOCK is not set: start ssh-agent, or use a sealed key")
    }
    return SSHAgent(socket: socket)
  }

  /// A forwarded agent signs for whoever is root on this machine.
  static func warnIfForwarded() {
    let environment = ProcessInfo.processInfo.environment
    if environment["SSH_CONNECTION"] != nil {
      Output.note(
        "warning: this looks like a forwarded ssh-agent; root of this machine can sign with it too")
    }
  }
}

/// An operator's key, ready to sign: opened from its sealed file, or kept by an ssh-agent.
struct OpenedKey: ~Copyable, StatementSigner {
  let principal: Principal
  private let key: SigningKey?
  private let agentKey: SSHAgent.Key?
  let publicKey: PublicKey

  init(principal: Principal, key: consuming SigningKey) {
    self.principal = principal
    publicKey = key.publicKey
    self.key = consume key
    agentKey = nil
  }

  init(principal: Principal, agentKey: SSHAgent.Key) {
    self.principal = principal
    publicKey = agentKey.publicKey
    key = nil
    self.agentKey = agentKey
  }

  var scheme: SignatureScheme { agentKey == nil ? .dsse : .sshsig }

  func signature(over message: [UInt8]) throws(KeyFault) -> Signature {
    if let agentKey { return try agentKey.signature(over: message) }
    guard let signature = key?.sign(message) else {
      throw .unsupported(path: "the key", reason: "it is not open")
    }
    return signature
  }
}

struct ListOptions: ParsableArguments {
  @Flag(help: "Print JSON.")
  var json = false
}

/// What every command that signs a change takes.
struct ChangeOptions: ParsableArguments {
  @OptionGroup var registry: RegistryOptions
  @OptionGroup var signer: OperatorOptions
  @OptionGroup var list: ListOptions

  /// Signs one administrative change and says what became of it.
  @discardableResult
  func sign(
    _ body: StatementBody, _ said: String, bodies: [[UInt8]] = []
  ) throws -> Ledger.Signed {
    let ledger = try registry.ledger()
    return try sign(body, said, in: ledger, bodies: bodies)
  }

  @discardableResult
  func sign(
    _ body: StatementBody, _ said: String, in ledger: Ledger, bodies: [[UInt8]] = []
  ) throws -> Ledger.Signed {
    let opened = try signer.open(in: ledger)
    let signed = try ledger.sign(
      body, by: opened.principal, key: opened, clock: .system, bodies: bodies)
    report(signed, said, in: ledger)
    return signed
  }

  func report(_ signed: Ledger.Signed, _ said: String, in ledger: Ledger) {
    if list.json {
      Output.json([
        "statement": JSONValue(signed.digest.hex), "log_index": JSONValue(signed.index),
        "proposed": .bool(signed.isProposed),
      ])
    } else if let proposal = ledger.state.proposals[signed.digest] {
      let needed = ledger.state.signaturesNeeded(for: proposal.opened.inner)
      let have = ledger.state.countedSigners(proposal).count
      Output.line("proposed, \(have) of \(needed) admins: \(said)  entry #\(signed.index)")
      Output.line("others sign it with: countersign proposals sign \(signed.digest.hex)")
    } else {
      Output.line("\(said)  entry #\(signed.index)")
    }
  }

  /// Shows what a change would do; with `dryRun` that is all.
  ///
  /// - Returns: Whether to go on.
  func preview(
    _ body: StatementBody, _ what: String, confirm word: String?, dryRun: Bool, in ledger: Ledger
  ) throws -> Bool {
    let who = try signer.principal(in: ledger)
    let preview = try ChangePreview(
      of: body, by: who, in: ledger.state, at: try ledger.now(.system))
    if list.json, dryRun {
      Output.json(preview.json)
      return false
    }
    if !list.json {
      Output.line("\(what)  dry run after entry #\(preview.size - 1)")
      for line in preview.lines { Output.line("        \(line)") }
      if ledger.state.needsProposal(body, by: who, at: try ledger.now(.system)) {
        let needed = ledger.state.signaturesNeeded(for: body)
        let able = ledger.state.possibleSigners(of: body)
        Output.line("        takes the signatures of \(needed) admin\(needed == 1 ? "" : "s")")
        if able.count < needed {
          Output.line(
            "        ! nobody could complete it: only \(able.count) admin\(able.count == 1 ? "" : "s") "
              + "could sign it; enrol another first")
        }
      }
    }
    if dryRun { return false }
    if let word {
      guard Output.ask("Type \(word) to go on: ") == word else {
        throw CommandFault("not_confirmed", "nothing was signed; give --yes without a terminal")
      }
    }
    return true
  }
}

enum Parse {
  static func principal(_ text: String, _ kind: Principal.Kind) throws -> Principal {
    guard let principal = Principal(ByteString(text)), principal.kind == kind else {
      throw ValidationError("\"\(text)\" is not \(kind.rawValue):NAME (a-z 0-9 . _ -)")
    }
    return principal
  }

  /// Reads `deploy,restart@prod://payments/**`.
  static func capability(_ text: String) throws -> Capability {
    let parts = text.split(separator: "@", maxSplits: 1)
    guard parts.count == 2 else {
      throw ValidationError("\"\(text)\" is not ACTION[,ACTION]@SCHEME://PATTERN")
    }
    let actions = parts[0].split(separator: ",").map { ByteString(String($0)) }
    return Capability(actions: actions, resources: [ByteString(String(parts[1]))])
  }

  static func list(_ text: String?) -> [ByteString] {
    (text ?? "").split(separator: ",").map { ByteString(String($0)) }
  }

  /// Reads `sre,security` and `sre@2026-12-01T00:00:00Z..2026-12-08T00:00:00Z`; either end of a time
  /// may be missing.
  static func groups(_ text: String?, _ timed: [String]) throws -> [GroupMembership] {
    try list(text).map { try GroupMembership(JSONValue($0), path: "--groups") }
      + timed.map { word in
        let parts = word.split(separator: "@", maxSplits: 1).map(String.init)
        guard parts.count == 2 else {
          return try GroupMembership(JSONValue(word), path: "--group")
        }
        let ends = parts[1].components(separatedBy: "..")
        func time(_ text: String) throws -> JSONValue? {
          if text.isEmpty { return nil }
          guard let time = Timestamp(lenient: ByteString(text)) else {
            throw ValidationError("\"\(text)\" in \"\(word)\" is no time as 2026-12-01T00:00:00Z")
          }
          return time.json
        }
        guard ends.count == 2, ends != ["", ""] else {
          throw ValidationError("\"\(word)\" is not GROUP@FROM..UNTIL, FROM.. or ..UNTIL")
        }
        let json: JSONValue = [
          "group": JSONValue(parts[0]), "from": try time(ends[0]) ?? .null,
          "until": try time(ends[1]) ?? .null,
        ]
        return try GroupMembership(json.withoutNulls, path: "--group \(word)")
      }
  }

  static func roles(_ text: String) throws -> [OperatorRole] {
    try text.split(separator: ",").map { word in
      guard let role = OperatorRole(rawValue: String(word)) else {
        throw ValidationError("\"\(word)\" is no role; roles are viewer, approver, admin")
      }
      return role
    }
  }

  /// One of some digests, by all its digits or by first digits that no other shares.
  static func digest(
    _ text: String, among known: some Sequence<Digest>, what: String
  ) throws -> Digest {
    if let whole = Digest(hex: text.utf8) { return whole }
    let found = known.filter { $0.hex.hasPrefix(text.lowercased()) }.sorted()
    guard text.count >= 4, let first = found.first else {
      throw CommandFault("\(what)_unknown", "no \(what) \(text) is on record")
    }
    guard found.count == 1 else {
      throw CommandFault(
        "\(what)_ambiguous",
        "\(text) could be: " + found.prefix(8).map(\.hex).joined(separator: ", "))
    }
    return first
  }

  static func digest<Record: Tabled>(
    _ text: String, among known: RecordTable<Record>, what: String
  ) throws -> Digest where Record.ID == Digest {
    try digest(text, among: known.ids(beginning: text.lowercased()), what: what)
  }

  static func digest(_ text: String) throws -> Digest {
    guard let digest = Digest(hex: text.utf8) else {
      throw ValidationError("\"\(text)\" is not a digest of 64 lower-case hexadecimal digits")
    }
    return digest
  }

  /// A time as RFC 3339, or a span from now as `30d`, `4h`.
  static func time(_ text: String, from now: Timestamp) throws -> Timestamp {
    if let time = Timestamp(lenient: ByteString(text)) { return time }
    guard let seconds = ApprovalRule.seconds(ByteString(text)) else {
      throw ValidationError(
        "\"\(text)\" is neither 2026-11-23T10:00:00Z nor a span like 30d, 4h, 15m")
    }
    return now.advanced(bySeconds: seconds)
  }

  static func object(_ pairs: [String]) throws -> JSONObject {
    var object = JSONObject()
    for pair in pairs {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw ValidationError("\"\(pair)\" is not NAME=VALUE")
      }
      let text = Array(String(parts[1]).utf8)
      guard object[ByteString(String(parts[0]))] == nil else {
        throw ValidationError("\(parts[0]) is given twice")
      }
      object[ByteString(String(parts[0]))] =
        (try? JSONParser.parse(text)) ?? JSONValue(String(parts[1]))
    }
    return object
  }

  static func file(_ path: String) throws -> [UInt8] {
    if path == "-" { return Array(FileHandle.standardInput.readDataToEndOfFile()) }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFault("file_unreadable", "\(path) cannot be read")
    }
    return Array(data)
  }
}
