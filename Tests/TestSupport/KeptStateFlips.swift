import Authority
import CanonicalJSON
import Decisions
import Foundation
import Registry
import Statements

/// Random single-bit changes in the file in which an account keeps the state it verified.
package enum KeptStateFlips {
  /// Flips bits, each in a file as it was, and opens the registry with it, twice.
  ///
  /// `wrong`: Told of each bit after which something was believed that the log does not say, or after
  /// which the second opening was not as it should be.
  /// - Returns: After how many the first opening was refused.
  package static func run(
    _ world: World, count: Int, random: inout some RandomNumberGenerator,
    wrong: (String) -> Void
  ) throws -> (refused: Int, bits: Int) {
    let path = "\(world.folder)/pins/\(world.registry.text).state.db"
    func open(_ pins: PinStore?) throws -> Ledger {
      try Ledger(
        try RegistryDatabase(world.path, access: .readOnly), pins: pins, trust: world.registry)
    }
    let ledger = try open(world.pins)
    try ledger.storeMark()
    try ledger.fold()
    let kept = try Data(contentsOf: URL(fileURLWithPath: path))
    let truth = try open(nil).state.snapshot
    var refused = 0
    for _ in 0..<count {
      RegistryDatabase.remove(path)
      var spoiled = kept
      let bit = Int.random(in: 0..<8 * kept.count, using: &random)
      spoiled[bit / 8] ^= 1 << (bit % 8)
      try spoiled.write(to: URL(fileURLWithPath: path))
      do {
        let ledger = try open(world.pins)
        let snapshot = ledger.state.snapshot
        try ledger.checkShelf()
        if snapshot != truth { wrong("bit \(bit) of \(8 * kept.count): another state") }
      } catch let fault as AuthorityFault where fault.code == "state_unreadable" {
        refused += 1
      }
      let again = try open(world.pins)
      if again.state.snapshot != truth { wrong("bit \(bit): not made anew") }
      try again.checkShelf()
    }
    return (refused, 8 * kept.count)
  }
}
