import Glibc
package import Statements

/// Where now comes from; tests give their own.
package struct Clock: Sendable {
  private let read: @Sendable () -> Timestamp
  private let readDrift: @Sendable () -> Int64?

  /// A clock with nothing to compare it to.
  package init(_ read: @escaping @Sendable () -> Timestamp) {
    self.read = read
    readDrift = { nil }
  }

  /// A wall clock, and one that nobody can set, in milliseconds.
  package init(
    wall: @escaping @Sendable () -> Timestamp, monotonic: @escaping @Sendable () -> Int64
  ) {
    read = wall
    let start = wall().milliseconds - monotonic()
    readDrift = { wall().milliseconds - monotonic() - start }
  }

  package func now() -> Timestamp { read() }

  /// How far the wall clock has moved against the monotonic one since this process began, in
  /// milliseconds; nil if there is nothing to compare it to.
  package func drift() -> Int64? { readDrift() }

  /// The system's wall clock, watched against its time since boot.
  package static let system = Clock(
    wall: { Timestamp(milliseconds: read(CLOCK_REALTIME)) },
    monotonic: { read(CLOCK_BOOTTIME) })

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
