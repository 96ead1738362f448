import CanonicalJSON

/// What the METADATA comments of modules say of rules, documents and packages.
struct Annotations: Sendable {
  private var rules: [Place: Value] = [:]
  private var documents: [[String]: Value] = [:]
  private var packages: [[String]: [Value]] = [:]
  private var subpackages: [[String]: [Value]] = [:]
  /// The path of the rule that begins at a place.
  private var paths: [Place: [String]] = [:]
  private(set) var faults: [Compiler.Fault] = []

  private static let word = "METADATA"

  init(_ modules: [ModuleSyntax]) {
    for module in modules where module.comments.contains(where: { Annotations.begins($0) }) {
      read(module)
    }
    guard !rules.isEmpty || !documents.isEmpty || !packages.isEmpty || !subpackages.isEmpty else {
      return
    }
    for module in modules {
      for rule in module.rules {
        paths[rule.place] = Annotations.path(module, rule)
      }
    }
  }

  private static func begins(_ comment: Comment) -> Bool {
    comment.text.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" } == word
  }

  private static func path(_ module: ModuleSyntax, _ rule: RuleSyntax) -> [String] {
    var path = module.package + [rule.name]
    for key in rule.keys {
      guard case .constant(.string(let text)) = key.kind else { break }
      path.append(text.text)
    }
    return path
  }

  private mutating func read(_ module: ModuleSyntax) {
    var index = 0
    while index < module.comments.count {
      let start = module.comments[index]
      index += 1
      guard Annotations.begins(start) else { continue }
      var lines: [String] = []
      var last = start.line
      while index < module.comments.count, module.comments[index].line == last + 1,
        module.comments[index].column == start.column
      {
        lines.append(module.comments[index].text)
        last += 1
        index += 1
      }
      guard case .object(let object)? = MetadataReader.read(lines) else {
        faults.append(
          Compiler.Fault(
            code: "rego_parse_error", message: "yaml: metadata is not a mapping",
            place: Place(file: module.number, line: start.line, column: start.column)))
        continue
      }
      attach(Annotations.shaped(object), after: last, in: module)
    }
  }

  private mutating func attach(_ value: ObjectValue, after line: Int32, in module: ModuleSyntax) {
    var value = value
    let scope: ByteString? =
      if case .string(let text)? = value["scope"] { text } else { nil }
    let rule = module.rules.filter { $0.place.line > line }
      .min { $0.place < $1.place }
    if module.packagePlace.line > line {
      value["scope"] = .string(scope ?? "package")
      if scope == "subpackages" {
        subpackages[module.package, default: []].append(.object(value))
      } else {
        packages[module.package, default: []].append(.object(value))
      }
      return
    }
    switch scope {
    case "package": packages[module.package, default: []].append(.object(value))
    case "subpackages": subpackages[module.package, default: []].append(.object(value))
    case "document":
      if let rule { documents[Annotations.path(module, rule)] = .object(value) }
    default:
      value["scope"] = .string("rule")
      if let rule { rules[rule.place] = .object(value) }
    }
  }

  /// Authors and resources in the long form, as OPA gives them.
  private static func shaped(_ object: ObjectValue) -> ObjectValue {
    var object = object
    if case .array(let authors)? = object["authors"] {
      object["authors"] = .array(
        authors.map { author in
          guard case .string(let text) = author else { return author }
          var person = ObjectValue()
          let parts = text.text.split(separator: " ")
          if let last = parts.last, last.hasPrefix("<"), last.hasSuffix(">") {
            person["email"] = .string(ByteString(String(last.dropFirst().dropLast())))
            if parts.count > 1 {
              person["name"] = .string(ByteString(parts.dropLast().joined(separator: " ")))
            }
          } else {
            person["name"] = .string(text)
          }
          return .object(person)
        })
    }
    if case .array(let resources)? = object["related_resources"] {
      object["related_resources"] = .array(
        resources.map { resource in
          guard case .string = resource else { return resource }
          var entry = ObjectValue()
          entry["ref"] = resource
          return .object(entry)
        })
    }
    return object
  }

  /// The annotations of the rule at a place.
  func rule(at place: Place?) -> Value {
    place.flatMap { rules[$0] } ?? .emptyObject
  }

  /// The annotations of a rule, its document, its package and the packages above, nearest first.
  func chain(at place: Place?, path fallback: [String], package: [String]) -> Value {
    let path = place.flatMap { paths[$0] } ?? fallback
    func entry(_ path: [String], _ annotations: Value?) -> Value {
      var entry = ObjectValue()
      entry["path"] = .array(path.map { .string(ByteString($0)) })
      if let annotations { entry["annotations"] = annotations }
      return .object(entry)
    }
    var chain = [entry(path, place.flatMap { rules[$0] })]
    if let document = documents[path] { chain.append(entry(path, document)) }
    for annotations in packages[package] ?? [] { chain.append(entry(package, annotations)) }
    var above = package
    while true {
      for annotations in subpackages[above] ?? [] { chain.append(entry(above, annotations)) }
      guard above.popLast() != nil else { break }
    }
    return .array(chain)
  }
}
