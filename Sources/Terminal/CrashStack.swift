import CNCurses
import Foundation

/// What a crashing thread needs so that the terminal is put right.
package enum CrashStack {
  /// Gives this thread a stack to run the crash handler on, once: its own may be what is used up.
  package static func use() { cs_use_crash_stack() }

  #if DEBUG
    /// Crashes as `COUNTERSIGN_CRASH` says, for the tests of what is left behind.
    package static func rehearse(on place: String) {
      guard let wish = ProcessInfo.processInfo.environment["COUNTERSIGN_CRASH"] else { return }
      if place == "worker" { while cs_has_screen() == 0 { usleep(10_000) } }
      switch wish {
      case "\(place) stack": _ = deepen([place])
      case "\(place) trap": preconditionFailure("a rehearsal")
      default: break
      }
    }

    @inline(never) private static func deepen(_ names: [String]) -> Int {
      names.count > 10_000_000 ? 0 : 1 + deepen(names + names.prefix(names.count % 2))
    }
  #endif
}
