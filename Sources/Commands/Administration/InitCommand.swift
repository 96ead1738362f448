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
    commandName: "init", abstract: "Make a registry, with you as a founding operator.",
    discussion: """
      A lone operator cannot approve actions under grants they issued: enrol a second one with
      `countersign operator enroll`, or say --solo, which then stands on every screen.

      Several founders each sign the same genesis: one names them all with --founder and writes it
      with --draft FILE; each of the others runs `countersign init --sign FILE --key THEIRS`; then
      `countersign init --from FILE` makes the registry.
      """)

  @Option(name: .customLong("as"), help: "Who you are, as user:NAME.")
  var founder: String?

  @Option(help: "The registry's display name.")
  var name: String = "countersign"

  @Option(help: "Your groups, comma-separated.")
  var groups: String?

  @Option(help: "What you may grant, as ACTION[,ACTION]@SCHEME://PATTERN; repeat for more.")
  var mayGrant: [String] = []

  @Option(
    name: .customLong("founder"),
    help: "Another founder: user:NAME=PUBLIC-KEY-FILE[;groups=A,B][;roles=R][;grant=CAPABILITY].")
  var others: [String] = []

  @Option(help: "How many admins a change of trust takes.")
  var adminQuorum: Int64 = 1

  @Flag(
    help: ArgumentHelp(
      "Accept an admin quorum of all admins: then, with one of them away or their key lost, nobody "
        + "can change who is trusted."))
  var noSpare = false

  @Option(help: "Write the genesis for the other founders to sign, and make no registry yet.")
  var draft: String?

  @Option(help: "Add your signature to a genesis that another founder drafted.")
  var sign: String?

  @Option(help: "Make the registry from a genesis that every founder has signed.")
  var from: String?

  @Option(help: "Let this Unix group read and write the registry.")
  var group: String?

  @Flag(help: "Let operators approve what runs under their own grants, everywhere.")
  var solo = false

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var signer: OperatorOptions
  @OptionGroup var list: ListOptions

  func perform() async throws {
    if let sign { return try addSignature(to: sign) }
    if let from { return try make(from: try Genesis(path: from).envelope) }
    guard let founder else { throw ValidationError("say who you are: --as user:NAME") }
    let principal = try Parse.principal(founder, .user)
    let mine = try mayGrant.map(Parse.capability)
    _ = try Scope(mine)
    if draft == nil, FileManager.default.fileExists(atPath: registry.path) {
      throw RegistryFault.exists(path: registry.path)
    }
    let key = try founderKey(principal)
    let operators =
      [
        OperatorEnrolled(
          principal: principal, key: key.publicKey, roles: [.admin, .approver],
          groups: try Parse.groups(groups, []), mayGrant: mine)
      ] + (try others.map(Genesis.founder))
    let admins = operators.count { $0.roles.contains(.admin) }
    guard adminQuorum <= admins else {
      throw ValidationError("--admin-quorum is \(adminQuorum), and there are \(admins) admins")
    }
    if adminQuorum == admins, admins > 1, !noSpare {
      throw AuthorityFault.refused(.noSpare(quorum: admins))
    }
    let body = RegistryCreated(
      name: ByteString(name), operators: operators, adminQuorum: adminQuorum,
      approvalDefault: .standard, isSolo: solo, acceptsNoSpare: noSpare)
    let statement = try StatementDraft(
      StatementHeader(
        at: Clock.system.now(), head: TreeHead(size: 0, root: Digest.sha256([])),
        id: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), registry: "",
        signer: principal), .registryCreated(body))
    let envelope = try statement.signed(by: key)
    if let draft {
      try KeyFile.create(draft, envelope.dsse, mode: 0o644)
      Output.line("genesis   \(draft), signed by 1 of \(operators.count) founders")
      Output.line("id        \(envelope.digest.hex)")
      return
    }
    guard others.isEmpty else {
      throw ValidationError("several founders: write the genesis with --draft FILE first")
    }
    try make(from: envelope)
    if solo {
      Output.note("SOLO: operators may approve what runs under their own grants.")
    } else {
      Output.note(
        "One operator alone cannot approve actions under grants they issued; enrol a second: "
          + "countersign operator enroll --help")
    }
  }

  /// The founder's key: the one that is there, or a new one.
  private func founderKey(_ founder: Principal) throws -> OpenedKey {
    if FileManager.default.fileExists(atPath: signer.path) {
      let opened = try signer.openSealed()
      guard opened.principal == founder else {
        throw CommandFault(
          "key_not_yours", "the key \(signer.path) is \(opened.principal)'s, not \(founder)'s")
      }
      return opened
    }
    let passphrase = try Passphrase.choose(
      descriptor: signer.passphraseFd, prompt: "A passphrase for your new key: ")
    let key = try SigningKey.generate()
    try KeyFolder.make(for: signer.path)
    try SealedKey.create(signer.path, key: key, holder: founder.text, passphrase: passphrase)
    return OpenedKey(principal: founder, key: key)
  }

  private func addSignature(to path: String) throws {
    let genesis = try Genesis(path: path)
    let opened = try signer.openSealed()
    guard let mine = genesis.body.operators.first(where: { $0.principal == opened.principal }),
      mine.key == opened.publicKey
    else {
      throw CommandFault(
        "not_a_founder", "\(opened.principal) with this key is no founder in \(path)")
    }
    for line in genesis.lines { Output.line(line) }
    let message = PreAuthEncoding.bytes(
      payloadType: genesis.envelope.payloadType, payload: genesis.envelope.payload)
    let signature = StatementSignature(
      scheme: opened.scheme, key: opened.publicKey.fingerprint,
      signature: try opened.signature(over: message))
    let others = genesis.envelope.signatures.filter { $0.key != signature.key }
    let signed = UnverifiedEnvelope(
      payloadType: genesis.envelope.payloadType, payload: genesis.envelope.payload,
      signatures: (others + [signature]).sorted { $0.key < $1.key })
    try Data(signed.dsse).write(to: URL(fileURLWithPath: path), options: .atomic)
    Output.line(
      "signed    \(signed.signatures.count) of \(genesis.body.operators.count) founders have")
  }

  private func make(from envelope: UnverifiedEnvelope) throws {
    if FileManager.default.fileExists(atPath: registry.path) {
      throw RegistryFault.exists(path: registry.path)
    }
    let genesis = try Genesis(envelope)
    // Checked before a file is made: a refused genesis leaves nothing behind.
    let missing = genesis.body.operators.filter { founder in
      !envelope.signatures.contains { $0.key == founder.key.fingerprint }
    }
    guard missing.isEmpty else {
      throw CommandFault(
        "signatures_wrong",
        "these founders have not signed yet: "
          + missing.map(\.principal.description).joined(separator: ", "))
    }
    let database = try RegistryDatabase.create(registry.path, group: group)
    let ledger = try Ledger(database, pins: nil)
    do {
      try ledger.append(envelope, clock: .system)
    } catch {
      try? database.close()
      unlink(registry.path)
      throw error
    }
    let id = ledger.state.registry?.id ?? ""
    try ledger.storePin(in: PinStore(folder: Paths().pins))
    if list.json {
      Output.json([
        "registry": JSONValue(registry.path), "id": JSONValue(id),
        "operators": .array(genesis.body.operators.map(\.principal.json)),
      ])
      return
    }
    Output.line("registry  \(registry.path)")
    for line in genesis.lines { Output.line(line) }
    Output.line("key file  \(signer.path)")
  }
}

/// A genesis statement on its way from founder to founder.
struct Genesis {
  let envelope: UnverifiedEnvelope
  let body: RegistryCreated

  init(_ envelope: UnverifiedEnvelope) throws {
    self.envelope = envelope
    let parts = try StatementParts(payloadType: envelope.payloadType, payload: envelope.payload)
    guard case .registryCreated(let body) = parts.body else {
      throw CommandFault("not_a_genesis", "the file holds \(parts.body.type.rawValue)")
    }
    self.body = body
  }

  init(path: String) throws {
    try self.init(UnverifiedEnvelope(dsse: try Parse.file(path)))
  }

  var lines: [String] {
    ["id        \(envelope.digest.hex)"]
      + body.operators.map {
        let roles = $0.roles.map(\.rawValue).joined(separator: ",")
        return "operator  \($0.principal)  \(roles)  key \($0.key.fingerprint)"
      }
      + [
        "quorum    \(body.adminQuorum) of \(body.operators.count { $0.roles.contains(.admin) }) admins"
          + (body.acceptsNoSpare ? ", none to spare" : ""),
        "rules     version \(body.rules)",
      ]
  }

  /// Reads `user:bob=bob.pub;groups=sre;roles=admin,approver;grant=deploy@prod://x/**`.
  static func founder(_ text: String) throws -> OperatorEnrolled {
    var name = ""
    var key: PublicKey?
    var roles: [OperatorRole] = [.admin, .approver]
    var groups: [GroupMembership] = []
    var grants: [Capability] = []
    for part in text.split(separator: ";") {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2 else { throw ValidationError("\"\(part)\" is not NAME=VALUE") }
      switch pair[0] {
      case "groups": groups = try Parse.groups(pair[1], [])
      case "roles": roles = try Parse.roles(pair[1])
      case "grant": grants.append(try Parse.capability(pair[1]))
      default:
        name = pair[0]
        key = try PublicKey(file: pair[1])
      }
    }
    guard let key else { throw ValidationError("\"\(text)\" names no user:NAME=PUBLIC-KEY-FILE") }
    return OperatorEnrolled(
      principal: try Parse.principal(name, .user), key: key, roles: roles, groups: groups,
      mayGrant: grants)
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
