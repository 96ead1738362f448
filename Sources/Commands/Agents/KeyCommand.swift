import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Enforcement
import Foundation
import Keys
import Registry
import Statements

struct KeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Make, enrol, rotate, revoke, list and check keys.",
    subcommands: [
      New.self, Enroll.self, Request.self, Requests.self, Rotate.self, Taint.self, Revoke.self,
      List.self, AgentList.self, Import.self, Verify.self, Anchoring.self,
    ],
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

  struct Enroll: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Enrol an agent's key; the key itself signs too, as proof of possession.",
      discussion: """
        Give --agent-key with the key itself, or --request with what the agent asked for by
        `countersign key request`: its signature stands there. Beside the key goes its anchor
        (FILE.anchor): the registry's id and its services' keys, with which `act` verifies receipts.
        After a request, or when a service is enrolled: countersign key anchor.
        """)

    @Argument(help: "agent:NAME")
    var agent: String

    @Option(help: "The agent's key, PKCS#8 PEM.")
    var agentKey: String?

    @Option(help: "The agent's request (see: countersign key requests).")
    var request: String?

    @Option(help: "When it begins: a time, or a span from now.")
    var from: String?

    @Option(help: "When it ends: a time, or a span from now like 90d.")
    var until: String?

    @OptionGroup var change: ChangeOptions

    func validate() throws {
      guard (agentKey == nil) != (request == nil) else {
        throw ValidationError("give --agent-key or --request")
      }
    }

    func perform() async throws {
      let holder = try Parse.principal(agent, .agent)
      let ledger = try change.registry.ledger()
      let now = Clock.system.now()
      let start = try from.map { try Parse.time($0, from: now) }
      let end = try until.map { try Parse.time($0, from: now) }
      if let request {
        let asked = try KeyChoice.request(request, in: ledger)
        guard asked.requested.holder == holder else {
          throw CommandFault("request_unknown", "request \(request) is not \(agent)'s")
        }
        if let old = asked.requested.replaces {
          throw CommandFault(
            "request_rotates", "request \(request) replaces \(old): countersign key rotate")
        }
        let body = KeyEnrolled(
          holder: holder, key: asked.requested.key, notBefore: start, notAfter: end,
          request: asked.digest)
        try change.sign(
          .keyEnrolled(body), "enrolled \(asked.requested.key.fingerprint) of \(agent)", in: ledger)
        return
      }
      guard let agentKey else { throw ValidationError("give --agent-key or --request") }
      let key = try PrivateKeyPEM.read(agentKey)
      let anchor = AnchorFile(besides: agentKey)
      try anchor.check(ledger)
      let opened = try change.signer.open(in: ledger)
      let body = KeyEnrolled(
        holder: holder, key: key.publicKey, notBefore: start, notAfter: end)
      let draft = try ledger.draft(.keyEnrolled(body), by: opened.principal, at: now)
      let envelope = draft.envelope(
        try draft.signature(by: opened), try draft.signature(by: key))
      change.report(
        try ledger.append(envelope, clock: .system),
        "enrolled \(key.publicKey.fingerprint) of \(agent)", in: ledger)
      try anchor.write(ledger)
    }
  }

  struct Request: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "As an agent, ask the daemon for a key of its own, or for a rotation.")

    @Argument(help: "agent:NAME")
    var agent: String

    @Option(help: "The new key, PKCS#8 PEM (see: countersign key new).")
    var agentKey: String

    @Option(help: "The key it replaces, PKCS#8 PEM; it signs the request too.")
    var replaces: String?

    @Option(help: "A note for the admin who answers.")
    var note: String = ""

    @Option(help: "The daemon's socket.")
    var socket: String

    @OptionGroup var list: ListOptions

    func perform() async throws {
      let holder = try Parse.principal(agent, .agent)
      let key = try PrivateKeyPEM.read(agentKey)
      let client = AgentClient(socket: socket)
      let head = try await client.head()
      let header = StatementHeader(
        at: Clock.system.now(), head: head.head,
        id: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), registry: head.registry,
        signer: holder)
      let envelope: UnverifiedEnvelope
      if let replaces {
        let old = try PrivateKeyPEM.read(replaces)
        let draft = try StatementDraft(
          header,
          .keyRequested(
            KeyRequested(
              holder: holder, key: key.publicKey, replaces: old.publicKey.fingerprint,
              note: ByteString(note))))
        envelope = draft.envelope(try draft.signature(by: key), try draft.signature(by: old))
      } else {
        let draft = try StatementDraft(
          header,
          .keyRequested(
            KeyRequested(
              holder: holder, key: key.publicKey, replaces: nil, note: ByteString(note))))
        envelope = try draft.signed(by: key)
      }
      let index = try await client.submit(envelope)
      if list.json {
        Output.json(["request": JSONValue(envelope.digest.hex), "log_index": JSONValue(index)])
      } else {
        Output.line("requested \(key.publicKey.fingerprint)  entry #\(index)")
        Output.line(
          "an admin answers with: countersign key \(replaces == nil ? "enroll" : "rotate") \(agent) "
            + "--request \(envelope.digest.hex.prefix(12))")
      }
    }
  }

  struct Requests: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "List the keys that agents ask for and nobody has answered.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let now = Clock.system.now()
      let rows = try registry.reading(list).read {
        try $0.keyRequests()
      }.filter { $0.received.advanced(bySeconds: KeyRequest.lifetimeSeconds) > now }
      let keys = rows.map { try? PublicKey(bytes: $0.key).fingerprint.description }
      if list.json {
        Output.json(
          .array(
            zip(rows, keys).map { row, key in
              let value: JSONValue = [
                "request": JSONValue(row.digest.hex), "holder": JSONValue(row.holder),
                "key": key.json { JSONValue($0) },
                "replaces": row.replaces.json { JSONValue("ed25519:\($0.hex)") },
                "note": JSONValue(row.note), "received": row.received.json,
              ]
              return value.withoutNulls
            }))
      } else {
        Output.table(
          ["REQUEST", "HOLDER", "KEY", "REPLACES", "ASKED", "NOTE (the agent's words)"],
          zip(rows, keys).map { row, key in
            [
              String(row.digest.hex.prefix(12)), row.holder, key ?? "?",
              row.replaces?.short ?? "-", row.received.minute, row.note,
            ]
          })
      }
    }
  }

  struct Rotate: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give an agent its next key: signed by the old key, the new one and you.",
      discussion: """
        Without --request and without keys it answers the request in which the agent asks for its
        next key (`countersign key request --replaces`, which both keys sign): no private key is
        needed here.
        """)

    @Argument(help: "agent:NAME")
    var agent: String

    @Option(help: "The old key, PKCS#8 PEM.")
    var oldKey: String?

    @Option(help: "The new key, PKCS#8 PEM.")
    var newKey: String?

    @Option(help: "The agent's request, in which both keys have signed.")
    var request: String?

    @Option(help: "Until when the old key still acts: a time, or a span from now like 7d.")
    var overlap: String?

    @Option(help: "When the new key ends: a time, or a span from now like 90d.")
    var until: String?

    @OptionGroup var change: ChangeOptions

    func validate() throws {
      guard (oldKey == nil) == (newKey == nil) else {
        throw ValidationError("give both --old-key and --new-key, or neither")
      }
      guard request == nil || oldKey == nil else {
        throw ValidationError("give --request, or --old-key and --new-key")
      }
    }

    func perform() async throws {
      let holder = try Parse.principal(agent, .agent)
      let ledger = try change.registry.ledger()
      let now = Clock.system.now()
      let overlapUntil = try overlap.map { try Parse.time($0, from: now) }
      let end = try until.map { try Parse.time($0, from: now) }
      guard let oldKey, let newKey else {
        let asked =
          try request.map { try KeyChoice.request($0, in: ledger) }
          ?? KeyAnswer.rotation(of: holder, in: ledger.state, at: now)
        guard asked.requested.holder == holder else {
          throw CommandFault(
            "request_unknown", "request \(asked.digest.hex.prefix(16)) is not \(agent)'s")
        }
        guard let old = asked.requested.replaces else {
          throw CommandFault(
            "request_enrols",
            "request \(asked.digest.hex.prefix(16)) replaces no key: countersign key enroll")
        }
        if !change.list.json {
          Output.line("request   \(asked.digest.hex)")
          Output.line("old key   \(old)")
          Output.line("new key   \(asked.requested.key.fingerprint)")
          Output.line("note      \"\(asked.requested.note.text)\" (the agent's words)")
        }
        let body = KeyRotated(
          holder: holder, old: old, key: asked.requested.key, overlapUntil: overlapUntil,
          notAfter: end, request: asked.digest)
        try change.sign(
          .keyRotated(body), "\(agent) now has key \(asked.requested.key.fingerprint)", in: ledger)
        return
      }
      let old = try PrivateKeyPEM.read(oldKey)
      let key = try PrivateKeyPEM.read(newKey)
      let anchor = AnchorFile(besides: newKey)
      try anchor.check(ledger)
      let opened = try change.signer.open(in: ledger)
      let body = KeyRotated(
        holder: holder, old: old.publicKey.fingerprint, key: key.publicKey,
        overlapUntil: overlapUntil, notAfter: end, request: nil)
      let draft = try ledger.draft(.keyRotated(body), by: opened.principal, at: now)
      let envelope = draft.envelope(
        try draft.signature(by: opened), try draft.signature(by: old),
        try draft.signature(by: key))
      change.report(
        try ledger.append(envelope, clock: .system),
        "\(agent) now has key \(key.publicKey.fingerprint)", in: ledger)
      try anchor.write(ledger)
    }
  }

  struct Taint: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let an agent's key sign nothing more; what it signed stands.")

    @Argument(help: "The key: ed25519: and 64 digits, or a short form no other key shares.")
    var key: String

    @Option(help: "Why.")
    var reason: String

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      let fingerprint = try KeyChoice.find(key, in: ledger)
      try change.sign(
        .keyTainted(KeyTainted(key: fingerprint, reason: ByteString(reason))),
        "tainted \(fingerprint)", in: ledger)
    }
  }

  struct Revoke: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Revoke a key, permanently; its open holds are voided.")

    @Argument(help: "The key: ed25519: and 64 digits, or a short form no other key shares.")
    var key: String

    @Option(help: "superseded, retired, compromised or unspecified.")
    var reason: String = "unspecified"

    @Option(help: "With compromised: what the log received at or after this is suspect.")
    var compromisedSince: String?

    @Option(help: "A note for the record.")
    var note: String = ""

    @Flag(help: "Only say what it would do.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      guard let reason = RevocationReason(rawValue: reason) else {
        throw ValidationError("--reason is superseded, retired, compromised or unspecified")
      }
      let ledger = try change.registry.ledger()
      let fingerprint = try KeyChoice.find(key, in: ledger)
      guard let record = ledger.state.keys[fingerprint] else {
        throw CommandFault("key_unknown", "no key \(fingerprint) is enrolled")
      }
      let now = Clock.system.now()
      let body = StatementBody.keyRevoked(
        KeyRevoked(
          key: fingerprint, reason: reason,
          compromisedSince: try compromisedSince.map { try Parse.time($0, from: now) },
          note: ByteString(note)))
      let used = try ledger.database.read {
        try $0.lastUse(of: fingerprint, by: record.holder)
      }
      guard
        try change.preview(
          body, "revoke \(fingerprint) of \(record.holder), last used: \(used.words)",
          confirm: yes ? nil : fingerprint.short, dryRun: dryRun, in: ledger)
      else { return }
      try change.sign(body, "revoked \(fingerprint)", in: ledger)
      guard reason == .compromised, !change.list.json else { return }
      let due = try ledger.database.read { try $0.reviewGroups(all: false) }
      if !due.isEmpty {
        let count = due.reduce(0) { $0 + $1.rows.count }
        Output.line(
          "\(count)\(due.contains(where: \.hasMore) ? "+" : "") statements wait for review: "
            + "countersign reviews")
      }
    }
  }

  struct AgentList: Subcommand {
    static let configuration = CommandConfiguration(
      commandName: "agent-list", abstract: "List the keys of your ssh-agent that can sign here.")

    @OptionGroup var list: ListOptions

    func perform() async throws {
      let agent = try AgentSocket.agent()
      let listing = try agent.list()
      AgentSocket.warnIfForwarded()
      if list.json {
        Output.json(
          .array(
            listing.keys.map {
              [
                "key": JSONValue($0.publicKey.fingerprint.description),
                "comment": JSONValue($0.comment),
              ]
            }))
        return
      }
      Output.table(
        ["KEY", "COMMENT"],
        listing.keys.map { [$0.publicKey.fingerprint.description, $0.comment] })
      for type in listing.otherTypes {
        Output.note("a key of type \(type) cannot sign here; only ssh-ed25519 can")
      }
    }
  }

  struct Import: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Seal an Ed25519 key of OpenSSH or minisign as your operator key.")

    @Argument(help: "The private key's file.")
    var file: String

    @Option(name: .customLong("operator"), help: "Whose it is, as user:NAME.")
    var operatorName: String

    @Option(help: "Where to write the sealed key, mode 0600.")
    var out: String

    @Option(help: "Read the passphrase of the old file from this file descriptor.")
    var oldPassphraseFd: Int32?

    @Option(help: "Read the new passphrase from this file descriptor.")
    var passphraseFd: Int32?

    func perform() async throws {
      let holder = try Parse.principal(operatorName, .user)
      let foreign = try ForeignKey(path: file)
      let key: SigningKey
      if foreign.needsPassphrase {
        key = try foreign.open(
          passphrase: try Passphrase.read(
            descriptor: oldPassphraseFd, prompt: "Passphrase of \(file): "))
      } else {
        var none: [UInt8] = []
        key = try foreign.open(passphrase: SecretBytes(wiping: &none))
      }
      let passphrase = try Passphrase.choose(
        descriptor: passphraseFd, prompt: "A passphrase for the sealed key: ")
      try KeyFolder.make(for: out)
      try SealedKey.create(out, key: key, holder: holder.text, passphrase: passphrase)
      try KeyFile.create(out + ".pub", Array(key.publicKey.pem.utf8), mode: 0o644)
      Output.line("key       \(out)")
      Output.line("public    \(out).pub")
      Output.line("\(key.publicKey.fingerprint)")
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
      let rows = try registry.reading(list).read {
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
  /// An agent's open request, by its digest or first digits.
  static func request(_ text: String, in ledger: Ledger) throws -> KeyRequest {
    let digest = try Parse.digest(text, among: ledger.state.requests.keys, what: "request")
    guard let request = ledger.state.requests[digest],
      request.isOpen(at: Clock.system.now())
    else { throw CommandFault("request_unknown", "no open request \(text) is on record") }
    return request
  }

  static func find(_ text: String, in ledger: Ledger) throws -> Fingerprint {
    if let whole = Fingerprint(ByteString(text)) { return whole }
    let digits = text.replacingOccurrences(of: "-", with: "").lowercased()
    let found = ledger.state.keys.ids(beginning: digits)
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
