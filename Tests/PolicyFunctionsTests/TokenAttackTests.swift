import PolicyFunctions
import TestSupport
import Testing

/// Tokens and keys that are not what they claim to be, and what OPA answers to them.
@Suite struct TokenAttackTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.UAyljEtxuHoFZKUMMu_hPdP-yRoMsccVnW9z4cUYfChuue_4HuAA1A46Cd8ElRiTTzZqtpCK8DwowpUbLS-NNh-CQRfViGAt_IB6AkmNyqD4USB4yljOObzEcBvYQHY_qy8I7d-4tNvMnJAoipU9mQF2mk94ntGGw7kbfjXS-6suEl9oJ3qelNwHiVzuREugTGiBB_fUUE0LDNxBHumfC9EccS79YK_4EFj3E2oCDNrfQrbPkpcwIFW1CWwsAGV08amJEQcsI8tyA3xYf41Vp9volZ6nLrQnfhc953YJzb-IjsyKNPo6LDqE4vJd-OzxtV507JD2mo4BAGkSvPuRUw",{"cert":"-----BEGIN PUBLIC KEY-----\r\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAy2KqReOYnUfltMei3+cu\r\nC86pq2fZuVdQ+cAvBmTS7pmhZ364Y8LRt54PwcQ5RmvTvcbGvtvf1UQ0T/z/9pdQ\r\nRwztdfh8MS62xsOJSYhcRwt128YALfn+mSy2KyyCRVP9ue+ecfTCQdIP+NTMjZYx\r\nh3QH9VJDsJeI6NKcq/FPKLAxGkT64Hemkml/ut4FibQYty33i/MxTNSW8rZBAlZS\r\non7UHDmZ+Bvg1Q7Oip4trep64TFH6/vOompKt5meVUBjZ7rnuUuYv1LMTBxKISZe\r\nBush2RLhtBGRE94ApQ5rjzZnXpfFHGcNLbklxAo5agZ0PANQVomEXYzEMX2U7dxj\r\nPwIDAQAB\r\n-----END PUBLIC KEY-----\r\n"})"#,
      .answers(#"[true,{"alg":"RS256"},{"a":1}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.I5J8PPRjr-yNqchySpV42OfTtiuL62rqezJq_C-I75iE8umLf1tEq0IHoAiHpEjhLhO63R-9ktZGvPUmaSSZ793TsQCh6jQxCpd7QrMrj1s48i8wrMv1hv1_kdKziq9gPWyqorDACg_nqFY2QvI4KA-oDOCzBjWH-M9J0F4hc2E",{"cert":"{\"kty\": \"RSA\", \"n\": \"oGAMOlU0xe6fA4k3v-K1a2cU206I75ZQOO7dYW-RVDk_S2pUOO9GPhFXgDri7Fh7DvuKEwJgTobCEbewwU6mbwzuIZ0suOTXwNHjzYwLuLR_eMAda6hJmbZctzXNLkLhkmMx0GojtpxA1t9UMCFvBq2H4jw5dn0ZUMV3HlVo5c8\", \"e\": \"AQAB\"}"})"#,
      .answers(#"[true,{"alg":"RS256"},{"a":1}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.aSpmvKYEj_KST34UuxH8pjfot1bpD02tYIYjAQReetI",{"cert":"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAy2KqReOYnUfltMei3+cu\nC86pq2fZuVdQ+cAvBmTS7pmhZ364Y8LRt54PwcQ5RmvTvcbGvtvf1UQ0T/z/9pdQ\nRwztdfh8MS62xsOJSYhcRwt128YALfn+mSy2KyyCRVP9ue+ecfTCQdIP+NTMjZYx\nh3QH9VJDsJeI6NKcq/FPKLAxGkT64Hemkml/ut4FibQYty33i/MxTNSW8rZBAlZS\non7UHDmZ+Bvg1Q7Oip4trep64TFH6/vOompKt5meVUBjZ7rnuUuYv1LMTBxKISZe\nBush2RLhtBGRE94ApQ5rjzZnXpfFHGcNLbklxAo5agZ0PANQVomEXYzEMX2U7dxj\nPwIDAQAB\n-----END PUBLIC KEY-----\n"})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.verify_rs256("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.aSpmvKYEj_KST34UuxH8pjfot1bpD02tYIYjAQReetI","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAy2KqReOYnUfltMei3+cu\nC86pq2fZuVdQ+cAvBmTS7pmhZ364Y8LRt54PwcQ5RmvTvcbGvtvf1UQ0T/z/9pdQ\nRwztdfh8MS62xsOJSYhcRwt128YALfn+mSy2KyyCRVP9ue+ecfTCQdIP+NTMjZYx\nh3QH9VJDsJeI6NKcq/FPKLAxGkT64Hemkml/ut4FibQYty33i/MxTNSW8rZBAlZS\non7UHDmZ+Bvg1Q7Oip4trep64TFH6/vOompKt5meVUBjZ7rnuUuYv1LMTBxKISZe\nBush2RLhtBGRE94ApQ5rjzZnXpfFHGcNLbklxAo5agZ0PANQVomEXYzEMX2U7dxj\nPwIDAQAB\n-----END PUBLIC KEY-----\n")"#,
      .answers(#"false"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJub25lIn0.eyJhIjoxfQ.",{"cert":"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAy2KqReOYnUfltMei3+cu\nC86pq2fZuVdQ+cAvBmTS7pmhZ364Y8LRt54PwcQ5RmvTvcbGvtvf1UQ0T/z/9pdQ\nRwztdfh8MS62xsOJSYhcRwt128YALfn+mSy2KyyCRVP9ue+ecfTCQdIP+NTMjZYx\nh3QH9VJDsJeI6NKcq/FPKLAxGkT64Hemkml/ut4FibQYty33i/MxTNSW8rZBAlZS\non7UHDmZ+Bvg1Q7Oip4trep64TFH6/vOompKt5meVUBjZ7rnuUuYv1LMTBxKISZe\nBush2RLhtBGRE94ApQ5rjzZnXpfFHGcNLbklxAo5agZ0PANQVomEXYzEMX2U7dxj\nPwIDAQAB\n-----END PUBLIC KEY-----\n"})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.Xah30JRrJFHYdisVPpupP1xGrGmAHkE_qBCuRWXrt-lozRsncfFmGV3e4AEfbJXLZ7TtsX8jAS1vppSsEs-3WA",{"cert":"{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"IWZBEzR3cu9TpX_Wij4jBSw0x0NiLK81YIq-Tl3sRKw\", \"y\": \"Qm5FAUZ_mKvS8K7MqeD7MHV0UVwMAJvPdNNn90CnlgE\"}"})"#,
      .answers(#"[true,{"alg":"ES256"},{"a":1}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.MEUCIQD-nZszeVsMUKyQ-5_l-Qxhe_MsyXTcTrAtUq-fslUbBwIgBJicFxPL3UDfYxKuDdA5GZQ3BoAaK1b2gczBb1LLaVA",{"cert":"{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"IWZBEzR3cu9TpX_Wij4jBSw0x0NiLK81YIq-Tl3sRKw\", \"y\": \"Qm5FAUZ_mKvS8K7MqeD7MHV0UVwMAJvPdNNn90CnlgE\"}"})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",{"cert":"{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"IWZBEzR3cu9TpX_Wij4jBSw0x0NiLK81YIq-Tl3sRKw\", \"y\": \"Qm5FAUZ_mKvS8K7MqeD7MHV0UVwMAJvPdNNn90CnlgE\"}"})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.Xah30JRrJFHYdisVPpupP1xGrGmAHkE_qBCuRWXrt-lozRsncfFmGV3e4AEfbJXLZ7TtsX8jAS1vppSsEs-3WA",{"cert":"{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"IWZBEzR3cu9TpX_Wij4jBSw0x0NiLK81YIq-Tl3sRA\", \"y\": \"rEJuRQFGf5ir0vCuzKng-zB1dFFcDACbz3TTZ_dAp5YB\"}"})"#,
      .fails(
        #"eval_builtin_error: io.jwt.decode_verify: failed to parse a JWK key (set): jwk.Parse: malformed key"#
      )),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.Xah30JRrJFHYdisVPpupP1xGrGmAHkE_qBCuRWXrt-lozRsncfFmGV3e4AEfbJXLZ7TtsX8jAS1vppSsEs-3WA",{"cert":"{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"ACFmQRM0d3LvU6V_1oo-IwUsNMdDYiyvNWCKvk5d7ESs\", \"y\": \"Qm5FAUZ_mKvS8K7MqeD7MHV0UVwMAJvPdNNn90CnlgE\"}"})"#,
      .fails(
        #"eval_builtin_error: io.jwt.decode_verify: failed to parse a JWK key (set): jwk.Parse: malformed key"#
      )),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.UAyljEtxuHoFZKUMMu_hPdP-yRoMsccVnW9z4cUYfChuue_4HuAA1A46Cd8ElRiTTzZqtpCK8DwowpUbLS-NNh-CQRfViGAt_IB6AkmNyqD4USB4yljOObzEcBvYQHY_qy8I7d-4tNvMnJAoipU9mQF2mk94ntGGw7kbfjXS-6suEl9oJ3qelNwHiVzuREugTGiBB_fUUE0LDNxBHumfC9EccS79YK_4EFj3E2oCDNrfQrbPkpcwIFW1CWwsAGV08amJEQcsI8tyA3xYf41Vp9volZ6nLrQnfhc953YJzb-IjsyKNPo6LDqE4vJd-OzxtV507JD2mo4BAGkSvPuRUw",{"cert":"{\"kty\": \"RSA\", \"n\": \"y2KqReOYnUfltMei3-cuC86pq2fZuVdQ-cAvBmTS7pmhZ364Y8LRt54PwcQ5RmvTvcbGvtvf1UQ0T_z_9pdQRwztdfh8MS62xsOJSYhcRwt128YALfn-mSy2KyyCRVP9ue-ecfTCQdIP-NTMjZYxh3QH9VJDsJeI6NKcq_FPKLAxGkT64Hemkml_ut4FibQYty33i_MxTNSW8rZBAlZSon7UHDmZ-Bvg1Q7Oip4trep64TFH6_vOompKt5meVUBjZ7rnuUuYv1LMTBxKISZeBush2RLhtBGRE94ApQ5rjzZnXpfFHGcNLbklxAo5agZ0PANQVomEXYzEMX2U7dxjPw\", \"e\": \"AQAB\", \"d\": \"AQ\"}"})"#,
      .fails(
        #"eval_builtin_error: io.jwt.decode_verify: failed to parse a JWK key (set): jwk.Parse: malformed key"#
      )),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.UAyljEtxuHoFZKUMMu_hPdP-yRoMsccVnW9z4cUYfChuue_4HuAA1A46Cd8ElRiTTzZqtpCK8DwowpUbLS-NNh-CQRfViGAt_IB6AkmNyqD4USB4yljOObzEcBvYQHY_qy8I7d-4tNvMnJAoipU9mQF2mk94ntGGw7kbfjXS-6suEl9oJ3qelNwHiVzuREugTGiBB_fUUE0LDNxBHumfC9EccS79YK_4EFj3E2oCDNrfQrbPkpcwIFW1CWwsAGV08amJEQcsI8tyA3xYf41Vp9volZ6nLrQnfhc953YJzb-IjsyKNPo6LDqE4vJd-OzxtV507JD2mo4BAGkSvPuRUw",{"cert":"{\"kty\":\"oct\",\"k\":\"YWJj\",\"kty\":\"RSA\",\"n\":\"y2KqReOYnUfltMei3-cuC86pq2fZuVdQ-cAvBmTS7pmhZ364Y8LRt54PwcQ5RmvTvcbGvtvf1UQ0T_z_9pdQRwztdfh8MS62xsOJSYhcRwt128YALfn-mSy2KyyCRVP9ue-ecfTCQdIP-NTMjZYxh3QH9VJDsJeI6NKcq_FPKLAxGkT64Hemkml_ut4FibQYty33i_MxTNSW8rZBAlZSon7UHDmZ-Bvg1Q7Oip4trep64TFH6_vOompKt5meVUBjZ7rnuUuYv1LMTBxKISZeBush2RLhtBGRE94ApQ5rjzZnXpfFHGcNLbklxAo5agZ0PANQVomEXYzEMX2U7dxjPw\",\"e\":\"AQAB\"}"})"#,
      .fails(
        #"eval_builtin_error: io.jwt.decode_verify: failed to parse a JWK key (set): jwk.Parse: a member is there twice, or a text is no Unicode"#
      )),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI",{"cert":"{\"kty\":\"oct\",\"k\":\"\"}"})"#,
      .fails(
        #"eval_builtin_error: io.jwt.decode_verify: failed to parse a JWK key (set): jwk.Parse: malformed key"#
      )),
    BuiltinCall(
      #"io.jwt.encode_sign({"alg":"HS256"},{"a":1},{"kty":"oct","k":""})"#,
      .fails(#"eval_builtin_error: io.jwt.encode_sign: jwsbb.Sign: invalid key type for HS256"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI",{"secret":"abc","time":1e400})"#,
      .fails(#"eval_builtin_error: io.jwt.decode_verify: token time constraint: unvalid float64"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.GPxZWsxJ4TzXaLErFT5e_BysI2WigvmHooIktoPZRuI",{"cert":json.marshal({"keys":[{"kty":"oct","k":"YWJk","kid":sprintf("%d",[i])} | some i in numbers.range(1,500)]})})"#,
      .fails("eval_limit_error: the policy took more than 2000000 steps")),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjk5OS41fQ.1oXdaVzUV3sanhLCH0-o3iyuzbbmsICyvpftHlUPel8",{"secret":"abc","time":1000000000000})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOiIxMDAxIn0.F-rCrkjIrluneMNeHWBYW98-YszeqcWHRsYjeuhSJ4M",{"secret":"abc","time":1000000000000})"#,
      .fails(#"eval_builtin_error: io.jwt.decode_verify: exp value must be a number"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiJ9.eyJuYmYiOjFlNDAwfQ.RVOg4v0wTFi_pdg8RYs4ojU9J8CZymfIRY8rnHuIT98",{"secret":"abc","time":1000000000000})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdLCJ4IjoxfQ.e30.E7yG5xpDy2RyDvBuiXEKhyMOwcpYkYBHzZvQXBz1Wjo",{"secret":"abc","time":1000000000000})"#,
      .answers(#"[false,{},{}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJub25lIiwiYWxnIjoiSFMyNTYifQ.eyJleHAiOjEsImV4cCI6OTk5OTk5OTk5OTl9.xfywZXeFVxF9pXHII5EpQaQ95mVFhRyFJVVrXfiLmx0",{"secret":"abc","time":1000000000000})"#,
      .answers(#"[true,{"alg":"HS256"},{"exp":99999999999}]"#)),
    BuiltinCall(
      #"io.jwt.decode_verify("eyJhbGciOiJub25lIn0.e30.5P9zcUaI8sSqM43UqGPJXQLgqcWOSP5G-go4FjotziM",{"secret":"abc","time":1000000000000})"#,
      .answers(#"[false,{},{}]"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check(with: PolicyFunctions.builtins)
  }
}
