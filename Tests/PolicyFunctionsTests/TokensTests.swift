import PolicyFunctions
import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct TokensTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"io.jwt.decode("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI")"#,
      .answers(
        #"[{"alg":"HS256"},{"a":1},"18fc595acc49e13cd768b12b153e5efc1cac2365a282f987a28224b683d946e2"]"#
      )),
    BuiltinCall(
      #"io.jwt.decode("a")"#,
      .fails(#"eval_builtin_error: io.jwt.decode: encoded JWT had no period separators"#)),
    BuiltinCall(
      #"io.jwt.decode("a.b")"#,
      .fails(#"eval_builtin_error: io.jwt.decode: encoded JWT must have 3 sections, found 2"#)),
    BuiltinCall(
      #"io.jwt.decode("a.b.c")"#,
      .fails(
        #"eval_builtin_error: io.jwt.decode: JWT header had invalid encoding: illegal base64url string: a"#
      )),
    BuiltinCall(
      #"io.jwt.decode("eyJhbGciOiJIUzI1NiJ9.e30.c")"#,
      .fails(
        #"eval_builtin_error: io.jwt.decode: JWT signature had invalid encoding: illegal base64url string: c"#
      )),
    BuiltinCall(
      #"[io.jwt.verify_hs256("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI","abc"), io.jwt.verify_hs256("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI","abd"), io.jwt.verify_hs384("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI","abc")]"#,
      .answers(#"[true,false,false]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI",{"secret":"abc","time":1})"#,
      .answers(#"[true,{"alg":"HS256"},{"a":1}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI",{"secret":"abd","time":1})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI",{"secret":"abc","alg":"HS512","time":1})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI",{"secret":"abc","iss":"x","time":1})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI",{})"#,
      .fails(#"eval_builtin_error: io.jwt.decode_verify: no key constraint"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI",{"foo":1,"secret":"abc"})"#,
      .fails(#"eval_builtin_error: io.jwt.decode_verify: unknown token validation constraint: foo"#)
    ),
    BuiltinCall(
      #"io.jwt.encode_sign({"alg":"HS256"},{"a":1},{"kty":"oct","k":"YWJj"})"#,
      .answers(#""eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI""#)),
    BuiltinCall(
      #"io.jwt.encode_sign({"alg":"X"},{"a":1},{"kty":"oct","k":"YWJj"})"#,
      .fails(#"eval_builtin_error: io.jwt.encode_sign: unknown JWS algorithm: X"#)),
    BuiltinCall(
      #"io.jwt.encode_sign({"typ":"JWT"},{"a":1},{"kty":"oct","k":"YWJj"})"#,
      .fails(
        #"eval_builtin_error: io.jwt.encode_sign: missing or invalid 'alg' header: jwsbb: header "alg" not found"#
      )),
    BuiltinCall(
      #"io.jwt.encode_sign({"alg":"HS512","typ":"JWT"},{"exp":5},{"kty":"oct","k":"YWJj"})"#,
      .answers(
        #""eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJleHAiOjV9.8Wm4hXDOxhW5uwoYoduwQ3AiN9isLJzvy_sPKGhyMJuN2Q6wG7s8TYcG7fHGKxsPwPcd4jlzRVShVAEndt0Wxw""#
      )),
    BuiltinCall(
      #"io.jwt.encode_sign({"alg":"EdDSA"},{"a":1},{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"#,
      .answers(
        #""eyJhbGciOiJFZERTQSJ9.eyJhIjoxfQ.vGKVz1ca21v6_dmpbt3FX0ENvaIXzgayEazfTOZwAnZxYjHwvS9-eT0EsjCDwBNeZKO7vVQT0879n9w35GD-Aw""#
      )),
    BuiltinCall(
      #"io.jwt.verify_eddsa(io.jwt.encode_sign({"alg":"EdDSA"},{"a":1},{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}), json.marshal({"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}))"#,
      .answers(#"false"#)),
    BuiltinCall(
      #"io.jwt.encode_sign_raw(`{"typ":"JWT","alg":"HS256"}`,`{x`,`{"kty":"oct","k":"YWJj"}`)"#,
      .fails(#"eval_builtin_error: io.jwt.encode_sign_raw: type is JWT but payload is not JSON"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check(with: PolicyFunctions.builtins)
  }
}
