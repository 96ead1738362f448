import CanonicalJSON
import Delegations
import Keys
import Statements

// Founders, operators, services, agents and settings.
extension AuthorityState {
  mutating func create(
    _ body: RegistryCreated, _ digest: Digest, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard RulesVersion.isKnown(body.rules) else { throw .rulesUnsupported(body.rules) }
    let admins = body.operators.filter { $0.roles.contains(.admin) }.count
    guard body.adminQuorum <= admins else {
      throw .invalid(
        what: "admin_quorum", why: "is \(body.adminQuorum), and there are \(admins) admins")
    }
    // Everyone begins alone: one of one needs no asking.
    if admins == body.adminQuorum, admins > 1, !body.acceptsNoSpare {
      throw .noSpare(quorum: admins)
    }
    guard Set(body.operators.map(\.principal)).count == body.operators.count,
      Set(body.operators.map(\.key)).count == body.operators.count
    else { throw .invalid(what: "operators", why: "names an operator or a key twice") }
    for founder in body.operators { try checkPatterns(founder.mayGrant) }
    registry = RegistryIdentity(
      id: ByteString(digest.hex), name: body.name, rules: body.rules,
      adminQuorum: Int(body.adminQuorum),
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
    var records: [OperatorRecord] = []
    var left = Set(admins)
    for standing in body.operators {
      guard var record = operators[standing.principal] else {
        throw .unknownSubject(what: "operator", name: standing.principal.description)
      }
      try checkPatterns(standing.mayGrant)
      record.roles = standing.roles
      record.memberships = standing.groups
      record.mayGrant = standing.mayGrant
      if record.has(.admin) {
        left.insert(record.principal)
      } else {
        left.remove(record.principal)
      }
      records.append(record)
    }
    try checkAdmins(left: left.count, acceptsNoSpare: body.acceptsNoSpare)
    for record in records { operators[record.principal] = record }
  }

  mutating func remove(_ body: OperatorRemoved, _ now: Timestamp) throws(AdmissionFault) {
    guard let record = operators[body.principal] else {
      throw .unknownSubject(what: "operator", name: body.principal.description)
    }
    try checkAdmins(
      left: admins.count - (record.has(.admin) ? 1 : 0), acceptsNoSpare: body.acceptsNoSpare)
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
    keysOf holder: Principal, besides kept: Set<Fingerprint> = [], _ reason: RevocationReason,
    _ note: ByteString, _ now: Timestamp
  ) {
    for var record in keys.all(.holder(holder))
    where record.revoked == nil && !kept.contains(record.id) {
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

  /// Enrols a service, or sets anew the hosts of one that is enrolled: a key it leaves out is retired.
  mutating func enrol(
    _ body: ServiceEnrolled, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) {
    let own = Set(services[body.service]?.hosts.map(\.key) ?? [])
    let named = Set(body.hosts.map(\.key.fingerprint))
    for host in body.hosts {
      let key = host.key.fingerprint
      guard own.contains(key) else {
        try checkNew(host.key)
        continue
      }
      if let status = keys[key]?.status(at: now), status != .active {
        throw .keyNotActive(key, status)
      }
    }
    end(keysOf: body.service, besides: named, .retired, "its host is enrolled no longer", now)
    for host in body.hosts where !own.contains(host.key.fingerprint) {
      add(host.key, of: body.service, signing, now)
    }
    services[body.service] = ServiceRecord(
      principal: body.service,
      hosts: body.hosts.map { ServiceRecord.Host(host: $0.host, key: $0.key.fingerprint) },
      mayAttest: body.mayAttest)
  }

  mutating func change(_ body: SettingsChanged) throws(AdmissionFault) {
    guard var settings = registry else { throw .genesisMisplaced }
    if let quorum = body.adminQuorum {
      guard quorum <= admins.count else {
        throw .invalid(
          what: "admin_quorum", why: "is \(quorum), and there are \(admins.count) admins")
      }
      if quorum == admins.count, Int(quorum) != settings.adminQuorum, !body.acceptsNoSpare {
        throw .noSpare(quorum: admins.count)
      }
      settings.adminQuorum = Int(quorum)
    }
    if let rules = body.rules {
      guard rules >= settings.rules else {
        throw .invalid(
          what: "rules", why: "is \(rules), and version \(settings.rules) is in force already")
      }
      guard RulesVersion.isKnown(rules) else { throw .rulesUnsupported(rules) }
      settings.rules = rules
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

  /// The last admin cannot go, nor one without whom the quorum could never be met again; nor, unless
  /// by express wish, the last one to spare.
  private func checkAdmins(left: Int, acceptsNoSpare: Bool) throws(AdmissionFault) {
    guard left < admins.count, let registry else { return }
    guard left >= registry.adminQuorum else {
      throw .invalid(
        what: "the change",
        why: "would leave \(left) admins, and the admin quorum is \(registry.adminQuorum)")
    }
    if left == registry.adminQuorum, !acceptsNoSpare { throw .noSpare(quorum: left) }
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
