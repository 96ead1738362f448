import ArgumentParser
import Authority
import CanonicalJSON
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

  /// Opens the registry and verifies its log against what this account has seen.
  func ledger(_ access: RegistryDatabase.Access = .readWrite) throws -> Ledger {
    let database = try RegistryDatabase(path, access: access)
    let pins = PinStore(folder: Paths().pins)
    do {
      return try Ledger(database, pins: pins, trust: trust.map { ByteString($0) })
    } catch AuthorityFault.unpinned(let id) {
      guard
        let answer = Output.ask(
          "This account has never seen registry \(id.text).\nIs that the id its founder gave you? "
            + "Type yes: "), answer == "yes"
      else { throw AuthorityFault.unpinned(registry: id) }
      return try Ledger(database, pins: pins, trust: id)
    }
  }
}

struct OperatorOptions: ParsableArguments {
  @Option(
    name: .customLong("key"),
    help: "Your sealed operator key. Default: operator.key in the XDG configuration folder.")
  var keyFile: String?

  @Option(help: "Read the passphrase from this file descriptor instead of the terminal.")
  var passphraseFd: Int32?

  var path: String { keyFile ?? Paths().operatorKey }

  func sealed() throws -> SealedKey { try SealedKey(path: path) }

  /// Opens the key; its holder is who signs.
  func open() throws -> OpenedKey {
    let sealed = try sealed()
    guard let holder = Principal(sealed.holder) else {
      throw KeyFault.malformed(path: path, reason: "its holder is no principal")
    }
    let passphrase = try Passphrase.read(
      descriptor: passphraseFd,
      prompt: "Passphrase for \(holder) (\(sealed.publicKey.fingerprint.short)): ")
    return OpenedKey(principal: holder, key: try sealed.open(passphrase: passphrase))
  }
}

/// An operator's key, opened: who signs, and with what.
struct OpenedKey: ~Copyable {
  let principal: Principal
  let key: SigningKey
}

struct ListOptions: ParsableArguments {
  @Flag(help: "Print JSON.")
  var json = false
}

extension Subcommand {
  /// Signs one administrative change and says what became of it.
  func sign(
    _ body: StatementBody, _ registry: RegistryOptions, _ signer: OperatorOptions,
    bodies: [[UInt8]] = []
  ) throws -> (digest: Digest, index: UInt64) {
    let ledger = try registry.ledger()
    let opened = try signer.open()
    return try ledger.sign(
      body, by: opened.principal, key: opened.key, clock: .system, bodies: bodies)
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

  static func roles(_ text: String) throws -> [OperatorRole] {
    try text.split(separator: ",").map { word in
      guard let role = OperatorRole(rawValue: String(word)) else {
        throw ValidationError("\"\(word)\" is no role; roles are viewer, approver, admin")
      }
      return role
    }
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
