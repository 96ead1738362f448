package import Authority
package import CanonicalJSON
import Decisions
import Foundation
package import Keys
import Registry
package import Statements

/// Builds a registry from a sample company, signing everything with demonstration keys.
package struct SampleRegistry {
  package let company: SampleCompany
  package let folder: String
  /// The digests of the company's grants, by their ids in the manifest.
  package private(set) var grants: [ByteString: Digest] = [:]
  package private(set) var registry: ByteString = ""

  package static let passphrase = "demo"

  package var path: String { "\(folder)/registry.db" }

  /// The demonstration key of a principal: anyone can make it.
  package static func key(of principal: Principal) throws -> SigningKey {
    try SigningKey.derived(from: "countersign demo key: \(principal)")
  }

  /// Makes the registry and its key files in a folder.
  ///
  /// `read`: Reads one of the company's policy files.
  package init(
    _ company: SampleCompany, in folder: String, pins: PinStore, clock: Clock = .system,
    read: (String) throws -> [UInt8]
  ) throws {
    self.company = company
    self.folder = folder
    let database = try RegistryDatabase.create("\(folder)/registry.db", group: nil)
    let ledger = try Ledger(database, pins: nil)
    let founder = company.founder
    let key = try SampleRegistry.key(of: founder)
    func sign(_ body: StatementBody, bodies: [[UInt8]] = []) throws -> Digest {
      try ledger.sign(body, by: founder, key: key, clock: clock, bodies: bodies).digest
    }
    func enrolled(_ member: SampleCompany.Member) throws -> OperatorEnrolled {
      OperatorEnrolled(
        principal: member.name, key: try SampleRegistry.key(of: member.name).publicKey,
        roles: member.roles.compactMap { OperatorRole(rawValue: $0.text) },
        groups: member.groups.map { GroupMembership($0) },
        mayGrant: member.name == founder ? company.mayGrant : [])
    }
    guard let first = company.operators.first(where: { $0.name == founder }) else {
      throw FieldFault(path: "founder", problem: "is no operator of the company")
    }
    _ = try sign(
      .registryCreated(
        RegistryCreated(
          name: company.name, operators: [try enrolled(first)], adminQuorum: 1,
          approvalDefault: .standard, isSolo: false)))
    for member in company.operators where member.name != founder {
      _ = try sign(.operatorEnrolled(try enrolled(member)))
    }
    _ = try sign(
      .serviceEnrolled(
        ServiceEnrolled(
          service: company.service,
          key: try SampleRegistry.key(of: company.service).publicKey)))
    _ = try sign(.resourceRegistered(ResourceRegistered(company.resources)))
    for agent in company.agents {
      _ = try sign(
        .agentRegistered(
          AgentRegistered(agent: agent.name, owner: founder, roles: agent.roles)))
      let agentKey = try SampleRegistry.key(of: agent.name)
      let draft = try ledger.draft(
        .keyEnrolled(
          KeyEnrolled(
            holder: agent.name, key: agentKey.publicKey, notBefore: nil, notAfter: nil)),
        by: founder, at: clock.now())
      _ = try ledger.append(
        draft.envelope(draft.signature(by: key), draft.signature(by: agentKey)), clock: clock)
    }
    for link in company.grants {
      let body = StatementBody.grantIssued(
        GrantIssued(
          holder: link.holder, capabilities: link.capabilities,
          limits: GrantLimits(maxDepth: link.depth), parent: link.parent.flatMap { grants[$0] }))
      grants[link.id] = try ledger.sign(
        body, by: link.issuer, key: try SampleRegistry.key(of: link.issuer), clock: clock
      ).digest
    }
    for policy in company.policies {
      let text = try read(policy.file)
      let published = try sign(
        .policyPublished(
          PolicyPublished(
            name: policy.name, version: 1,
            modules: [
              PolicyPublished.Module(
                file: ByteString((policy.file as NSString).lastPathComponent),
                digest: Digest.sha256(text))
            ], data: nil)), bodies: [text])
      if policy.isActive { _ = try sign(.policyActivated(PolicyActivated(policy: published))) }
    }
    registry = ledger.state.registry?.id ?? ""
    try ledger.storePin(in: pins)
    try writeKeys()
    try database.close()
    try writeMark()
  }

  /// Takes up a registry that was made in a folder before.
  ///
  /// - Throws: A fault naming the file that says which grant is which, if it cannot be read.
  package init(again company: SampleCompany, in folder: String) throws {
    self.company = company
    self.folder = folder
    let file = SampleRegistry.mark(in: folder)
    guard let bytes = FileManager.default.contents(atPath: file) else {
      throw FieldFault(
        path: file, problem: "is missing: \(folder) holds no finished demonstration")
    }
    var fields = try JSONFields(JSONParser.parse(Array(bytes)), path: file)
    registry = try fields.string("registry")
    for member in try fields.value("grants").object?.members ?? [] {
      guard let digest = member.value.string.flatMap({ Digest(hex: $0.bytes) }) else {
        throw FieldFault(path: file, problem: "names no digest for grant \(member.name.text)")
      }
      grants[member.name] = digest
    }
  }

  /// Where it stands which grant of the manifest is which of the registry; written last of all.
  private static func mark(in folder: String) -> String { "\(folder)/demo.json" }

  private func writeMark() throws {
    let members = grants.sorted { $0.key < $1.key }.map {
      JSONObject.Member(name: $0.key, value: JSONValue($0.value.hex))
    }
    let mark: JSONValue = [
      "grants": .object(JSONObject(members)), "registry": JSONValue(registry),
    ]
    try KeyFile.create(SampleRegistry.mark(in: folder), try mark.canonicalBytes() + [0x0A])
  }

  private func writeKeys() throws {
    let keys = "\(folder)/keys"
    try FileManager.default.createDirectory(
      atPath: keys, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    for member in company.operators {
      var phrase = Array(SampleRegistry.passphrase.utf8)
      try SealedKey.create(
        "\(keys)/DEMO-\(member.name.name).key", key: try SampleRegistry.key(of: member.name),
        holder: member.name.text, passphrase: SecretBytes(wiping: &phrase), cost: .minimal)
    }
    for principal in company.agents.map(\.name) + [company.service] {
      try PrivateKeyPEM.create(
        "\(keys)/DEMO-\(principal.name).pem", key: try SampleRegistry.key(of: principal))
    }
  }

  package func operatorKey(_ name: Principal) -> String { "\(folder)/keys/DEMO-\(name.name).key" }
  package var serviceKey: String { "\(folder)/keys/DEMO-\(company.service.name).pem" }
  package var socket: String { "\(folder)/countersignd.sock" }
}
