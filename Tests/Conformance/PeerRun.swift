import CanonicalJSON
import Fixtures
import Foundation
import Rego

/// Asks this engine and another for the same documents of generated policies, and lists what differs.
struct PeerRun {
  let count: Int
  let seed: UInt64
  /// `NAME=COMMAND` of the other engine.
  let peer: String
  /// A list of differences that are known, each with its reason: `CLASS<tab>reason`, as ``Difference`` names
  /// them, or `SEED:NUMBER<tab>reason`.
  let known: String?

  /// How long the other engine may take for one policy; it is ended then, and begun anew.
  private static let seconds: Int32 = 10
  /// How many differences are printed whole.
  private static let shown = 100

  func run() throws -> Bool {
    var generator = PolicyGenerator(seed: seed)
    var process = try PeerProcess(peer)
    let name = process.name
    let reasons = try KnownList.read(known)
    var (listed, wrong, unanswered) = (0, 0, 0)
    var outcomes: [String: Int] = [:]
    var differences = 0
    var classes: [String: Int] = [:]
    for number in 0..<count {
      let policy = generator.policy()
      let input = generator.input()
      let document = try JSONParser.parse(Array(input.utf8))
      let ours = PeerRun.answer(policy, document)
      let theirs: Answer
      do {
        theirs = PeerRun.answer(
          try process.ask(
            ["policy": JSONValue(policy), "input": document, "query": "data.t.x"],
            seconds: PeerRun.seconds))
      } catch is PeerProcess.Fault {
        // That it hangs or ends says nothing of this engine, which has answered.
        unanswered += 1
        process = try PeerProcess(peer)
        continue
      }
      let reason = reasons["\(seed):\(number)"]
      guard !ours.isSame(as: theirs) else {
        outcomes[ours.kind, default: 0] += 1
        if let reason {
          wrong += 1
          print("\(seed):\(number) is answered alike, and is listed: \(reason)")
        }
        continue
      }
      if reason != nil {
        listed += 1
        continue
      }
      let difference = PeerRun.difference(ours, theirs, policy, document)
      if let difference, reasons[difference.rawValue] != nil {
        classes[difference.rawValue, default: 0] += 1
        continue
      }
      differences += 1
      if differences <= PeerRun.shown {
        print(
          "--- \(seed):\(number) \(difference?.rawValue ?? "")\n\(policy)# input \(input)\n# ours:  \(ours.whole)\n# \(name): \(theirs.whole)"
        )
      }
    }
    for (kind, count) in outcomes.sorted(by: { $0.key < $1.key }) { print("\(kind): \(count)") }
    for (name, count) in classes.sorted(by: { $0.key < $1.key }) {
      print("known: \(name): \(count)")
      listed += count
    }
    print(
      "\(count) policies, seed \(seed): \(differences) answered differently from \(name), \(listed) more are listed, \(unanswered) it did not answer"
    )
    return differences == 0 && wrong == 0
  }

  /// What is compared: a value's text, `undefined`, or the codes of errors.
  private struct Answer {
    let kind: String
    let text: String
    let whole: String
    var value: Value?

    /// How far it came.
    enum Stage {
      case compilation
      case evaluation
      case answered
    }

    var stage: Stage {
      kind.hasPrefix("rego_") ? .compilation : kind.hasPrefix("eval_") ? .evaluation : .answered
    }

    /// Numbers equal in value are the same answer.
    func isSame(as other: Answer) -> Bool {
      value != nil ? value == other.value : text == other.text
    }
  }

  /// The kinds of differences that have one cause each; in all but one, not both engines give a value.
  private enum Difference: String {
    /// An error here, an answer there, and the same answer here if errors of builtins are let pass.
    case errorMetHere = "error-met-here"
    /// Rules or functions with several values here, an answer there.
    case conflictMetHere = "conflict-met-here"
    /// An answer here, an error of the evaluation there.
    case errorMetThere = "error-met-there"
    case otherErrorFirst = "other-error-first"
    case refusedHere = "refused-here"
    case refusedThere = "refused-there"
    case refusedOtherwise = "refused-otherwise"
    /// Two lists that differ only in how often they hold an element.
    case repeatedElements = "repeated-elements"
  }

  private static func difference(
    _ ours: Answer, _ theirs: Answer, _ policy: String, _ input: JSONValue
  ) -> Difference? {
    switch (ours.stage, theirs.stage) {
    case (.answered, .answered):
      guard let one = ours.value, let other = theirs.value else { return nil }
      return one.withoutRepetitions == other.withoutRepetitions ? .repeatedElements : nil
    case (.answered, .evaluation): return .errorMetThere
    case (.evaluation, .evaluation): return .otherErrorFirst
    case (.evaluation, .answered):
      if ours.kind == "eval_conflict_error" { return .conflictMetHere }
      let lenient = answer(policy, input, isStrict: false)
      return lenient.isSame(as: theirs)
        ? .errorMetHere
        : lenient.kind == "eval_conflict_error" ? .conflictMetHere : nil
    case (.compilation, .compilation): return .refusedOtherwise
    case (.compilation, _): return .refusedHere
    case (_, .compilation): return .refusedThere
    }
  }

  private static func answer(_ peer: JSONValue) -> Answer {
    if let value = peer["value"] {
      let text = Value(value).jsonText
      return Answer(kind: "value", text: text, whole: text, value: Value(value))
    }
    guard let message = peer["error"]?.string?.text else {
      return Answer(kind: "undefined", text: "undefined", whole: "undefined")
    }
    let words = message.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    let code = words.first {
      $0.hasSuffix("_error") && ($0.hasPrefix("rego_") || $0.hasPrefix("eval_"))
    }
    return Answer(
      kind: code.map(String.init) ?? "error", text: code.map(String.init) ?? "error", whole: message
    )
  }

  private static func answer(
    _ policy: String, _ input: JSONValue, isStrict: Bool = true
  ) -> Answer {
    do {
      let compiled = try CompiledPolicy(
        modules: [SourceFile(name: "p.rego", text: Array(policy.utf8))])
      let value = try compiled.answers([["t", "x"]], input: input, isStrict: isStrict)[0].value
      let text = value.map { Value($0.json).jsonText } ?? "undefined"
      return Answer(
        kind: value == nil ? "undefined" : "value", text: text, whole: text,
        value: value.map { Value($0.json) })
    } catch {
      return Answer(kind: error.code, text: error.code, whole: "\(error)")
    }
  }
}

extension Value {
  /// Lists as sets of their elements, at every level.
  fileprivate var withoutRepetitions: Value {
    switch self {
    case .array(let elements):
      .array(Set(elements.map(\.withoutRepetitions)).sorted())
    case .object(let object):
      .object(
        ObjectValue(
          unsorted: object.pairs.map {
            ObjectValue.Pair(key: $0.key, value: $0.value.withoutRepetitions)
          }))
    default: self
    }
  }

  fileprivate var jsonText: String {
    var bytes: [UInt8] = []
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
