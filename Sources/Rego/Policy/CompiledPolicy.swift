package import CanonicalJSON

/// A bundle of modules and data, checked and ready to be asked.
package struct CompiledPolicy: Sendable {
  let modules: [ModuleSyntax]
  let plan: Plan
  let machines = MachinePool()
  let data: Value
  let builtins: BuiltinTable

  /// Parses, resolves and checks modules.
  ///
  /// `isVersion0`: whether modules are Rego of version 0, unless they say otherwise. `isStrict`: whether
  /// what OPA's strict mode refuses is refused.
  /// - Throws: ``PolicyFault`` `invalid` with every fault found, sorted by place.
  package init(
    modules files: [SourceFile], data: JSONValue = .object(JSONObject()),
    builtins: BuiltinTable = .core, isVersion0: Bool = false, isStrict: Bool = false
  ) throws(PolicyFault) {
    try self.init(
      modules: files, data: Value(data), builtins: builtins, isVersion0: isVersion0,
      isStrict: isStrict)
  }

  package init(
    modules files: [SourceFile], data: Value, builtins: BuiltinTable = .core,
    isVersion0: Bool = false, isStrict: Bool = false
  ) throws(PolicyFault) {
    var diagnostics: [Diagnostic] = []
    var parsed: [ModuleSyntax] = []
    for (number, file) in files.enumerated() {
      do throws(PolicyFault) {
        parsed.append(
          try Parser.module(file, number: Int32(number), isVersion0: isVersion0))
      } catch {
        guard case .invalid(let found) = error else { throw error }
        diagnostics += found
      }
    }
    guard diagnostics.isEmpty else { throw .invalid(diagnostics.sorted { $0.place < $1.place }) }
    let compiler = try Compiler(
      parsed, data: data, builtins: builtins, isStrict: isStrict)
    modules = parsed
    plan = Plan(
      program: compiler.program, tree: compiler.tree, files: parsed.map(\.file.name))
    self.data = data
    self.builtins = builtins
  }

  var tree: RuleTree { plan.tree }
  var program: Program { plan.program }

  /// The place of an instruction's source, for messages.
  func place(_ place: Place?) -> SourcePlace? {
    guard let place, place.line > 0, Int(place.file) < modules.count else { return nil }
    return SourcePlace(
      file: modules[Int(place.file)].file.name, line: Int(place.line),
      column: Int(place.column))
  }

  func fault(_ fault: Machine.Fault, _ program: Program) -> PolicyFault {
    .evaluation(
      code: fault.code, message: fault.message, place: place(program.place(of: fault.at)))
  }
}
