import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements

struct KeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Make, enrol, list, revoke and check keys.",
    subcommands: [New.self, Enroll.self, Revoke.self, List.self, Verify.self],
    defaultSubcommand: List.self)

  struct New: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a key: an agent's (PKCS#8 PEM), or an operator's sealed under a passphrase.")

    @Option(help: "Where to write it, mode 0600; the public key goes beside it as FILE.pub.")
    var out: String

    @Option(name: .customLong("operator"), help: "Seal it for this operator, as user:NAME.")
    var operatorName: String?

    @Option(help: "Read the passphrase from this file descriptor instead of the terminal.")
    var passphraseFd: Int32?

    func perform() async throws {
      let key = try SigningKey.generate()
      try KeyFolder.make(for: out)
      if let operatorName {
        let holder = try Parse.principal(operatorName, .user)
        let passphrase = try Passphrase.choose(
          descriptor: passphraseFd, prompt: "A passphrase for the new key: ")
        try SealedKey.create(out, key: key, holder: holder.text, passphrase: passphrase)
      } else {
        try PrivateKeyPEM.create(out, key: key)
      }
      try KeyFile.create(out + ".pub", Array(key.publicKey.pem.utf8), mode: 0o644)
      Output.line("key       \(out)")
      Output.line("public    \(out).pub")
      Output.line("\(key.publicKey.fingerprint)")
    }
  }

  struct Enroll: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Enrol an agent's key; the key itself signs too, as proof of possession.")

    @Argument(help: "agent:NAME")
    var agent: String

    @Option(help: "The agent's key, PKCS#8 PEM.")
    var agentKey: String

    @Option(help: "When it ends: a time, or a span from now like 90d.")
    var until: String?

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var signer: OperatorOptions

    func perform() async throws {
      let holder = try Parse.principal(agent, .agent)
      let agentKey = try PrivateKeyPEM.read(agentKey)
      let ledger = try registry.ledger()
      let opened = try signer.open()
      let now = Clock.system.now()
      let body = KeyEnrolled(
        holder: holder, key: agentKey.publicKey, notBefore: nil,
        notAfter: try until.map { try Parse.time($0, from: now) })
      let draft = try ledger.draft(.keyEnrolled(body), by: opened.principal, at: now)
      let envelope = draft.envelope(draft.signature(by: opened.key), draft.signature(by: agentKey))
      let result = try ledger.append(envelope, clock: .system)
      Output.line(
        "enrolled \(agentKey.publicKey.fingerprint) of \(agent)  entry #\(result.index)")
    }
  }

  struct Revoke: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "End a key for ever; its open holds are voided with it.")

    @Argument(help: "The key: ed25519: and 64 digits, or a short form no other key shares.")
    var key: String

    @Option(help: "superseded, retired, compromised or unspecified.")
    var reason: String = "unspecified"

    @Option(help: "With compromised: what the log received at or after this is suspect.")
    var compromisedSince: String?

    @Option(help: "A note for the record.")
    var note: String = ""

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var signer: OperatorOptions

    func perform() async throws {
      guard let reason = RevocationReason(rawValue: reason) else {
        throw ValidationError("--reason is superseded, retired, compromised or unspecified")
      }
      let ledger = try registry.ledger()
      let fingerprint = try KeyChoice.find(key, in: ledger)
      guard let record = ledger.state.keys[fingerprint] else {
        throw CommandFault("key_unknown", "no key \(fingerprint) is enrolled")
      }
      let preview = RevocationPreview(
        key: fingerprint, reason: reason, in: ledger.state, at: Clock.system.now())
      Output.line("key     \(fingerprint) of \(record.holder)")
      for line in preview.lines { Output.line("        \(line)") }
      if !yes {
        let typed = Output.ask("Type the key's short form, \(fingerprint.short), to revoke it: ")
        guard typed == fingerprint.short else {
          throw CommandFault("not_confirmed", "nothing was revoked; give --yes without a terminal")
        }
      }
      let now = Clock.system.now()
      let body = KeyRevoked(
        key: fingerprint, reason: reason,
        compromisedSince: try compromisedSince.map { try Parse.time($0, from: now) },
        note: ByteString(note))
      let opened = try signer.open()
      let result = try ledger.sign(
        .keyRevoked(body), by: opened.principal, key: opened.key, clock: .system)
      Output.line("revoked \(fingerprint)  entry #\(result.index)")
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List keys.")

    @Option(help: "Only this principal's.")
    var holder: String?

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let now = Clock.system.now()
      let rows = try RegistryDatabase(registry.path, access: .readOnly).read {
        try $0.keys(holder: holder)
      }
      if list.json {
        Output.json(.array(rows.map { $0.json(at: now) }))
      } else {
        Output.table(
          ["KEY", "HOLDER", "STATUS", "ENROLLED BY", "EXPIRES"],
          rows.map {
            [
              $0.fingerprint.short, $0.holder, $0.status(at: now), $0.enrolledBy,
              $0.notAfter?.minute ?? "-",
            ]
          })
      }
    }
  }

  struct Verify: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a plain Ed25519 signature over a file's bytes.")

    @Option(
      name: .customLong("public"), help: "The public key: hex, base64, SPKI PEM or an OpenSSH line."
    )
    var publicKey: String

    @Option(help: "The signature: hex or base64.")
    var signature: String

    @Argument(help: "The file that was signed; - for standard input.")
    var file: String

    func perform() async throws {
      let key = try PublicKey(text: Array(publicKey.utf8))
      guard
        let bytes = Hexadecimal.bytes(of: signature.utf8) ?? Base64.bytes(of: Array(signature.utf8))
      else { throw ValidationError("--signature is neither hexadecimal nor base64") }
      let signature = try Signature(bytes: bytes)
      guard key.verifies(signature, over: try Parse.file(file)) else {
        Output.line("BAD  the signature is not by \(key.fingerprint) over these bytes")
        throw ExitStatus.verificationFailed
      }
      Output.line("ok   signed by \(key.fingerprint)")
    }
  }
}

/// Finds a key by its whole fingerprint, or by a short form that only one key has.
enum KeyChoice {
  static func find(_ text: String, in ledger: Ledger) throws -> Fingerprint {
    if let whole = Fingerprint(ByteString(text)) { return whole }
    let digits = text.replacingOccurrences(of: "-", with: "").lowercased()
    let found = ledger.state.keys.keys.filter { $0.digest.hex.hasPrefix(digits) }.sorted()
    guard digits.count >= 4, let first = found.first else {
      throw CommandFault("key_unknown", "no key \(text) is enrolled")
    }
    guard found.count == 1 else {
      throw CommandFault(
        "key_ambiguous",
        "\(text) could be: " + found.prefix(8).map(\.description).joined(separator: ", "))
    }
    return first
  }
}
