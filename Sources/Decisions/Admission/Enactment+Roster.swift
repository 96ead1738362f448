import CanonicalJSON
import Delegations
import Keys
import Statements

// Founders, operators, services, agents and settings.
extension AuthorityState {
  mutating func create(
    _ body: RegistryCreated, _ digest: Digest, _ now: Timestamp
  ) throws(AdmissionFault) {
    let admins = body.operators.filter { $0.roles.contains(.admin) }.count
    guard body.adminQuorum <= admins else {
      throw .invalid(
        what: "admin_quorum", why: "is \(body.adminQuorum), and there are \(admins) admins")
    }
    guard Set(body.operators.map(\.principal)).count == body.operators.count,
      Set(body.operators.map(\.key)).count == body.operators.count
    else { throw .invalid(what: "operators", why: "names an operator or a key twice") }
    for founder in body.operators { try checkPatterns(founder.mayGrant) }
    registry = RegistryIdentity(
      id: ByteString(digest.hex), name: body.name, adminQuorum: Int(body.adminQuorum),
      approvalDefault: body.approvalDefault, isSolo: body.isSolo)
    for founder in body.operators {
      keys[founder.key.fingerprint] = KeyRecord(
        key: founder.key, holder: founder.principal, enrollers: [founder.principal], received: now)
      operators[founder.principal] = OperatorRecord(founder)
      lastSet[founder.principal.text] = digest
    }
  }

  mutating func enrol(
    _ body: OperatorEnrolled, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard operators[body.principal] == nil else {
      throw .exists(what: "operator", name: body.principal.description)
    }
    try checkPatterns(body.mayGrant)
    try checkNew(body.key)
    add(body.key, of: body.principal, signing, now)
    operators[body.principal] = OperatorRecord(body)
  }

  mutating func update(_ body: OperatorUpdated) throws(AdmissionFault) {
    guard var record = operators[body.principal] else {
      throw .unknownSubject(what: "operator", name: body.principal.description)
    }
    try checkPatterns(body.mayGrant)
    if !body.roles.contains(.admin) { try checkAdmins(without: body.principal) }
    record.roles = body.roles
    record.groups = body.groups
    record.mayGrant = body.mayGrant
    operators[body.principal] = record
  }

  mutating func remove(_ body: OperatorRemoved, _ now: Timestamp) throws(AdmissionFault) {
    guard operators[body.principal] != nil else {
      throw .unknownSubject(what: "operator", name: body.principal.description)
    }
    try checkAdmins(without: body.principal)
    operators[body.principal] = nil
    // Enrolled again one day, they begin anew: what their keys signed does not come back.
    end(keysOf: body.principal, .unspecified, body.reason, now)
  }

  mutating func remove(_ body: ServiceRemoved, _ now: Timestamp) throws(AdmissionFault) {
    guard services.removeValue(forKey: body.service) != nil else {
      throw .unknownSubject(what: "service", name: body.service.description)
    }
    end(keysOf: body.service, .retired, body.reason, now)
  }

  private mutating func end(
    keysOf holder: Principal, _ reason: RevocationReason, _ note: ByteString, _ now: Timestamp
  ) {
    for var record in keys.all(.holder(holder)) where record.revoked == nil {
      record.revocation = KeyRevoked(
        key: record.id, reason: reason, compromisedSince: nil, note: note)
      record.revoked = now
      keys.set(record)
    }
  }

  mutating func rotate(
    _ body: OperatorKeyRotated, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard var record = operators[body.principal] else {
      throw .unknownSubject(what: "operator", name: body.principal.description)
    }
    try checkNew(body.key)
    try retire(record.key, overlapUntil: body.overlapUntil, now)
    add(body.key, of: body.principal, signing, now, after: record.key)
    record.key = body.key.fingerprint
    operators[body.principal] = record
  }

  mutating func enrol(
    _ body: ServiceEnrolled, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard services[body.service] == nil else {
      throw .exists(what: "service", name: body.service.description)
    }
    try checkNew(body.key)
    add(body.key, of: body.service, signing, now)
    services[body.service] = ServiceRecord(
      principal: body.service, key: body.key.fingerprint, mayAttest: body.mayAttest)
  }

  mutating func change(_ body: SettingsChanged) throws(AdmissionFault) {
    guard var settings = registry else { throw .genesisMisplaced }
    if let quorum = body.adminQuorum {
      guard quorum <= admins.count else {
        throw .invalid(
          what: "admin_quorum", why: "is \(quorum), and there are \(admins.count) admins")
      }
      settings.adminQuorum = Int(quorum)
    }
    if let rule = body.approvalDefault {
      for group in rule.quorum.flatMap(\.anyOf) where !groups.contains(group) {
        throw .unknownSubject(what: "group", name: group.text)
      }
      settings.approvalDefault = rule
    }
    settings.name = body.name ?? settings.name
    settings.isSolo = body.isSolo ?? settings.isSolo
    registry = settings
  }

  /// The last admin cannot go, nor one without whom the quorum could never be met again.
  private func checkAdmins(without principal: Principal) throws(AdmissionFault) {
    guard operators[principal]?.has(.admin) == true, let registry else { return }
    guard admins.count - 1 >= registry.adminQuorum else {
      throw .invalid(
        what: principal.description,
        why: "cannot go: \(admins.count - 1) admins would be left, and the admin quorum is "
          + "\(registry.adminQuorum)")
    }
  }

  mutating func register(
    _ body: AgentRegistered, owners: [Principal], _ signer: Principal
  ) throws(AdmissionFault) {
    try require(.admin, of: signer)
    guard operators[body.owner] != nil else {
      throw .unknownSubject(what: "operator", name: body.owner.description)
    }
    // Who owns an agent decides who may approve its acts, so former owners are remembered.
    agents[body.agent] = AgentRecord(registered: body, owners: owners)
  }
}
