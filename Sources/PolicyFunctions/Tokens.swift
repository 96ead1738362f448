import CanonicalJSON
import Crypto
import CryptoExtras
import Rego

/// JSON Web Tokens (RFC 7519): reading is bounded by their length, and each signature that is made or
/// checked is charged what it takes.
extension PolicyFunctions {
  /// Steps of one check or one making of an asymmetric signature.
  private static let signatureCost = 5000

  private static let anyMembers = RegoType.object(.string, .any)

  static let tokens: [Builtin] =
    [
      Builtin("io.jwt.decode", [.string], .array([anyMembers, anyMembers, .string], rest: nil)) {
        (values, context) throws(BuiltinFailure) in
        var text = values[0]
        while true {
          let token = try Token(text, &context)
          let payload = try token.decoded(token.payload, "payload")
          if case .string(let type)? = token.header["cty"], type == "JWT" {
            text = .text(Token.unquoted(payload))
            continue
          }
          let claims = try Token.object(payload)
          let signature = try token.decoded(token.signature, "signature")
          return .array([.object(token.header), .object(claims), hexadecimal(signature)])
        }
      },
      Builtin(
        "io.jwt.decode_verify", [.string, anyMembers],
        .array([.boolean, anyMembers, anyMembers], rest: nil), decodeAndVerify),
      Builtin(
        "io.jwt.encode_sign", [anyMembers, anyMembers, anyMembers], .string,
        isNondeterministic: true
      ) { (values, context) throws(BuiltinFailure) in
        let header = try JSONText.compact(values[0], &context)
        let payload = try JSONText.compact(values[1], &context)
        return try signed(
          header, payload, try JSONText.compact(values[2], &context), &context)
      },
      Builtin(
        "io.jwt.encode_sign_raw", [.string, .string, .string], .string, isNondeterministic: true
      ) { (values, context) throws(BuiltinFailure) in
        let key = try values.string(2)
        return try signed(try values.string(0), try values.string(1), key, &context)
      },
    ]
    + TokenAlgorithm.all.values.map { algorithm in
      Builtin("io.jwt.verify_\(algorithm.name.lowercased())", [.string, .string], .boolean) {
        (values, context) throws(BuiltinFailure) in
        try verify(values, algorithm, &context)
      }
    }

  private static func verify(
    _ values: [Value], _ algorithm: TokenAlgorithm, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value {
    if algorithm.kind == .hmac {
      guard case .string = values[0] else { throw .operand(0, "string", values[0]) }
      let secret = try values.string(1)
      let parts = try Token.sections(values[0], &context)
      try context.charge(text: secret.count + parts.message.count + 128)
      let signature = try Base64Text.decodedURL(parts.signature)
      return .bool(
        TokenKey.secret(secret.bytes).verifies(signature, of: parts.message, algorithm))
    }
    let parts = try Token.sections(values[0], &context)
    let keys = try NamedTokenKey.parse(try values.string(1), &context)
    let signature = try Base64Text.decodedURL(parts.signature)
    let token = try Token(values[0], &context)
    let header = try TokenHeader(token.header)
    func check(_ key: NamedTokenKey) throws(BuiltinFailure) -> Bool {
      try context.charge(steps: signatureCost + parts.message.count / 8)
      // OPA takes no secret key for a public one.
      return !key.isPrivate && key.key.verifies(signature, of: parts.message, algorithm)
    }
    if let identifier = header.identifier, !identifier.isEmpty,
      let key = keys.first(where: { $0.identifier == identifier })
    {
      return .bool(try check(key))
    }
    for key in keys where key.algorithm == nil || key.algorithm == header.algorithm {
      if try check(key) { return .bool(true) }
    }
    return .bool(false)
  }

  private static func signed(
    _ header: ByteString, _ payload: ByteString, _ key: ByteString,
    _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value {
    try context.charge(making: (header.count + payload.count + key.count) * 3)
    guard let members = try JSONWebKey.members(key, &context).first else {
      throw .failed("no keys found in JWK set")
    }
    var fields = ObjectValue()
    if case .object(let object)? = try? JSONText.value(header) { fields = object }
    guard case .string(let name)? = fields["alg"] else {
      throw .failed("missing or invalid 'alg' header: jwsbb: header \"alg\" not found")
    }
    guard let algorithm = TokenAlgorithm.all[name.text] else {
      throw .failed("unknown JWS algorithm: \(name)")
    }
    var mustBeJSON = true
    if case .string(let type)? = fields["typ"] { mustBeJSON = type == "JWT" }
    if mustBeJSON, (try? JSONText.value(payload)) == nil {
      throw .failed("type is JWT but payload is not JSON")
    }
    func encoded(_ bytes: [UInt8]) -> [UInt8] { Base64Text.encoded(bytes, .url, isPadded: false) }
    let dot = [UInt8(ascii: ".")]
    let message = encoded(header.bytes) + dot + encoded(payload.bytes)
    try context.charge(steps: algorithm.kind == .hmac ? 16 : signatureCost * 10)
    let signature = try JSONWebKey.signature(message, members, algorithm)
    return .text(message + dot + encoded(signature))
  }

  private static let decodeAndVerify: Builtin.Body = {
    (values, context) throws(BuiltinFailure) in
    let unverified = Value.array([.bool(false), .emptyObject, .emptyObject])
    let constraints = try TokenConstraints(try values.object(1), &context)
    var text = values[0]
    var token: Token
    var payload: [UInt8]
    while true {
      token = try Token(text, &context)
      let header = try TokenHeader(token.header)
      guard header.isValid else { return unverified }
      if let algorithm = constraints.algorithm, algorithm != header.algorithm { return unverified }
      let signature = try Base64Text.decodedURL(token.signature)
      guard let algorithm = TokenAlgorithm.all[header.algorithm] else { return unverified }
      var isVerified = false
      var candidates = constraints.keys
      if let identifier = header.identifier, !identifier.isEmpty,
        let key = candidates.first(where: { $0.identifier == identifier })
      {
        candidates = [key]
        candidates[0].algorithm = nil
      }
      for key in candidates where key.algorithm == nil || key.algorithm == header.algorithm {
        try context.charge(steps: signatureCost + token.message.count / 8)
        if key.key.verifies(signature, of: token.message, algorithm) {
          isVerified = true
          break
        }
      }
      guard isVerified else { return unverified }
      payload = try token.decoded(token.payload, "payload")
      guard header.contentType?.lowercased() == "jwt" else { break }
      text = .text(payload)
    }
    let claims = try Token.object(payload)
    guard try constraints.areMet(by: claims) else { return unverified }
    return .array([.bool(true), .object(token.header), .object(claims)])
  }
}

/// A token in its three sections, the header read.
private struct Token {
  let message: [UInt8]
  let payload: ByteString
  let signature: ByteString
  let header: ObjectValue

  init(_ value: Value, _ context: inout BuiltinContext) throws(BuiltinFailure) {
    let parts = try Token.sections(value, &context)
    (message, payload, signature) = (parts.message, parts.payload, parts.signature)
    let bytes: [UInt8]
    do throws(BuiltinFailure) {
      bytes = try Base64Text.decodedURL(parts.header)
    } catch {
      throw Token.wrapped("JWT header had invalid encoding: ", error)
    }
    do throws(BuiltinFailure) {
      header = try Token.object(bytes)
    } catch {
      throw Token.wrapped("bad JWT header: ", error)
    }
    if header["enc"] != nil { throw .failed("JWT is a JWE object, which is not supported") }
  }

  private static func wrapped(_ prefix: String, _ failure: BuiltinFailure) -> BuiltinFailure {
    if case .failed(let reason) = failure { return .failed(prefix + reason) }
    return failure
  }

  static func sections(
    _ value: Value, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> (
    message: [UInt8], header: ByteString, payload: ByteString, signature: ByteString
  ) {
    guard case .string(let text) = value else { throw .operand(0, "string", value) }
    try context.charge(making: text.count * 4)
    let parts = text.split(on: ".")
    guard parts.count > 1 else { throw .failed("encoded JWT had no period separators") }
    guard parts.count == 3 else {
      throw .failed("encoded JWT must have 3 sections, found \(parts.count)")
    }
    return (
      parts[0].bytes + [UInt8(ascii: ".")] + parts[1].bytes, parts[0], parts[1], parts[2]
    )
  }

  func decoded(_ section: ByteString, _ name: String) throws(BuiltinFailure) -> [UInt8] {
    do throws(BuiltinFailure) {
      return try Base64Text.decodedURL(section)
    } catch {
      throw Token.wrapped("JWT \(name) had invalid encoding: ", error)
    }
  }

  static func object(_ bytes: [UInt8]) throws(BuiltinFailure) -> ObjectValue {
    let text =
      ByteString(validating: bytes) ?? ByteString(String(decoding: bytes, as: UTF8.self))
    let value: Value
    do throws(BuiltinFailure) {
      value = try JSONText.value(text)
    } catch {
      throw wrapped("invalid JSON: ", error)
    }
    guard case .object(let object) = value else {
      throw .failed("decoded JSON type was not an Object")
    }
    return object
  }

  /// A token inside a token may stand in quotes.
  static func unquoted(_ bytes: [UInt8]) -> [UInt8] {
    func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }
    return Array(bytes.drop(while: isQuote).reversed().drop(while: isQuote).reversed())
  }
}

/// What a token's header says of the signature.
private struct TokenHeader {
  var algorithm = ""
  var identifier: String?
  var contentType: String?
  /// Whether it names an algorithm, and nothing critical that is unknown.
  var isValid: Bool

  init(_ members: ObjectValue) throws(BuiltinFailure) {
    var critical: [ByteString]?
    var unknown: [ByteString] = []
    for pair in members.pairs {
      guard case .string(let name) = pair.key else { continue }
      switch name {
      case "alg", "kid", "typ", "cty":
        guard case .string(let text) = pair.value else {
          throw .failed("\(name): must be a string")
        }
        if name == "alg" { algorithm = text.text }
        if name == "kid" { identifier = text.text }
        if name == "cty" { contentType = text.text }
      case "crit":
        guard case .array(let names) = pair.value else { throw .failed("crit: must be a list") }
        let texts = names.compactMap { value -> ByteString? in
          if case .string(let text) = value { text } else { nil }
        }
        guard !texts.isEmpty else { throw .failed("crit: must be a nonempty list") }
        critical = texts
      default: unknown.append(name)
      }
    }
    isValid = !algorithm.isEmpty && !unknown.contains { critical?.contains($0) ?? false }
  }
}

/// What `io.jwt.decode_verify` demands of a token.
private struct TokenConstraints {
  var keys: [NamedTokenKey] = []
  var algorithm: String?
  private var issuer = ""
  private var audience = ""
  /// Nanoseconds since 1970, as a double.
  private var time: Double

  init(_ members: ObjectValue, _ context: inout BuiltinContext) throws(BuiltinFailure) {
    var hasKeys = false
    var given: Double?
    var secret: ByteString = ""
    for pair in members.pairs {
      guard case .string(let name) = pair.key else { continue }
      func text() throws(BuiltinFailure) -> ByteString {
        guard case .string(let text) = pair.value else {
          throw .failed("\(name) constraint: must be a string")
        }
        return text
      }
      switch name {
      case "cert":
        keys = try NamedTokenKey.parse(try text(), &context)
        hasKeys = true
      case "secret": secret = try text()
      case "alg":
        let name = try text().text
        algorithm = name.isEmpty ? nil : name
      case "iss": issuer = try text().text
      case "aud": audience = try text().text
      case "time":
        guard case .number(let number) = pair.value else {
          throw .failed("token time constraint: must be a number")
        }
        guard number.double.isFinite else {
          throw .failed("token time constraint: unvalid float64")
        }
        guard number.double >= 0 else {
          throw .failed("token time constraint: must not be negative")
        }
        given = number.double
      default: throw .failed("unknown token validation constraint: \(name)")
      }
    }
    if hasKeys, !secret.isEmpty { throw .failed("duplicate key constraints") }
    if !hasKeys, secret.isEmpty { throw .failed("no key constraint") }
    if !secret.isEmpty { keys = [NamedTokenKey(key: .secret(secret.bytes))] }
    guard let instant = given ?? context.environment.now.map({ Double($0) }) else {
      throw .failed("no instant is given to this evaluation")
    }
    time = instant
  }

  func areMet(by claims: ObjectValue) throws(BuiltinFailure) -> Bool {
    if !issuer.isEmpty {
      guard case .string(let found)? = claims["iss"], found.text == issuer else { return false }
    }
    switch claims["aud"] {
    case nil: if !audience.isEmpty { return false }
    case .string(let found)?: if found.text != audience { return false }
    case .array(let all)?: if !all.contains(.string(ByteString(audience))) { return false }
    default: return false
    }
    let now = Number(time / 1_000_000_000) ?? .integer(0)
    if let expiry = claims["exp"] {
      guard case .number(let instant) = expiry else {
        throw .failed("exp value must be a number")
      }
      if !(now < instant) { return false }
    }
    if let start = claims["nbf"] {
      guard case .number(let instant) = start else {
        throw .failed("nbf value must be a number")
      }
      if now < instant { return false }
    }
    return true
  }
}
