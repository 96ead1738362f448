import CanonicalJSON
import Crypto
import Rego

/// Digests and message authentication codes: a step for each 8 bytes hashed.
extension PolicyFunctions {
  static let digests: [Builtin] = [
    digest("crypto.md5") { Array(Insecure.MD5.hash(data: $0)) },
    digest("crypto.sha1") { Array(Insecure.SHA1.hash(data: $0)) },
    digest("crypto.sha256") { Array(SHA256.hash(data: $0)) },
    authenticationCode("crypto.hmac.md5", Insecure.MD5.self),
    authenticationCode("crypto.hmac.sha1", Insecure.SHA1.self),
    authenticationCode("crypto.hmac.sha256", SHA256.self),
    authenticationCode("crypto.hmac.sha512", SHA512.self),
    Builtin("crypto.hmac.equal", [.string, .string], .boolean) {
      (values, context) throws(BuiltinFailure) in
      let (left, right) = (try values.string(0).bytes, try values.string(1).bytes)
      try context.charge(text: left.count + right.count)
      guard left.count == right.count else { return .bool(false) }
      return .bool(zip(left, right).reduce(UInt8(0)) { $0 | $1.0 ^ $1.1 } == 0)
    },
  ]

  static func hexadecimal(_ bytes: [UInt8]) -> Value {
    let digits = Array("0123456789abcdef".utf8)
    return .text(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  private static func digest(
    _ name: String, _ hash: @escaping @Sendable ([UInt8]) -> [UInt8]
  ) -> Builtin {
    Builtin(name, [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(text: text.count + 64)
      return hexadecimal(hash(text.bytes))
    }
  }

  private static func authenticationCode<Hash: HashFunction>(
    _ name: String, _ hash: Hash.Type
  ) -> Builtin {
    Builtin(name, [.string, .string], .string) { (values, context) throws(BuiltinFailure) in
      let (text, key) = (try values.string(0), try values.string(1))
      try context.charge(text: text.count + key.count + 128)
      let code = HMAC<Hash>.authenticationCode(
        for: text.bytes, using: SymmetricKey(data: key.bytes))
      return hexadecimal(Array(code))
    }
  }
}
