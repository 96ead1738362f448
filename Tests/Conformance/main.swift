import CanonicalJSON
import Foundation

// Runs cases that others wrote for policy engines: `conformance FOLDER` reads FOLDER/cases.json.
let arguments = Array(CommandLine.arguments.dropFirst())
guard let folder = arguments.first else {
  print(
    """
    usage: conformance FOLDER [--known FILE] [--show NAME]
           conformance bench [NAME]
           conformance peer FILE
           conformance mutate FOLDER COUNT SEED
    """)
  exit(64)
}
if folder == "bench" {
  try PolicyBench.run()
  exit(0)
}
if folder == "peer", arguments.count > 1 {
  exit(try PeerAnswers.run(arguments[1]) ? 0 : 1)
}
if folder == "mutate", arguments.count > 2 {
  try MutatedPolicies.run(
    folder: arguments[1], count: Int(arguments[2]) ?? 0,
    seed: arguments.count > 3 ? UInt64(arguments[3]) ?? 1 : 1)
  exit(0)
}
func option(_ name: String) -> String? {
  arguments.firstIndex(of: name).flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
}
exit(
  try ConformanceRun(
    folder: folder, known: option("--known"), show: option("--show")
  ).run() ? 0 : 1)
