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
    BuiltinCall(
      #"[io.jwt.verify_rs384("eyJhbGciOiJSUzM4NCJ9.eyJhIjoxfQ.iuabfm-bdesTN8I5WpjzdmVcKZlr5XYvD8Pi43vbmb2ABrahOG2PIv9ijRUF6_bNc6CocFOJ_UOjuYC76WLrXqj9ondLsIxIAKd3vfGca-_9ti60UVBbslwFX7tZpOUI_yzf_wgfWkIpkbbIJj2_eYYL5O4CQvbcR4WdXzyqkv0wuWXzkK6dcdu0WzqLvKYQ8P1bTxs3Kn7D6YiTxu3taIZffYv-Cj_K9lARm74JuJZiYTQUZU-CsPb6xiT-uUCrOG7BSjB6Rr_g3-3UauZDZV-du3j_yo7TFDkem2LMyXe5fENd3cENNVBGGEqMCraJKZdndAQRh-pEaRzh-EcMVw","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n"), io.jwt.verify_rs384("eyJhbGciOiJSUzM4NCJ9.eyJhIjoxfQ.iuabfm-adesTN8I5WpjzdmVcKZlr5XYvD8Pi43vbmb2ABrahOG2PIv9ijRUF6_bNc6CocFOJ_UOjuYC76WLrXqj9ondLsIxIAKd3vfGca-_9ti60UVBbslwFX7tZpOUI_yzf_wgfWkIpkbbIJj2_eYYL5O4CQvbcR4WdXzyqkv0wuWXzkK6dcdu0WzqLvKYQ8P1bTxs3Kn7D6YiTxu3taIZffYv-Cj_K9lARm74JuJZiYTQUZU-CsPb6xiT-uUCrOG7BSjB6Rr_g3-3UauZDZV-du3j_yo7TFDkem2LMyXe5fENd3cENNVBGGEqMCraJKZdndAQRh-pEaRzh-EcMVw","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"[io.jwt.verify_rs512("eyJhbGciOiJSUzUxMiJ9.eyJhIjoxfQ.i0IGpKdViWuBz7wZ798pV9KC7TKaBr6lBcFYS35D9TwprAfQqHT6o94FsQ4DpHq_ae0e1jzlYErNV6iK9TeHWAxss3i6bgcaS9ndOrZQLgRjaKCLjAbW9vlmFio8sxvgnR_TPaJ_HOykuqAchZ05gMZg-Slu0lpFJ1JUzEDHd3W1TPF8DxwFjqHCR5YzXjUMaba37yHuQd60O3k9rxTVvUjajLEbGV_hpT-VzBgGxTMiz98KnfNj2vs-DNtMDCZHZVoPzMV6IFoZ6HPEwjnK7PPMKQR0w8DFljK-ZlgOM4oUegjSJyiesNiMiSuOQIew1c5fTmQNzOuJvMueX-xzmA","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n"), io.jwt.verify_rs512("eyJhbGciOiJSUzUxMiJ9.eyJhIjoxfQ.i0IGpKdUiWuBz7wZ798pV9KC7TKaBr6lBcFYS35D9TwprAfQqHT6o94FsQ4DpHq_ae0e1jzlYErNV6iK9TeHWAxss3i6bgcaS9ndOrZQLgRjaKCLjAbW9vlmFio8sxvgnR_TPaJ_HOykuqAchZ05gMZg-Slu0lpFJ1JUzEDHd3W1TPF8DxwFjqHCR5YzXjUMaba37yHuQd60O3k9rxTVvUjajLEbGV_hpT-VzBgGxTMiz98KnfNj2vs-DNtMDCZHZVoPzMV6IFoZ6HPEwjnK7PPMKQR0w8DFljK-ZlgOM4oUegjSJyiesNiMiSuOQIew1c5fTmQNzOuJvMueX-xzmA","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"[io.jwt.verify_ps256("eyJhbGciOiJQUzI1NiJ9.eyJhIjoxfQ.O8wFtUCA1EnYpDnsde_vmdNf8w0RsdQJfEHgkzj7uLODGJcC1Hx7tMMduOTjrQS5bBDzE71xYnD4mo3aRZSeL00RfYDcF7PILTg6n9xsomiDbyo2BGJZ7f0EuStLNMkQwbSyA9S5CILgrCNBUhTxRLe3u454T5DX21x7u6UZq4hVXOjee5RdSiHB6gYnnjj1CB8x49324qZTBqKB187WmPXnXXk9hfDlPfxPLZt6_MPAP0vF5AGw47Nqk7M15V5MG_K_0QfC_W2Agce_J8wiHUL_kotwDPGFnUg5YLvOPTK2_MuKxPP7W0m-yrhLZ-k1LEkuk_Tr1ZpWIuHlNdodyw","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n"), io.jwt.verify_ps256("eyJhbGciOiJQUzI1NiJ9.eyJhIjoxfQ.O8wFtUCB1EnYpDnsde_vmdNf8w0RsdQJfEHgkzj7uLODGJcC1Hx7tMMduOTjrQS5bBDzE71xYnD4mo3aRZSeL00RfYDcF7PILTg6n9xsomiDbyo2BGJZ7f0EuStLNMkQwbSyA9S5CILgrCNBUhTxRLe3u454T5DX21x7u6UZq4hVXOjee5RdSiHB6gYnnjj1CB8x49324qZTBqKB187WmPXnXXk9hfDlPfxPLZt6_MPAP0vF5AGw47Nqk7M15V5MG_K_0QfC_W2Agce_J8wiHUL_kotwDPGFnUg5YLvOPTK2_MuKxPP7W0m-yrhLZ-k1LEkuk_Tr1ZpWIuHlNdodyw","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"[io.jwt.verify_ps384("eyJhbGciOiJQUzM4NCJ9.eyJhIjoxfQ.e5EkJxqbEcE0s-IeG7Pul9X9YtEw27fhkuDGQ87biBZ77KFqmR04_dOgIegADiXGLca10g_RLzjNlshLDduolgWA2C-B2aQ60c8VCrmEZ8HLglfeMyaQBxSmMeMxzK_Ar1MU17Zi0svMWoPTkLurhbbnOrChyXPquRMKh51fb75QK3GJNBjpNaU7NBUO82T1ZeueOIialymbTq9nUxyWt8sy-FlQ-qBEC5B0sKEWGtEmwftlNASp6gnFtgdLHuKH0ELAylHWp3kk1UQb0t1rVylZAq5DR1Hh8oNVrV6hiEOp16YuPUcn8T_TMPq_QZ2SvNvVhOYqi_AuOl0wkQngtA","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n"), io.jwt.verify_ps384("eyJhbGciOiJQUzM4NCJ9.eyJhIjoxfQ.e5EkJxqaEcE0s-IeG7Pul9X9YtEw27fhkuDGQ87biBZ77KFqmR04_dOgIegADiXGLca10g_RLzjNlshLDduolgWA2C-B2aQ60c8VCrmEZ8HLglfeMyaQBxSmMeMxzK_Ar1MU17Zi0svMWoPTkLurhbbnOrChyXPquRMKh51fb75QK3GJNBjpNaU7NBUO82T1ZeueOIialymbTq9nUxyWt8sy-FlQ-qBEC5B0sKEWGtEmwftlNASp6gnFtgdLHuKH0ELAylHWp3kk1UQb0t1rVylZAq5DR1Hh8oNVrV6hiEOp16YuPUcn8T_TMPq_QZ2SvNvVhOYqi_AuOl0wkQngtA","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"[io.jwt.verify_ps512("eyJhbGciOiJQUzUxMiJ9.eyJhIjoxfQ.N00DAFdO1tg1EoYNQKXJjwxdqmJKiW7gON566nbHm-9Bi2gMFgRtW5jrDEqDEH5Xmn3E2UGiTrihh_JVBbZdQLsxeSbhjZT7XNSY_wn-U6eakzUDH-fV8MPl2MsaUR4Bde4EnidI2nTbe4-a4uGsSrkah8WxO4oYwFukRJQjHOdE5YfnSLx4A4fCjpZ0I9UUtuM1qxDGnbCqw9-HrAUR9QgLIU60-aysdR5PJzWgYiOlGrX3V-LD5JWuV8mVIrJeAOWfpZezXduEMBBBi3f-cFmaPZBoz-03blGJ573xwZh5wWjfm27kLY46qXed52nDw0ftEWM40AsAlBCCNGKPHQ","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n"), io.jwt.verify_ps512("eyJhbGciOiJQUzUxMiJ9.eyJhIjoxfQ.N00DAFdP1tg1EoYNQKXJjwxdqmJKiW7gON566nbHm-9Bi2gMFgRtW5jrDEqDEH5Xmn3E2UGiTrihh_JVBbZdQLsxeSbhjZT7XNSY_wn-U6eakzUDH-fV8MPl2MsaUR4Bde4EnidI2nTbe4-a4uGsSrkah8WxO4oYwFukRJQjHOdE5YfnSLx4A4fCjpZ0I9UUtuM1qxDGnbCqw9-HrAUR9QgLIU60-aysdR5PJzWgYiOlGrX3V-LD5JWuV8mVIrJeAOWfpZezXduEMBBBi3f-cFmaPZBoz-03blGJ573xwZh5wWjfm27kLY46qXed52nDw0ftEWM40AsAlBCCNGKPHQ","-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo9rUIKbOXhMI/E+hBsxz\nqgjOfxSN6koHnF9bOHI4pMv2MU+zclw8kM6z/J1YIHxmXcMEAxETVUo8QvFCjxPa\nBkzscyDpCFRy1gGJ+r3cOZHkMLyE/piWW+W5dPZ269Df70NlbTzJeoAZUD+1036+\n1qJlgcYbZCzOS3cXp1tH0cAGvFHfXW4hQWWj20CmvuhjEcrvHP2cffitAgDXmoRP\nssJ1XG/Qyc+t6/eCj4JoyAR1OefXuLP8uZK63L6x9BPimlDhNjdE2uvJrjzQQVWT\nZyrRptWgMd5v6StmGm17dmwKATUKbMWIWPcbqcB2VtdkZNVtXJUjzchNW9sxr6K8\n3wIDAQAB\n-----END PUBLIC KEY-----\n")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"[io.jwt.verify_es256("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.74_SYtEFShmEM75y86Apt10DpDTEIs0U4L8l3-EGMjtDJ8Ajtdk279CcpKrVVMQaihW054vjKrJ5c6fWFmNyQA","-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkBlNr6ZZxyNZshLiBDuvHIUrBBac\nXlr/UROx8Zm8Q1KvQfChRd7PUnq/CTbdA6NU9rGWG5UbtXuFytKULsLskg==\n-----END PUBLIC KEY-----\n"), io.jwt.verify_es256("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.74_SYtEEShmEM75y86Apt10DpDTEIs0U4L8l3-EGMjtDJ8Ajtdk279CcpKrVVMQaihW054vjKrJ5c6fWFmNyQA","-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkBlNr6ZZxyNZshLiBDuvHIUrBBac\nXlr/UROx8Zm8Q1KvQfChRd7PUnq/CTbdA6NU9rGWG5UbtXuFytKULsLskg==\n-----END PUBLIC KEY-----\n")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"[io.jwt.verify_es384("eyJhbGciOiJFUzM4NCJ9.eyJhIjoxfQ.Odz7vRkt64N0hJ72jX7Lw6Cz7g3S0NWbvSDX2NOh095TvDxvBcjAbTj6oUMYPJejoI9td-0SBDCKoyDaQT_57dGSbMkD3BumHAB2fnwu_uArPOVjCvAT3Unh3a4mcllD","-----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEzoFdHunkeWeif8RLb5uVGcF68CUiF7LA\naebpcCPLdjy8jvFqkrPcd3QFY8V/Rq4DldPoiAUEScmtG03uSAfZa3zhciACf2jQ\npOqCcnRa4NSTkuvhg3iUhcTUHr1ueRfa\n-----END PUBLIC KEY-----\n"), io.jwt.verify_es384("eyJhbGciOiJFUzM4NCJ9.eyJhIjoxfQ.Odz7vRks64N0hJ72jX7Lw6Cz7g3S0NWbvSDX2NOh095TvDxvBcjAbTj6oUMYPJejoI9td-0SBDCKoyDaQT_57dGSbMkD3BumHAB2fnwu_uArPOVjCvAT3Unh3a4mcllD","-----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEzoFdHunkeWeif8RLb5uVGcF68CUiF7LA\naebpcCPLdjy8jvFqkrPcd3QFY8V/Rq4DldPoiAUEScmtG03uSAfZa3zhciACf2jQ\npOqCcnRa4NSTkuvhg3iUhcTUHr1ueRfa\n-----END PUBLIC KEY-----\n")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"[io.jwt.verify_es512("eyJhbGciOiJFUzUxMiJ9.eyJhIjoxfQ.AIDldpjggOuyXQuSLqdv9KGJgqbD2mCR_ks74SoUDMe7Of5Q5KtfPis8XdaGIWRFI6GfKykQP6lUE54ZPyx9tNLQAMgsyqvdLT-ysc7a_8Y_QpJzWg2qOOvfCOUUmUH97UK4H1HevUwSB1f7YxnqQjTqcaJcY7A99h1er-_SLv8wxma2","-----BEGIN PUBLIC KEY-----\nMIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAtZz4tsYpF/4lRPMABiRQB52fcsF2\nWUkIeKqEomDwvibW8vgpxN468cT4Xw8qe+ggOpa8Ts8C1GfGlojhmuZU3GgBAU18\nqEeVxGjjmsQ24vyAlTMs7B2CEPqXKNAjV1nL+/tK5fv3fabl1AfW72QJTxFGkfnD\nfI6httIph4BUdgaPHyQ=\n-----END PUBLIC KEY-----\n"), io.jwt.verify_es512("eyJhbGciOiJFUzUxMiJ9.eyJhIjoxfQ.AIDldpjhgOuyXQuSLqdv9KGJgqbD2mCR_ks74SoUDMe7Of5Q5KtfPis8XdaGIWRFI6GfKykQP6lUE54ZPyx9tNLQAMgsyqvdLT-ysc7a_8Y_QpJzWg2qOOvfCOUUmUH97UK4H1HevUwSB1f7YxnqQjTqcaJcY7A99h1er-_SLv8wxma2","-----BEGIN PUBLIC KEY-----\nMIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAtZz4tsYpF/4lRPMABiRQB52fcsF2\nWUkIeKqEomDwvibW8vgpxN468cT4Xw8qe+ggOpa8Ts8C1GfGlojhmuZU3GgBAU18\nqEeVxGjjmsQ24vyAlTMs7B2CEPqXKNAjV1nL+/tK5fv3fabl1AfW72QJTxFGkfnD\nfI6httIph4BUdgaPHyQ=\n-----END PUBLIC KEY-----\n")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"[io.jwt.verify_hs512("eyJhbGciOiJIUzUxMiJ9.eyJhIjoxfQ.y1FMstyNWrb2C5yO8VRNbeDc8jaBHPeH94IkmjZOwH_S3RT_onR5srWH16XlPRLyrw1IOdrVP_Y8Ly8VZGL0tg","abc"), io.jwt.verify_hs512("eyJhbGciOiJIUzUxMiJ9.eyJhIjoxfQ.y1FMstyNWrb2C5yO8VRNbeDc8jaBHPeH94IkmjZOwH_S3RT_onR5srWH16XlPRLyrw1IOdrVP_Y8Ly8VZGL0tg","abd")]"#,
      .answers(#"[true,false]"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check(with: PolicyFunctions.builtins)
  }
}
