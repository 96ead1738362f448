import Foundation

// The long runs: what the tests do by the dozen, by the thousand. `scripts/soak` builds and runs it.
let arguments = CommandLine.arguments.dropFirst()
let count = arguments.dropFirst().first.flatMap { Int($0) } ?? 0
let seed =
  ProcessInfo.processInfo.environment["COUNTERSIGN_SEED"].flatMap { UInt64($0) }
  ?? UInt64.random(in: 0..<1 << 32)
switch arguments.first {
case "flips": try await Flips.run(count: count, seed: seed)
case "state": try await Flips.runState(count: count, seed: seed)
case "races": try await Races.run(count: count, seed: seed)
case "keys": try await RandomKeys.run(count: count, seed: seed)
case "noise": try await NoisyLine.run(count: count, seed: seed)
case "kills": try await Kills.run(count: count, seed: seed)
case "tamper": try await Tamper.run(count: count, seed: seed)
case "hostile": try await Hostile.run(count: count, seed: seed)
case "revocations": try await Revocations.run(count: count)
case "voter": try VotingPeer.run(Array(arguments.dropFirst()))
case "decider": try await DecidingPeer.run(Array(arguments.dropFirst()))
default:
  print(
    "usage: soak flips COUNT | state COUNT | races COUNT | kills COUNT | keys COUNT | noise BYTES "
      + "| tamper COUNT | hostile COUNT | revocations COUNT")
  exit(64)
}
