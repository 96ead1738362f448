import Synchronization

/// Machines of evaluations that have ended, for those to come: a small policy is evaluated in less time
/// than it takes to make a machine.
final class MachinePool: Sendable {
  /// One machine, used by one evaluation at a time.
  ///
  /// Sendable: an entry is in the pool, or with the one evaluation that took it out.
  final class Entry: @unchecked Sendable {
    /// Not a property of its own: every use of that would be checked for others at the same time.
    let machine: UnsafeMutablePointer<Machine>

    init(_ machine: consuming Machine) {
      self.machine = .allocate(capacity: 1)
      self.machine.initialize(to: machine)
    }

    deinit {
      machine.deinitialize(count: 1)
      machine.deallocate()
    }
  }

  /// More evaluations than this at a time make their machines anew.
  private static let most = 16

  private let idle = Mutex<[Entry]>([])

  func take() -> Entry? { idle.withLock { $0.popLast() } }

  /// Keeps a machine whose evaluation has ended without a fault.
  func give(back entry: Entry) {
    guard entry.machine.pointee.clear() else { return }
    idle.withLock { if $0.count < MachinePool.most { $0.append(entry) } }
  }
}

extension Machine {
  /// Makes it as it was when it was new, but for the space that it works in; gives false if that is not
  /// worth keeping.
  ///
  /// Nothing of one evaluation may be read in another, count for it, or stay in memory.
  fileprivate mutating func clear() -> Bool {
    guard contexts.isEmpty, current.shadows.isEmpty, current.replaced == nil,
      registers.count <= 4096, iterators.count <= 512, builders.count <= 512,
      frames.capacity <= 512, matched.capacity <= 4096, known.capacity <= 65_536
    else { return false }
    while let group = known.popLast() { current.memo[Int(group)] = .unknown }
    current.input = nil
    if !current.made.isEmpty { current.made = [:] }
    for index in registers.indices { registers[index] = nil }
    for index in iterators.indices { iterators[index] = Iterator() }
    for index in builders.indices { builders[index] = .none }
    while frames.popLast() != nil {}
    while matched.popLast() != nil {}
    builtinContext.begin(BuiltinContext.Environment(), steps: 0, bytes: 0)
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
    builtinContext.begin(environment, steps: limits.steps, bytes: limits.bytes)
  }
}
