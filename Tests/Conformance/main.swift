import CanonicalJSON
import Foundation

// Runs cases that others wrote for policy engines: `conformance FOLDER` reads FOLDER/cases.json.
let arguments = Array(CommandLine.arguments.dropFirst())
guard let folder = arguments.first else {
  print("usage: conformance FOLDER [--known FILE] [--show NAME] | conformance bench | conformance peer FILE")
  exit(64)
}
if folder == "bench" {
  try PolicyBench.run()
  exit(0)
}
if folder == "peer", arguments.count > 1 {
  exit(try PeerAnswers.run(arguments[1]) ? 0 : 1)
}
func option(_ name: String) -> String? {
  arguments.firstIndex(of: name).flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
}
exit(
  try ConformanceRun(
    folder: folder, known: option("--known"), show: option("--show")
  ).run() ? 0 : 1)
