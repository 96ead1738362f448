import CanonicalJSON
import Crypto
import CryptoExtras
import Rego

/// A key with which tokens are verified or signed.
enum TokenKey: Sendable {
  case secret([UInt8])
  case rsa(_RSA.Signing.PublicKey)
  case p256(P256.Signing.PublicKey)
  case p384(P384.Signing.PublicKey)
  case p521(P521.Signing.PublicKey)
  case ed25519(Curve25519.Signing.PublicKey)

  /// Whether a signature is of this key.
  ///
  /// A key of another kind than the algorithm's verifies nothing.
  func verifies(
    _ signature: [UInt8], of message: [UInt8], _ algorithm: TokenAlgorithm
  ) -> Bool {
    switch (self, algorithm.kind) {
    case (.secret(let secret), .hmac):
      let code = algorithm.authenticationCode(message, secret)
      guard code.count == signature.count else { return false }
      return zip(code, signature).reduce(UInt8(0)) { $0 | $1.0 ^ $1.1 } == 0
    case (.rsa(let key), .rsa):
      let found = _RSA.Signing.RSASignature(rawRepresentation: signature)
      return algorithm.verify(message) { digest in
        key.isValidSignature(found, for: digest, padding: .insecurePKCS1v1_5)
      }
    case (.rsa(let key), .pss):
      let found = _RSA.Signing.RSASignature(rawRepresentation: signature)
      return algorithm.verify(message) { digest in
        key.isValidSignature(found, for: digest, padding: .PSS)
      }
    case (.p256(let key), .ecdsa):
      guard let found = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else {
        return false
      }
      return algorithm.verify(message) { key.isValidSignature(found, for: $0) }
    case (.p384(let key), .ecdsa):
      guard let found = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else {
        return false
      }
      return algorithm.verify(message) { key.isValidSignature(found, for: $0) }
    case (.p521(let key), .ecdsa):
      guard let found = try? P521.Signing.ECDSASignature(rawRepresentation: signature) else {
        return false
      }
      return algorithm.verify(message) { key.isValidSignature(found, for: $0) }
    case (.ed25519(let key), .eddsa): return key.isValidSignature(signature, for: message)
    default: return false
    }
  }
}

/// An algorithm of RFC 7518 or RFC 8037.
struct TokenAlgorithm: Sendable {
  enum Kind: Sendable {
    case hmac
    case rsa
    case pss
    case ecdsa
    case eddsa
  }

  let name: String
  let kind: Kind
  /// Bits of the digest.
  let bits: Int

  static let all: [String: TokenAlgorithm] = {
    var all: [String: TokenAlgorithm] = [:]
    let kinds: [(String, Kind)] = [("HS", .hmac), ("RS", .rsa), ("PS", .pss), ("ES", .ecdsa)]
    for (prefix, kind) in kinds {
      for bits in [256, 384, 512] {
        let name = prefix + String(bits)
        all[name] = TokenAlgorithm(name: name, kind: kind, bits: bits)
      }
    }
    all["EdDSA"] = TokenAlgorithm(name: "EdDSA", kind: .eddsa, bits: 0)
    return all
  }()

  func authenticationCode(_ message: [UInt8], _ secret: [UInt8]) -> [UInt8] {
    let key = SymmetricKey(data: secret)
    switch bits {
    case 256: return Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
    case 384: return Array(HMAC<SHA384>.authenticationCode(for: message, using: key))
    default: return Array(HMAC<SHA512>.authenticationCode(for: message, using: key))
    }
  }

  func verify(_ message: [UInt8], _ check: (any Digest) -> Bool) -> Bool {
    switch bits {
    case 256: check(SHA256.hash(data: message))
    case 384: check(SHA384.hash(data: message))
    default: check(SHA512.hash(data: message))
    }
  }
}

/// A key as it was given, with the algorithm and identifier that it names.
struct NamedTokenKey: Sendable {
  var key: TokenKey
  var algorithm: String?
  var identifier: String?
  /// Whether it was given with its secret part.
  var isPrivate = false

  /// Reads a PEM certificate or public key, or a JSON Web Key or set of them.
  static func parse(
    _ text: ByteString, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> [NamedTokenKey] {
    try context.charge(text: text.count * 8)
    if let (label, der, isAlone) = PEMText.block(text.text) {
      guard isAlone else { throw .failed("extra data after a PEM certificate block") }
      switch label {
      case "CERTIFICATE":
        guard let info = DERReader.publicKey(ofCertificate: der), let key = key(info: info) else {
          throw .failed("failed to parse a PEM certificate: x509: malformed certificate")
        }
        return [NamedTokenKey(key: key)]
      case "PUBLIC KEY":
        guard let key = key(info: der) else {
          throw .failed("failed to parse a PEM public key: x509: malformed public key")
        }
        return [NamedTokenKey(key: key)]
      default: throw .failed("failed to extract a Key from the PEM certificate")
      }
    }
    var keys: [NamedTokenKey] = []
    for members in try JSONWebKey.members(text, &context) {
      // That a point lies on its curve is looked at.
      try context.charge(steps: 500)
      guard let key = JSONWebKey.publicKey(members) else {
        throw .failed("failed to parse a JWK key (set): jwk.Parse: malformed key")
      }
      let algorithm = JSONWebKey.text(members, "alg")
      if let algorithm, TokenAlgorithm.all[algorithm] == nil { continue }
      keys.append(
        NamedTokenKey(
          key: key, algorithm: algorithm, identifier: JSONWebKey.text(members, "kid"),
          isPrivate: members["d"] != nil))
    }
    return keys
  }

  /// A key from a SubjectPublicKeyInfo.
  private static func key(info: [UInt8]) -> TokenKey? {
    guard let (algorithm, parameters, bits) = DERReader.parts(ofPublicKey: info) else { return nil }
    switch algorithm {
    // rsaEncryption
    case [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]:
      return (try? _RSA.Signing.PublicKey(unsafeDERRepresentation: info)).map { .rsa($0) }
    // id-ecPublicKey, then the curve
    case [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]:
      switch parameters {
      case [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]:
        return (try? P256.Signing.PublicKey(x963Representation: bits)).map { .p256($0) }
      case [0x2B, 0x81, 0x04, 0x00, 0x22]:
        return (try? P384.Signing.PublicKey(x963Representation: bits)).map { .p384($0) }
      case [0x2B, 0x81, 0x04, 0x00, 0x23]:
        return (try? P521.Signing.PublicKey(x963Representation: bits)).map { .p521($0) }
      default: return nil
      }
    // id-Ed25519
    case [0x2B, 0x65, 0x70]:
      return (try? Curve25519.Signing.PublicKey(rawRepresentation: bits)).map { .ed25519($0) }
    default: return nil
    }
  }
}

/// Keys of RFC 7517.
enum JSONWebKey {
  static func text(_ members: ObjectValue, _ name: ByteString) -> String? {
    guard case .string(let text)? = members[name] else { return nil }
    return text.text
  }

  static func bytes(_ members: ObjectValue, _ name: ByteString) -> [UInt8]? {
    guard case .string(let text)? = members[name] else { return nil }
    return try? Base64Text.decodedURL(text)
  }

  /// The members of a key, or of each key of a set.
  static func members(
    _ text: ByteString, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> [ObjectValue] {
    let wrong = "failed to parse a JWK key (set): jwk.Parse: "
    let value: Value
    do throws(BuiltinFailure) {
      value = try JSONText.value(text)
    } catch {
      guard case .failed(let reason) = error else { throw error }
      throw .failed(wrong + reason)
    }
    // A member that is there twice would let a key be read in two ways.
    let limits = JSONParser.Limits(bytes: text.count, depth: Value.depthLimit)
    guard (try? JSONParser.parse(text.bytes, limits: limits)) != nil else {
      throw .failed(wrong + "a member is there twice, or a text is no Unicode")
    }
    guard case .object(let object) = value else { throw .failed(wrong + "no object") }
    guard case .array(let elements)? = object["keys"] else {
      guard object["kty"] != nil else { throw .failed(wrong + "no key type") }
      return [object]
    }
    var keys: [ObjectValue] = []
    for element in elements {
      guard case .object(let key) = element else { throw .failed(wrong + "no object") }
      keys.append(key)
    }
    return keys
  }

  /// With a secret without bytes anybody could sign.
  private static func secret(_ members: ObjectValue) -> [UInt8]? {
    bytes(members, "k").flatMap { $0.isEmpty ? nil : $0 }
  }

  /// A point of a curve from its coordinates, of so many bytes each.
  private static func point(_ members: ObjectValue, _ size: Int) -> [UInt8]? {
    guard let x = bytes(members, "x"), let y = bytes(members, "y"), x.count == size,
      y.count == size
    else { return nil }
    return [0x04] + x + y
  }

  static func publicKey(_ members: ObjectValue) -> TokenKey? {
    switch text(members, "kty") {
    case "oct": return secret(members).map { .secret($0) }
    case "RSA":
      guard let modulus = bytes(members, "n"), let exponent = bytes(members, "e") else {
        return nil
      }
      // A secret part must be whole.
      guard members["d"] == nil || members["p"] != nil && members["q"] != nil else { return nil }
      // Keys of 1024 bits, which OPA takes too, are read in this form only.
      let info = DERWriter.publicKey(modulus: modulus, exponent: exponent)
      return (try? _RSA.Signing.PublicKey(unsafeDERRepresentation: info)).map { .rsa($0) }
    case "EC":
      switch text(members, "crv") {
      case "P-256":
        return point(members, 32)
          .flatMap { try? P256.Signing.PublicKey(x963Representation: $0) }.map { .p256($0) }
      case "P-384":
        return point(members, 48)
          .flatMap { try? P384.Signing.PublicKey(x963Representation: $0) }.map { .p384($0) }
      case "P-521":
        return point(members, 66)
          .flatMap { try? P521.Signing.PublicKey(x963Representation: $0) }.map { .p521($0) }
      default: return nil
      }
    case "OKP":
      guard text(members, "crv") == "Ed25519", let x = bytes(members, "x") else { return nil }
      return (try? Curve25519.Signing.PublicKey(rawRepresentation: x)).map { .ed25519($0) }
    default: return nil
    }
  }

  /// The signature that a key's secret part makes; only of algorithms that make the same each time.
  static func signature(
    _ message: [UInt8], _ members: ObjectValue, _ algorithm: TokenAlgorithm
  ) throws(BuiltinFailure) -> [UInt8] {
    let wrongKey = BuiltinFailure.failed("jwsbb.Sign: invalid key type for \(algorithm.name)")
    switch algorithm.kind {
    case .hmac:
      guard text(members, "kty") == "oct", let secret = secret(members) else { throw wrongKey }
      return algorithm.authenticationCode(message, secret)
    case .rsa:
      guard text(members, "kty") == "RSA", let modulus = bytes(members, "n"),
        let exponent = bytes(members, "e"), let secret = bytes(members, "d"),
        let p = bytes(members, "p"), let q = bytes(members, "q"),
        let key = try? _RSA.Signing.PrivateKey(n: modulus, e: exponent, d: secret, p: p, q: q)
      else { throw wrongKey }
      var made: [UInt8]?
      _ = algorithm.verify(message) { digest in
        made = (try? key.signature(for: digest, padding: .insecurePKCS1v1_5)).map {
          [UInt8]($0.rawRepresentation)
        }
        return made != nil
      }
      guard let made else { throw wrongKey }
      return made
    case .eddsa:
      guard text(members, "kty") == "OKP", text(members, "crv") == "Ed25519",
        let secret = bytes(members, "d"),
        let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: secret),
        let made = try? key.signature(for: message)
      else { throw wrongKey }
      return [UInt8](made)
    case .pss, .ecdsa:
      throw .failed(
        "signatures of \(algorithm.name) differ each time, and a decision must be repeatable")
    }
  }
}

/// The first block of a PEM text.
enum PEMText {
  /// Its label and bytes, and whether nothing follows it; nil if there is none.
  static func block(_ text: String) -> (label: String, bytes: [UInt8], isAlone: Bool)? {
    // Both line ends are one character each.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
      .map { $0.drop(while: \.isWhitespace) }
    let dashes = "-----"
    var index = 0
    while index < lines.count, !lines[index].hasPrefix(dashes + "BEGIN ") { index += 1 }
    guard index < lines.count else { return nil }
    func trimmed(_ line: Substring) -> Substring {
      var line = line
      while let last = line.last, last.isWhitespace { line.removeLast() }
      return line
    }
    let first = trimmed(lines[index])
    guard first.hasSuffix(dashes), first.count > 16 else { return nil }
    let label = String(first.dropFirst(11).dropLast(5))
    var base64: [UInt8] = []
    index += 1
    while index < lines.count, !lines[index].hasPrefix(dashes + "END \(label)\(dashes)") {
      let line = trimmed(lines[index])
      // Headers of the older form are passed over.
      if !line.contains(":") { base64 += Array(line.utf8) }
      index += 1
    }
    guard index < lines.count, let bytes = try? Base64Text.decoded(base64, .standard) else {
      return nil
    }
    let rest = lines[(index + 1)...].allSatisfy { trimmed($0).isEmpty }
    return (label, bytes, rest)
  }
}
