import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements

struct InitCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a registry, with you as its founding operator.",
    discussion: """
      A lone operator cannot approve actions under grants they issued: enrol a second one with
      `countersign operator enroll`, or say --solo, which then stands on every screen.
      """)

  @Option(name: .customLong("as"), help: "Who you are, as user:NAME.")
  var founder: String

  @Option(help: "The registry's display name.")
  var name: String = "countersign"

  @Option(help: "Your groups, parted by commas.")
  var groups: String?

  @Option(help: "What you may grant, as ACTION[,ACTION]@SCHEME://PATTERN; repeat for more.")
  var mayGrant: [String] = []

  @Option(help: "Let this Unix group read and write the registry.")
  var group: String?

  @Flag(help: "Let operators approve what runs under their own grants, everywhere.")
  var solo = false

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var signer: OperatorOptions

  func perform() async throws {
    let founder = try Parse.principal(founder, .user)
    let capabilities = try mayGrant.map(Parse.capability)
    for capability in capabilities { try capability.checked() }
    if FileManager.default.fileExists(atPath: registry.path) {
      throw RegistryFault.exists(path: registry.path)
    }
    let key: SigningKey
    if FileManager.default.fileExists(atPath: signer.path) {
      let opened = try signer.open()
      guard opened.principal == founder else {
        throw CommandFault(
          "key_not_yours", "the key \(signer.path) is \(opened.principal)'s, not \(founder)'s")
      }
      key = opened.key
    } else {
      let passphrase = try Passphrase.choose(
        descriptor: signer.passphraseFd, prompt: "A passphrase for your new key: ")
      key = try SigningKey.generate()
      try KeyFolder.make(for: signer.path)
      try SealedKey.create(signer.path, key: key, holder: founder.text, passphrase: passphrase)
    }
    let body = RegistryCreated(
      name: ByteString(name),
      operators: [
        OperatorEnrolled(
          principal: founder, key: key.publicKey, roles: [.admin, .approver],
          groups: Parse.list(groups), mayGrant: capabilities)
      ], adminQuorum: 1, approvalDefault: .standard, isSolo: solo)
    let database = try RegistryDatabase.create(registry.path, group: group)
    let ledger = try Ledger(database, pins: nil)
    _ = try ledger.sign(.registryCreated(body), by: founder, key: key, clock: .system)
    let id = ledger.state.registry?.id ?? ""
    try PinStore(folder: Paths().pins).store(ledger.head, for: id)
    Output.line("registry  \(registry.path)")
    Output.line("id        \(id.text)")
    Output.line("operator  \(founder)  key \(key.publicKey.fingerprint)")
    Output.line("key file  \(signer.path)")
    if solo {
      Output.line("SOLO: operators may approve what runs under their own grants.")
    } else {
      Output.line(
        "One operator alone cannot approve actions under grants they issued; enrol a second: "
          + "countersign operator enroll --help")
    }
  }
}

enum KeyFolder {
  static func make(for path: String) throws {
    let folder = (path as NSString).deletingLastPathComponent
    guard !folder.isEmpty else { return }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }
}
