import CSodium
import Glibc

/// What a process that holds keys does before anything else.
package enum ProcessHardening {
  /// Leaves no core dump, lets no other process of this account read its memory, and takes a limit on
  /// file sizes as a failed write instead of a death.
  package static func apply() {
    _ = countersign_set_undumpable()
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(UInt32(RLIMIT_CORE.rawValue)), &none)
    signal(SIGXFSZ, SIG_IGN)
    // Swift's backtraces print registers and stack, and would wait for ever for a reader of this
    // process's memory, which there cannot be.
    for number in [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP] {
      signal(number, SIG_DFL)
    }
  }
}
