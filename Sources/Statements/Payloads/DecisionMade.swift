package import CanonicalJSON
package import Keys

/// The three answers.
package enum Verdict: String, Sendable, CaseIterable {
  case allow
  case deny
  case hold
}

/// One reason for a verdict: a stable code, and a sentence with the facts.
package struct Reason: Sendable, Hashable {
  package let code: ByteString
  package let detail: ByteString

  /// Bytes a detail may take: agents' text stands in it, and a decision must fit an entry.
  package static let detailLimit = 512

  package init(code: ByteString, detail: ByteString) {
    self.code = code
    self.detail = detail.prefix(Reason.detailLimit)
  }
}

/// `decision.made`: what the deciding service answered, and on what grounds.
package struct DecisionMade: Sendable, Hashable {
  /// The policy that judged, by name, version and the digest of its `policy.published`.
  package struct Policy: Sendable, Hashable {
    package let digest: Digest
    package let name: ByteString
    package let version: Int64

    package init(digest: Digest, name: ByteString, version: Int64) {
      self.digest = digest
      self.name = name
      self.version = version
    }

    package var label: String { "\(name.text)@v\(version)" }
  }

  /// With verdict `hold`: what it waits for, and who may not approve.
  package struct Hold: Sendable, Hashable {
    package let rule: ApprovalRule
    package let expires: Timestamp
    package let excluded: [Principal]

    package init(rule: ApprovalRule, expires: Timestamp, excluded: [Principal]) {
      self.rule = rule
      self.expires = expires
      self.excluded = excluded
    }
  }

  /// The action's payload digest; its bytes stand in the registry under it.
  package let action: Digest
  package let key: Fingerprint
  package let signature: Signature
  package let verdict: Verdict
  package let reasons: [Reason]
  /// Every rule that matched, as `file:line`.
  package let rules: [ByteString]
  /// The grants from the root to the agent.
  package let chain: [Digest]
  package let policy: Policy?
  /// The release of the time-zone database, where the policy's answer rests on it.
  package let zones: ByteString?
  /// What the catalogue says the resource is.
  package let resource: JSONObject?
  package let hold: Hold?
  /// The hold this decision ends.
  package let releases: Digest?
  /// The votes that were counted for it.
  package let votes: [Digest]

  package init(
    action: Digest, key: Fingerprint, signature: Signature, verdict: Verdict, reasons: [Reason],
    rules: [ByteString], chain: [Digest], policy: Policy?, zones: ByteString? = nil,
    resource: JSONObject?, hold: Hold?, releases: Digest?, votes: [Digest]
  ) {
    self.action = action
    self.key = key
    self.signature = signature
    self.verdict = verdict
    self.reasons = reasons
    self.rules = rules
    self.chain = chain
    self.policy = policy
    self.zones = zones
    self.resource = resource
    self.hold = hold
    self.releases = releases
    self.votes = votes
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    action = try fields.digest("action")
    key = Fingerprint(digest: try fields.digest("key"))
    guard let bytes = Base64.bytes(of: try fields.string("sig").bytes),
      let signature = try? Signature(bytes: bytes)
    else { throw fields.fault("sig", "is not 64 bytes of base64") }
    self.signature = signature
    let word = try fields.string("verdict")
    guard let verdict = Verdict(rawValue: word.text) else {
      throw fields.fault("verdict", "is \"\(word.text)\"; it is allow, deny or hold")
    }
    self.verdict = verdict
    var reasons: [Reason] = []
    for (index, element) in try fields.array("reasons", limit: 64).enumerated() {
      var inner = try JSONFields(element, path: "body.reasons[\(index)]")
      reasons.append(
        Reason(code: try inner.string("code"), detail: try inner.string("detail")))
      try inner.finish()
    }
    self.reasons = reasons
    rules = try fields.optionalStrings("rules")
    chain = fields.optional("chain") == nil ? [] : try fields.digests("chain")
    if let value = fields.optional("policy") {
      var inner = try JSONFields(value, path: "body.policy")
      policy = Policy(
        digest: try inner.digest("digest"), name: try inner.string("name"),
        version: try inner.integer("version"))
      try inner.finish()
    } else {
      policy = nil
    }
    zones = try fields.optionalString("zones")
    resource = fields.optional("resource") == nil ? nil : try fields.attributes("resource")
    if let value = fields.optional("hold") {
      var inner = try JSONFields(value, path: "body.hold")
      var excluded: [Principal] = []
      for text in try inner.strings("excluded") {
        guard let principal = Principal(text) else {
          throw inner.fault("excluded", "holds \"\(text.text)\", which is no principal")
        }
        excluded.append(principal)
      }
      hold = Hold(
        rule: try ApprovalRule(try inner.value("rule"), path: "body.hold.rule"),
        expires: try inner.timestamp("expires"), excluded: excluded)
      try inner.finish()
    } else {
      hold = nil
    }
    guard (verdict == .hold) == (hold != nil) else {
      throw fields.fault("hold", "stands with verdict hold, and only there")
    }
    releases = try fields.optionalDigest("releases")
    votes = fields.optional("votes") == nil ? [] : try fields.digests("votes")
  }

  /// The same decision, as made with another release of the time-zone database.
  package func with(zones: ByteString?) -> DecisionMade {
    DecisionMade(
      action: action, key: key, signature: signature, verdict: verdict, reasons: reasons,
      rules: rules, chain: chain, policy: policy, zones: zones, resource: resource, hold: hold,
      releases: releases, votes: votes)
  }

  package var json: JSONValue {
    [
      "action": JSONValue(action.hex), "key": JSONValue(key.digest.hex),
      "sig": JSONValue(Base64.text(of: signature.bytes)), "verdict": JSONValue(verdict.rawValue),
      "reasons": .array(
        reasons.map { ["code": JSONValue($0.code), "detail": JSONValue($0.detail)] }),
      "rules": rules.isEmpty ? .null : rules.json, "chain": chain.isEmpty ? .null : chain.json,
      "policy": policy.json {
        [
          "digest": JSONValue($0.digest.hex), "name": JSONValue($0.name),
          "version": JSONValue($0.version),
        ]
      },
      "zones": zones.json { JSONValue($0) }, "resource": resource.json { .object($0) },
      "hold": hold.json {
        [
          "rule": $0.rule.json, "expires": $0.expires.json,
          "excluded": .array($0.excluded.map(\.json)),
        ]
      },
      "releases": releases.json { JSONValue($0.hex) }, "votes": votes.isEmpty ? .null : votes.json,
    ]
  }
}
