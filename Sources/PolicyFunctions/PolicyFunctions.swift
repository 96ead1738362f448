import CanonicalJSON
package import Rego

/// The builtins that policies of this product are compiled with: what the engine has of its own, and
/// what needs cryptography, YAML or the time-zone database.
package enum PolicyFunctions {
  package static let builtins = BuiltinTable.core
    .adding(BuiltinTable.time(release: TimeZoneFiles.release) { TimeZoneFiles.rules(named: $0) })
    .adding(digests)
    .adding(tokens)
    .adding(yaml)
    .adding([trace], refused: refused)

  /// What is refused, and why: a decision must be answered the same when the log is verified.
  private static let refused: [String: String] = {
    let outside = "a decision is answered from its input, policy and data alone"
    let certificates = "chains of X.509 certificates are not verified by policies"
    let unsupported = "it is not part of this engine"
    return [
      "http.send": outside, "net.lookup_ip_addr": outside, "opa.runtime": outside,
      "providers.aws.sign_req": outside, "rego.parse_module": unsupported,
      "crypto.x509.parse_and_verify_certificates": certificates,
      "crypto.x509.parse_and_verify_certificates_with_options": certificates,
      "crypto.x509.parse_certificate_request": certificates,
      "crypto.x509.parse_certificates": certificates, "crypto.x509.parse_keypair": certificates,
      "crypto.x509.parse_rsa_private_key": certificates,
      "crypto.parse_private_keys": certificates, "graphql.is_valid": unsupported,
      "graphql.parse": unsupported, "graphql.parse_and_verify": unsupported,
      "graphql.parse_query": unsupported, "graphql.parse_schema": unsupported,
      "graphql.schema_is_valid": unsupported, "json.match_schema": unsupported,
      "json.verify_schema": unsupported,
    ]
  }()

  private static let trace = Builtin("trace", [.string], .boolean) {
    (values, context) throws(BuiltinFailure) in
    let note = try values.string(0)
    try context.charge(making: note.count + 16)
    context.printed.append(note)
    return .bool(true)
  }
}
