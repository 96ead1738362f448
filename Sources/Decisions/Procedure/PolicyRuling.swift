package import CanonicalJSON
import Keys
package import Rego
package import Statements

/// The policy in force: its record and the compiled bundle.
package struct PolicyInForce: Sendable {
  package let record: DecisionMade.Policy
  package let compiled: CompiledPolicy
  /// What ``PolicyRuling`` asks for.
  fileprivate let documents: CompiledPolicy.Documents

  package init(record: DecisionMade.Policy, compiled: CompiledPolicy) {
    self.record = record
    self.compiled = compiled
    documents = compiled.documents(at: PolicyRuling.paths)
  }
}

/// What a policy says of one input.
package struct PolicyRuling: Sendable {
  package enum Answer: Sendable, Equatable {
    case allow
    case deny([Reason])
    case hold(ApprovalRule)
  }

  package let answer: Answer
  /// Every rule that matched, as `file:line`.
  package let rules: [ByteString]
  /// The release of the time-zone database, if the answer rests on it.
  package let zones: ByteString?

  /// Says that an evaluation has to end, whatever it has come to.
  package typealias Watchdog = @Sendable () -> Bool

  /// An evaluation that its watchdog ended: there is no answer, and so nothing to record.
  package struct Interrupted: Error {}

  /// What a policy's builtins are given: the instant of the decision as their clock, which the input
  /// states, so that the policy answers the same when it is asked again.
  package static func environment(
    of input: JSONValue, watchdog: Watchdog? = nil
  ) -> BuiltinContext.Environment {
    var environment = BuiltinContext.Environment(isOutOfTime: watchdog)
    if let text = input["time"]?.string, let time = Timestamp(text) {
      let (nanoseconds, overflow) = time.milliseconds.multipliedReportingOverflow(by: 1_000_000)
      environment.now = overflow ? nil : nanoseconds
    }
    return environment
  }

  fileprivate static let paths: [[ByteString]] = ["deny", "require_approval", "allow", "approval"]
    .map { ["agent", "authz", $0] }

  /// Asks a policy: `deny` beats `require_approval`, which beats `allow`; nothing said is deny.
  ///
  /// Anything of the wrong kind is `policy_error`, a denial; so is an error of a builtin, which might
  /// else leave a `deny` or an `approval` undefined.
  ///
  /// - Throws: ``Interrupted`` if the watchdog ended the evaluation.
  package static func ask(
    _ policy: PolicyInForce, input: JSONValue, standard: ApprovalRule, watchdog: Watchdog? = nil
  ) throws(Interrupted) -> PolicyRuling {
    let answers: [CompiledPolicy.Answer]
    do {
      answers = try policy.compiled.answers(
        policy.documents, input: .json(input), isStrict: true,
        environment: environment(of: input, watchdog: watchdog))
    } catch {
      if error.code == PolicyFault.cancelled { throw Interrupted() }
      return error.ruling
    }
    let rules = answers.flatMap(\.rules)
    let zones = answers.last?.zones
    func failed(_ detail: String) -> PolicyRuling {
      PolicyRuling(
        answer: .deny([Reason(code: "policy_error", detail: ByteString(detail))]), rules: rules,
        zones: zones)
    }
    func ruling(_ answer: Answer) -> PolicyRuling {
      PolicyRuling(answer: answer, rules: rules, zones: zones)
    }
    switch answers[0].value {
    case nil, .bool(false)?: break
    case .bool(true)?:
      let place = answers[0].rules.first.map { " by \($0.text)" } ?? ""
      return ruling(
        .deny([Reason(code: "policy_denied", detail: ByteString("denied\(place)"))]))
    case .set(let messages)?:
      if !messages.elements.isEmpty {
        return ruling(
          .deny(
            messages.elements.prefix(16).map { message in
              let text = if case .string(let text) = message { text } else { message.jsonText }
              return Reason(code: "policy_denied", detail: text)
            }))
      }
    default: return failed("deny is neither a boolean nor a set of messages")
    }
    switch answers[1].value {
    case nil, .bool(false)?: break
    case .bool(true)?:
      guard let value = answers[3].value else { return ruling(.hold(standard)) }
      do {
        return ruling(
          .hold(try ApprovalRule(value.json, path: "approval", absent: standard)))
      } catch {
        return failed("\(error)")
      }
    default: return failed("require_approval is not a boolean")
    }
    switch answers[2].value {
    case .bool(true)?: return ruling(.allow)
    case nil, .bool(false)?:
      return ruling(
        .deny([Reason(code: "policy_denied", detail: "no rule of the policy allows it")]))
    default: return failed("allow is not a boolean")
    }
  }
}

extension PolicyFault {
  fileprivate var ruling: PolicyRuling {
    PolicyRuling(
      answer: .deny([Reason(code: "policy_error", detail: ByteString(description))]), rules: [],
      zones: nil)
  }
}

extension Value {
  fileprivate var jsonText: ByteString {
    ByteString(validating: (try? json.canonicalBytes()) ?? []) ?? ""
  }
}
