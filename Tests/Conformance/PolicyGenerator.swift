/// Random numbers that a seed repeats.
struct SeededNumbers {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed | 1
  }

  mutating func below(_ bound: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state % UInt64(max(1, bound)))
  }

  mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }
}

/// Makes policies of package `t` that mostly compile, and inputs for them.
struct PolicyGenerator {
  var random: SeededNumbers
  /// Rules made so far, by what may be done with them.
  private var rules: [String] = []
  private var functions: [(name: String, arity: Int)] = []
  private var variables: [String] = []
  private var nextVariable = 0

  init(seed: UInt64) {
    random = SeededNumbers(seed: seed)
  }

  mutating func policy() -> String {
    (rules, functions, nextVariable) = ([], [], 0)
    var text = "package t\n"
    for number in 0..<(1 + random.below(5)) { text += "\n" + rule("r\(number)") }
    variables = []
    text +=
      "\n" + (random.below(3) == 0 ? "x contains \(term(2)) if { \(body(3)) }\n" : complete("x"))
    return text
  }

  mutating func input() -> String {
    func scalar(_ random: inout SeededNumbers) -> String {
      random.pick([
        "0", "1", "2", "-3", "1.5", "\"a\"", "\"b\"", "\"hello\"", "true", "false", "null",
      ])
    }
    let list = (0..<random.below(5)).map { _ in scalar(&random) }.joined(separator: ",")
    let numbers = (0..<random.below(4)).map { _ in String(random.below(9)) }.joined(separator: ",")
    return """
      {"a":\(scalar(&random)),"b":{"c":\(scalar(&random)),"d":[1,2]},"n":\(random.below(10)),\
      "s":\(random.pick(["\"hello\"", "\"a,b\"", "\"\"", "\"Aé\""])),"list":[\(list)],\
      "nums":[\(numbers)],"obj":{"k1":\(scalar(&random)),"k2":[\(list)]}}
      """
  }

  // MARK: rules

  private mutating func rule(_ name: String) -> String {
    variables = []
    switch random.below(8) {
    case 0:
      let text = "\(name) contains \(closed { $0.headAndBody("{ ", " }") })\n"
      rules.append(name)
      return text
    case 1:
      let (body, value) = bodyAndTerm()
      rules.append(name)
      return "\(name)[\(random.pick(["\"k\"", "\"q\"", "1"]))] := \(value) if { \(body) }\n"
    case 2:
      let arity = 1 + random.below(2)
      variables = (0..<arity).map { "p\($0)" }
      let arguments = variables.joined(separator: ", ")
      let (body, value) = bodyAndTerm()
      let other = random.below(3) == 0 ? " else := \(scalar())" : ""
      functions.append((name, arity))
      return "\(name)(\(arguments)) := \(value) if { \(body) }\(other)\n"
    case 3:
      let text = complete(name)
      rules.append(name)
      return "default \(name) := \(scalar())\n\n" + text
    case 4:
      let (body, value) = bodyAndTerm()
      variables = []
      let (second, other) = bodyAndTerm()
      rules.append(name)
      return
        "\(name) := \(value) if { \(body) } else := \(other) if { \(second) } else := \(scalar())\n"
    default:
      let text = complete(name)
      rules.append(name)
      return text
    }
  }

  private mutating func closed(_ make: (inout PolicyGenerator) -> String) -> String {
    let saved = variables
    defer { variables = saved }
    return make(&self)
  }

  private mutating func headAndBody(_ open: String, _ close: String) -> String {
    let (body, value) = bodyAndTerm()
    return "\(value) if \(open)\(body)\(close)"
  }

  private mutating func complete(_ name: String) -> String {
    variables = []
    if random.below(5) == 0 { return "\(name) := \(term(3))\n" }
    let (body, value) = bodyAndTerm()
    return "\(name) := \(value) if { \(body) }\n"
  }

  private mutating func bodyAndTerm() -> (String, String) {
    let text = body(1 + random.below(3))
    return (text, term(2))
  }

  private mutating func body(_ count: Int) -> String {
    (0..<count).map { _ in literal() }.joined(separator: "; ")
  }

  private mutating func newVariable() -> String {
    nextVariable += 1
    return "v\(nextVariable)"
  }

  private mutating func literal() -> String {
    switch random.below(14) {
    case 0, 1:
      let value = term(2)
      let name = newVariable()
      variables.append(name)
      return "\(name) := \(value)"
    case 2, 3:
      let collection = collection()
      let name = newVariable()
      variables.append(name)
      return "some \(name) in \(collection)"
    case 4:
      let collection = collection()
      let (key, value) = (newVariable(), newVariable())
      variables += [key, value]
      return "some \(key), \(value) in \(collection)"
    case 5: return "not \(comparison())"
    case 6:
      let collection = collection()
      let name = newVariable()
      return closed { generator in
        generator.variables.append(name)
        return "every \(name) in \(collection) { \(name) != \(generator.term(1)) }"
      }
    case 7: return "\(term(1)) in \(collection())"
    case 8:
      return "\(comparison()) with input.\(random.pick(["a", "n", "b.c", "list"])) as \(term(1))"
    case 9:
      let value = term(1)
      let name = newVariable()
      variables.append(name)
      return "[\(name), _] = [\(value), \(term(1))]"
    case 10:
      let name = newVariable()
      variables.append(name)
      return "\(random.pick(["input.list", "input.obj", "input.nums"]))[\(name)]"
    case 11: return "\(rules.isEmpty ? "input.n" : random.pick(rules)) == \(term(1))"
    default: return comparison()
    }
  }

  private mutating func comparison() -> String {
    "\(term(1)) \(random.pick(["==", "!=", "<", "<=", ">", ">="])) \(term(1))"
  }

  // MARK: terms

  private mutating func scalar() -> String {
    random.pick([
      "0", "1", "2", "-3", "1.5", "10", "\"a\"", "\"b\"", "\"hello\"", "\"a,b\"", "true", "false",
      "null",
    ])
  }

  private mutating func collection() -> String {
    switch random.below(7) {
    case 0: "[\(term(1)), \(term(1))]"
    case 1: "{\(term(1)), \(term(1))}"
    case 2: "{\"k\": \(term(1)), \"l\": \(term(1))}"
    case 3: "input.list"
    case 4: "input.obj"
    case 5: "numbers.range(1, \(1 + random.below(4)))"
    default: "input.nums"
    }
  }

  private mutating func reference() -> String {
    random.pick([
      "input.a", "input.b.c", "input.n", "input.s", "input.list", "input.nums", "input.obj",
      "input.obj.k1", "input.list[0]", "input.nums[1]", "input.missing", "input.b",
    ])
  }

  private mutating func term(_ depth: Int) -> String {
    if depth == 0 || random.below(3) == 0 {
      switch random.below(4) {
      case 0: return reference()
      case 1: return variables.isEmpty ? scalar() : random.pick(variables)
      case 2: return rules.isEmpty ? reference() : random.pick(rules)
      default: return scalar()
      }
    }
    switch random.below(9) {
    case 0: return collection()
    case 1:
      return "(\(number(depth - 1)) \(random.pick(["+", "-", "*", "/", "%"])) \(number(depth - 1)))"
    case 2, 3: return call(depth - 1)
    case 4:
      guard let function = functions.last else { return call(depth - 1) }
      let arguments = (0..<function.arity).map { _ in term(depth - 1) }
      return "\(function.name)(\(arguments.joined(separator: ", ")))"
    case 5: return closed { "[\($0.comprehension())]" }
    case 6: return closed { "{\($0.comprehension())}" }
    case 7: return "{\"k\": \(term(depth - 1)), \"l\": \(term(depth - 1))}"
    default: return reference()
    }
  }

  private mutating func comprehension() -> String {
    let collection = collection()
    let name = newVariable()
    variables.append(name)
    let more = random.below(2) == 0 ? "; \(comparison())" : ""
    return "\(term(1)) | some \(name) in \(collection)\(more)"
  }

  private mutating func number(_ depth: Int) -> String {
    random.pick([
      "input.n", "1", "2.5", "count(\(collection()))", "sum(input.nums)", term(depth),
    ])
  }

  private mutating func text(_ depth: Int) -> String {
    random.pick(["input.s", "\"hello\"", "\"a\"", "concat(\",\", [\"x\", input.s])", term(depth)])
  }

  private mutating func call(_ depth: Int) -> String {
    switch random.below(24) {
    case 0: "count(\(collection()))"
    case 1: "sum(\(random.pick(["input.nums", "input.list", "[1, 2.5]"])))"
    case 2: "max(\(collection()))"
    case 3: "sort(\(collection()))"
    case 4: "upper(\(text(depth)))"
    case 5: "split(\(text(depth)), \",\")"
    case 6: "contains(\(text(depth)), \(text(depth)))"
    case 7: "replace(\(text(depth)), \"a\", \"b\")"
    case 8: "sprintf(\"%v-%v\", [\(term(depth)), \(term(depth))])"
    case 9: "object.get(input.obj, \(random.pick(["\"k1\"", "\"zz\""])), \(term(depth)))"
    case 10: "array.concat(input.list, [\(term(depth))])"
    case 11: "array.slice(input.list, \(number(0)), \(number(0)))"
    case 12: "type_name(\(term(depth)))"
    case 13: "is_number(\(term(depth)))"
    case 14: "json.marshal(\(term(depth)))"
    case 15: "to_number(\(random.pick(["\"1.50\"", "input.s", "input.n", "null"])))"
    case 16: "abs(\(number(depth)))"
    case 17: "round(\(number(depth)))"
    case 18: "substring(\(text(depth)), 1, \(random.below(4) - 1))"
    case 19: "regex.match(\"^h.*o$\", \(text(depth)))"
    case 20: "union({\(collectionSet()), {\(term(depth))}})"
    case 21: "object.keys(input.obj)"
    case 22: "indexof(\(text(depth)), \"l\")"
    default: "format_int(\(number(depth)), 10)"
    }
  }

  private mutating func collectionSet() -> String { "{1, \(term(0))}" }
}
