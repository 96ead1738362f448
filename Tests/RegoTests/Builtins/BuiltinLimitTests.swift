import CanonicalJSON
import Testing

@testable import Rego

/// Calls that would take much or make much: each is ended by the evaluation's limits.
@Suite struct BuiltinLimitTests {
  struct Hostile: Sendable, CustomTestStringConvertible {
    let name: String
    let arguments: [Value]

    init(_ name: String, _ arguments: Value...) {
      self.name = name
      self.arguments = arguments
    }

    var testDescription: String { name }
  }

  private static func text(_ text: String, times count: Int = 1) -> Value {
    .string(ByteString(String(repeating: text, count: count)))
  }

  private static func number(_ text: String) -> Value {
    .number(Number(text: ByteString(text)) ?? .integer(0))
  }

  private static func array(_ count: Int, of element: Value) -> Value {
    .array([Value](repeating: element, count: count))
  }

  /// Every node leads to every other.
  private static let dense: Value = {
    let nodes = (0..<12).map { Value.integer($0) }
    return .object(
      ObjectValue(sorted: nodes.map { ObjectValue.Pair(key: $0, value: .array(nodes)) }))
  }()

  private static let patch = Value.object(
    ObjectValue([
      .string("op"): .string("add"), .string("path"): .string("/-"), .string("value"): .null,
    ]))

  static let calls: [Hostile] = [
    Hostile("numbers.range", .integer(1), number("1e12")),
    Hostile("numbers.range", number("-1e400"), number("1e400")),
    Hostile("numbers.range_step", .integer(0), number("1e15"), .integer(7)),
    Hostile("bits.lsh", .integer(1), number("1000000000")),
    Hostile("plus", number("1e999999999"), .integer(1)),
    Hostile("mul", number("1e30000"), number("1e30000")),
    Hostile("div", .integer(1), number("1e-30000")),
    Hostile("round", number("1e30000")),
    Hostile("format_int", number("1e30000"), .integer(2)),
    Hostile("product", array(20_000, of: number("10000000000000000000000"))),
    Hostile("sum", array(200_000, of: .integer(1))),
    Hostile("sort", array(40_000, of: text("x", times: 64))),
    Hostile("sprintf", text("%1000000d%1000000d"), .array([.integer(1), .integer(2)])),
    Hostile("sprintf", text("%.1000000f%1000000s"), .array([number("1.5"), text("a")])),
    Hostile("concat", text("x", times: 1000), array(5000, of: text("a"))),
    Hostile("replace", text("a", times: 5000), text("a"), text("b", times: 1000)),
    Hostile("replace", text("a", times: 5000), text(""), text("b", times: 1000)),
    Hostile("split", text("a", times: 200_000), text("")),
    Hostile("regex.match", text("(a|aa|aaa|aaaa)*b"), text("a", times: 100_000)),
    Hostile("regex.match", text("(x+x+)+y"), text("x", times: 100_000)),
    Hostile("regex.find_n", text(""), text("a", times: 100_000), .integer(-1)),
    Hostile("regex.replace", text("a", times: 5000), text("a"), text("$0b", times: 500)),
    Hostile(
      "regex.find_all_string_submatch_n", text("((((((((a))))))))"), text("a", times: 50_000),
      .integer(-1)),
    Hostile("glob.match", text("{a,aa,aaa}*{a,aa}*b"), .null, text("a", times: 100_000)),
    Hostile("regex.globs_match", text("a*", times: 500), text("a*", times: 500)),
    Hostile("net.cidr_expand", text("0.0.0.0/0")),
    Hostile("net.cidr_expand", text("::/0")),
    Hostile("graph.reachable_paths", dense, .array([.integer(0)])),
    Hostile("walk", array(50_000, of: .null)),
    Hostile("json.unmarshal", text("[", times: 10_000)),
    Hostile("json.unmarshal", text("[1,", times: 200_000)),
    Hostile(
      "json.marshal_with_options", array(2000, of: .null),
      .object(ObjectValue([.string("indent"): text(" ", times: 1000)]))),
    Hostile("json.patch", array(20_000, of: .null), array(1000, of: patch)),
    Hostile("object.union_n", array(20_000, of: dense)),
    Hostile("units.parse", text("1e999999Ki")),
    Hostile("units.parse_bytes", text("1e-999999Ki")),
    Hostile("time.format", .array([.integer(0), text(""), text("January", times: 100_000)])),
    Hostile("base64.encode", text("a", times: 2_000_000)),
    Hostile("urlquery.encode", text("é", times: 1_000_000)),
    Hostile("array.concat", array(100_000, of: .null), array(100_000, of: .null)),
  ]

  @Test(arguments: calls)
  func `what takes or makes too much ends the evaluation`(call: Hostile) throws {
    let builtin = try #require(BuiltinTable.core[call.name])
    var context = BuiltinContext(environment: .init(), steps: 100_000, bytes: 1 << 20)
    do throws(BuiltinFailure) {
      _ = try builtin.body(call.arguments, &context)
      Issue.record("the call came to its end")
    } catch {
      guard case .limit = error else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test func `a program of a pattern has a limit`() throws {
    let builtin = try #require(BuiltinTable.core["regex.match"])
    var context = BuiltinContext(environment: .init(), steps: 1 << 30, bytes: 1 << 30)
    let pattern = BuiltinLimitTests.text("[a-c]{1000}", times: 30)
    do throws(BuiltinFailure) {
      _ = try builtin.body([pattern, .string("a")], &context)
      Issue.record("the pattern was compiled")
    } catch {
      guard case .failed(let message) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(message.contains("expression too large"))
    }
  }

  @Test(arguments: ["(a|aa)*b", "(a*)*b", "(.*)(.*)(.*)x", "(a|b|ab)*c"])
  func `steps of a match grow with the text only`(pattern: String) throws {
    func steps(_ count: Int) throws -> Int {
      let program = try RegexProgram(pattern)
      var context = BuiltinContext(environment: .init(), steps: 1 << 40, bytes: 1 << 40)
      var machine = RegexMachine(
        program, [UInt8](repeating: UInt8(ascii: "a"), count: count), captures: 0)
      #expect(try machine.find(from: 0, &context) == nil)
      return (1 << 40) - context.stepsLeft
    }
    let (few, many) = (try steps(2000), try steps(20_000))
    #expect(many < 11 * few)
  }
}
