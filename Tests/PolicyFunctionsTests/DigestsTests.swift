import PolicyFunctions
import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct DigestsTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[crypto.md5("a"), crypto.sha1("a"), crypto.sha256("a"), crypto.sha256("")]"#,
      .answers(
        #"["0cc175b9c0f1b6a831c399e269772661","86f7e437faa5a7fce15d1ddcb9eaeaea377667b8","ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]"#
      )),
    BuiltinCall(
      #"[crypto.hmac.md5("a","k"), crypto.hmac.sha1("a","k"), crypto.hmac.sha256("a","k"), crypto.hmac.sha512("a","k")]"#,
      .answers(
        #"["ddcf3d210049e7135f61affae73731cd","40e7d441cadb17b07f050341aa23a6820ed81c8b","78da91511e675587f5b9df78bedebaf5560da2abb88162ee875dcdf744951d9e","82e0c15e0d62ab17984bea225bf7d28ad54f343dd6520c283c3a2cd43852a2f79c349cc9b7583317399ee38d722489b45a942667e55bc38c42a5bb203c0900c7"]"#
      )),
    BuiltinCall(
      #"[crypto.hmac.equal("a","a"), crypto.hmac.equal("a","b"), crypto.hmac.equal("a","aa")]"#,
      .answers(#"[true,false,false]"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check(with: PolicyFunctions.builtins)
  }
}
