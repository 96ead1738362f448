import ArgumentParser
import Authority
import CanonicalJSON
import Foundation

struct ProofCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proof", abstract: "Check proofs, without a registry.",
    subcommands: [Check.self], defaultSubcommand: Check.self)

  struct Check: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Check what `countersign log prove` wrote, with nothing but the registry's id.")

    @Argument(help: "The proof; - for standard input.")
    var file: String

    @Option(help: "The registry's id (64 digits), from someone you trust.")
    var registryId: String

    @OptionGroup var list: ListOptions

    func perform() async throws {
      let bytes = try Parse.file(file)
      let check: ProofCheck
      do {
        let json = try JSONParser.parse(
          bytes, limits: JSONParser.Limits(bytes: 64 << 20, depth: 16))
        check = try ProofCheck(try ProofBundle(json: json), registry: ByteString(registryId))
      } catch {
        if list.json {
          Output.json(["valid": false, "reason": JSONValue("\(error)")])
        } else {
          Output.line("BAD     \(error)")
        }
        throw ExitStatus.verificationFailed
      }
      if list.json {
        Output.json([
          "valid": true, "proven": .array(check.proven.map { JSONValue($0) }),
          "rests_on": .array(check.restsOn.map { JSONValue($0) }),
        ])
        return
      }
      for line in check.proven { Output.line("proven  \(line)") }
      for line in check.restsOn { Output.line("not     \(line)") }
    }
  }
}
