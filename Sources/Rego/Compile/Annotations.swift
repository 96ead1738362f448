import CanonicalJSON

/// What the METADATA comments of modules say of rules, documents and packages.
struct Annotations: Sendable {
  /// By place of the rule; several comments may belong to one, of which the last is the nearest.
  private var rules: [Place: [Value]] = [:]
  private var documents: [[String]: Value] = [:]
  private var packages: [[String]: [Value]] = [:]
  private var subpackages: [[String]: [Value]] = [:]
  /// The path of the rule that begins at a place.
  private var paths: [Place: [String]] = [:]
  /// Comments that say nothing of where they stand; faults of policies that ask for annotations only, as
  /// in OPA.
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
        module.comments[index].column == start.column, !Annotations.begins(module.comments[index])
      {
        lines.append(module.comments[index].text)
        last += 1
        index += 1
      }
      let place = Place(file: module.number, line: start.line, column: start.column)
      guard case .object(let object)? = MetadataReader.read(lines) else {
        report("yaml: metadata is not a mapping", place)
        continue
      }
      attach(Annotations.shaped(object), after: last, in: module, place)
    }
  }

  private mutating func report(_ message: String, _ place: Place) {
    faults.append(Compiler.Fault(code: "rego_parse_error", message: message, place: place))
  }

  /// Whether annotations of a scope may stand before a package or a rule.
  private mutating func isFit(
    _ scope: ByteString, _ value: ObjectValue, beforePackage: Bool, _ place: Place
  ) -> Bool {
    switch scope {
    case "package", "subpackages":
      guard beforePackage else {
        report("annotation scope '\(scope)' must be applied to package (have rule)", place)
        return false
      }
    case "rule", "document":
      guard !beforePackage else {
        report("annotation scope '\(scope)' must be applied to rule (have package)", place)
        return false
      }
    default:
      report(
        "invalid annotation scope '\(scope)'. Use one of 'rule', 'document', 'package', or 'subpackages'",
        place)
      return false
    }
    if value["entrypoint"] == .bool(true), scope != "document", scope != "package" {
      report(
        "annotation entrypoint applied to non-document or package scope '\(scope)'", place)
      return false
    }
    return true
  }

  private mutating func attach(
    _ value: ObjectValue, after line: Int32, in module: ModuleSyntax, _ place: Place
  ) {
    var value = value
    let isBeforePackage = module.packagePlace.line > line
    let rule = isBeforePackage ? nil : Annotations.firstRule(after: line, of: module)
    let scope: ByteString
    switch (value["scope"], isBeforePackage) {
    case (.string(let text)?, _): scope = text
    case (_, true): scope = "package"
    case (_, false):
      scope = value["entrypoint"] == .bool(true) ? "document" : rule == nil ? "" : "rule"
    }
    guard isFit(scope, value, beforePackage: isBeforePackage, place) else { return }
    value["scope"] = .string(scope)
    switch scope {
    case "package": packages[module.package, default: []].append(.object(value))
    case "subpackages": subpackages[module.package, default: []].append(.object(value))
    case "document":
      if let rule { documents[Annotations.path(module, rule)] = .object(value) }
    default: if let rule { rules[rule.place, default: []].append(.object(value)) }
    }
  }

  /// Rules stand in the order of their places.
  private static func firstRule(after line: Int32, of module: ModuleSyntax) -> RuleSyntax? {
    var (low, high) = (0, module.rules.count)
    while low < high {
      let middle = (low + high) / 2
      if module.rules[middle].place.line <= line { low = middle + 1 } else { high = middle }
    }
    return low < module.rules.count ? module.rules[low] : nil
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
    place.flatMap { rules[$0]?.last } ?? .emptyObject
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
    var chain = (place.flatMap { rules[$0] } ?? []).reversed().map { entry(path, $0) }
    if chain.isEmpty { chain = [entry(path, nil)] }
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
