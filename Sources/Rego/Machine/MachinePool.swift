import Synchronization

/// Machines of evaluations that have ended, for those to come: a small policy is evaluated in less time
/// than it takes to make a machine.
final class MachinePool: Sendable {
  /// One machine, used by one evaluation at a time.
  final class Entry: @unchecked Sendable {
    var machine: Machine

    init(_ machine: Machine) { self.machine = machine }
  }

  /// More evaluations than this at a time make their machines anew.
  private static let most = 16

  private let idle = Mutex<[Entry]>([])

  func take() -> Entry? { idle.withLock { $0.popLast() } }

  /// Keeps a machine whose evaluation has ended without a fault.
  func give(back entry: Entry) {
    guard entry.machine.clear() else { return }
    idle.withLock { if $0.count < MachinePool.most { $0.append(entry) } }
  }
}

extension Machine {
  /// Makes it as it was when it was new, but for the space that it works in; gives false if that is not
  /// worth keeping.
  ///
  /// Nothing of one evaluation may be read in another, count for it, or stay in memory.
  fileprivate mutating func clear() -> Bool {
    guard contexts.isEmpty, registers.count <= 4096, iterators.count <= 512, builders.count <= 512,
      frames.capacity <= 512, matched.capacity <= 4096, known.capacity <= 65_536
    else { return false }
    for group in known { current.memo[Int(group)] = .unknown }
    known.removeAll(keepingCapacity: true)
    current.input = nil
    if !current.made.isEmpty { current.made = [:] }
    for index in registers.indices { registers[index] = nil }
    for index in iterators.indices { iterators[index] = Iterator() }
    for index in builders.indices { builders[index] = .none }
    frames.removeAll(keepingCapacity: true)
    matched.removeAll(keepingCapacity: true)
    if !rows.isEmpty { rows = [] }
    if !answered.isEmpty { answered = [:] }
    if !groupsBelow.isEmpty { groupsBelow = [:] }
    return true
  }

  /// Begins another evaluation.
  mutating func begin(
    _ input: EvaluationInput?, _ limits: EvaluationLimits,
    _ environment: BuiltinContext.Environment,
    isStrict: Bool
  ) {
    current.input = input
    self.limits = limits
    self.isStrict = isStrict
    builtinContext = BuiltinContext(
      environment: environment, steps: limits.steps, bytes: limits.bytes)
  }
}
