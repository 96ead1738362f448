import CNCurses

/// Memory that was freed but that the allocator has kept.
package enum FreedMemory {
  /// Gives it back to the system: a console that looks on should cost nothing.
  package static func giveBack() { cs_give_back_memory() }
}
