package import CanonicalJSON
package import Keys

/// What an agent signs when it wants to do something; params and context are its own claims.
package struct Action: Sendable, Hashable {
  package let action: ByteString
  package let agent: Principal
  package let audience: Principal
  package let context: JSONObject
  /// The digest of the leaf grant it acts under.
  package let grant: Digest
  package let nonce: ByteString
  package let params: JSONObject
  package let registry: ByteString
  /// The resource's URI.
  package let resource: ByteString
  /// What the action itself says the resource is; never believed, only compared.
  package let claimedType: ByteString?
  package let claimedEnv: ByteString?
  package let timestamp: Timestamp

  package static let payloadType: ByteString = "application/vnd.countersign.action.v1+json"
  package static let limits = JSONParser.Limits(bytes: 48 << 10, depth: 32)

  package init(
    action: ByteString, agent: Principal, audience: Principal, context: JSONObject, grant: Digest,
    nonce: ByteString, params: JSONObject, registry: ByteString, resource: ByteString,
    claimedType: ByteString? = nil, claimedEnv: ByteString? = nil, timestamp: Timestamp
  ) {
    self.action = action
    self.agent = agent
    self.audience = audience
    self.context = context
    self.grant = grant
    self.nonce = nonce
    self.params = params
    self.registry = registry
    self.resource = resource
    self.claimedType = claimedType
    self.claimedEnv = claimedEnv
    self.timestamp = timestamp
  }

  /// Parses an action's payload: strict JSON, names in any order.
  package init(payload: [UInt8]) throws(StatementFault) {
    let json: JSONValue
    do {
      json = try JSONParser.parse(payload, limits: Action.limits)
    } catch {
      throw .malformedPayload(error)
    }
    do {
      var fields = try JSONFields(json, path: "")
      guard try fields.integer("v") == 1 else { throw fields.fault("v", "is not 1") }
      action = try fields.string("action")
      guard (1...256).contains(action.count), action.bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { throw fields.fault("action", "is not 1 to 256 visible ASCII characters") }
      agent = try fields.principal("agent", .agent)
      audience = try fields.principal("aud", .service)
      context = try fields.attributes("context")
      grant = try fields.digest("grant")
      nonce = try fields.string("nonce")
      guard nonce.count == 32, Hexadecimal.bytes(of: nonce.bytes) != nil else {
        throw fields.fault("nonce", "is not 16 random bytes in hexadecimal")
      }
      params = try fields.attributes("params")
      registry = try fields.string("registry")
      timestamp = try fields.timestamp("timestamp")
      let named = try fields.value("resource")
      if let uri = named.string {
        resource = uri
        claimedType = nil
        claimedEnv = nil
      } else {
        var inner = try JSONFields(named, path: "resource")
        resource = try inner.string("uri")
        claimedType = try inner.optionalString("type")
        claimedEnv = try inner.optionalString("env")
        try inner.finish()
      }
      try fields.finish()
    } catch let fault as FieldFault {
      throw .field(fault)
    } catch {
      throw .malformedEnvelope("\(error)")
    }
  }

  package var json: JSONValue {
    let claims: JSONValue = [
      "uri": JSONValue(resource), "type": claimedType.json { JSONValue($0) },
      "env": claimedEnv.json { JSONValue($0) },
    ]
    let hasClaims = claimedType != nil || claimedEnv != nil
    return [
      "action": JSONValue(action), "agent": agent.json, "aud": audience.json,
      "context": .object(context), "grant": JSONValue(grant.hex), "nonce": JSONValue(nonce),
      "params": .object(params), "registry": JSONValue(registry),
      "resource": hasClaims ? claims.withoutNulls : JSONValue(resource),
      "timestamp": timestamp.json, "v": 1,
    ]
  }

  /// What stays of it when its details are erased.
  package var withoutDetails: Action {
    Action(
      action: action, agent: agent, audience: audience, context: JSONObject(), grant: grant,
      nonce: nonce, params: JSONObject(), registry: registry, resource: resource,
      claimedType: claimedType, claimedEnv: claimedEnv, timestamp: timestamp)
  }

  /// Signs the action as its agent would, every number as it was given.
  package func signed(by key: borrowing SigningKey) -> UnverifiedEnvelope {
    let payload = json.exactBytes
    let signature = key.sign(
      PreAuthEncoding.bytes(payloadType: Action.payloadType, payload: payload))
    return UnverifiedEnvelope(
      payloadType: Action.payloadType, payload: payload,
      signatures: [
        StatementSignature(key: key.publicKey.fingerprint, signature: signature)
      ])
  }
}
