import CanonicalJSON
import Fixtures
import Foundation

// Runs the policy engine on cases that others wrote, and on policies that nobody wrote.
let arguments = Array(CommandLine.arguments.dropFirst())

func option(_ name: String) -> String? {
  arguments.firstIndex(of: name).flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
}

func number(_ index: Int, _ standard: UInt64) -> UInt64 {
  index < arguments.count ? UInt64(arguments[index]) ?? standard : standard
}

/// Runs what is asked for; gives the exit status.
func run() throws -> Int32 {
  switch arguments.first {
  case nil:
    print(
      """
      usage: conformance FOLDER [--known FILE] [--show NAME]   the cases of FOLDER/cases.json
             conformance soak COUNT SEED [FILE...]             generated policies, and mutated ones
             conformance differ COUNT SEED --peer NAME=COMMAND [--known FILE]
                                                              the same answers as another engine?
      """)
    return 64
  case "soak":
    return try PolicySoak(
      count: Int(number(1, 10_000)), seed: number(2, 1), files: Array(arguments.dropFirst(3))
    ).run() ? 0 : 1
  case "differ":
    guard let peer = option("--peer") else {
      print("conformance differ needs --peer NAME=COMMAND")
      return 64
    }
    return try PeerRun(
      count: Int(number(1, 10_000)), seed: number(2, 1), peer: peer, known: option("--known")
    ).run() ? 0 : 1
  case let folder?:
    return try ConformanceRun(
      folder: folder, known: option("--known"), show: option("--show")
    ).run() ? 0 : 1
  }
}

do {
  exit(try run())
} catch {
  FileHandle.standardError.write(Data("conformance: \(error)\n".utf8))
  exit(1)
}
