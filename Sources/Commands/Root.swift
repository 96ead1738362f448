package import ArgumentParser
import CanonicalJSON
import Foundation
import Keys

/// `countersign`: the console, and every administrative command.
package struct CountersignCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "countersign",
    abstract: "The identity control plane for autonomous agents.",
    discussion: "Without a subcommand it opens the console.",
    version: "0.1.0",
    subcommands: [
      InitCommand.self, OperatorCommand.self, ProposalsCommand.self, SettingsCommand.self,
      ServiceCommand.self, ResourceCommand.self, AgentCommand.self, KeyCommand.self,
      GrantCommand.self, WhoCommand.self, PolicyCommand.self, LockCommand.self, ActCommand.self,
      FinishCommand.self, ReadCommand.self, HoldsCommand.self, ApproveCommand.self,
      DenyCommand.self,
      WithdrawCommand.self, BreakGlassCommand.self, ReviewsCommand.self, DecisionsCommand.self,
      LogCommand.self, ProofCommand.self, BackupCommand.self, RestoreCommand.self,
      DoctorCommand.self, JSONCommand.self, PathsCommand.self, ConsoleCommand.self,
      DemoCommand.self, BenchCommand.self,
    ], defaultSubcommand: ConsoleCommand.self)

  package init() {}

  /// Runs the program with this process's arguments.
  package static func start() async {
    ProcessHardening.apply()
    // The console must come up at once: its own arguments are tried before those of all commands.
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.first.map({ $0.hasPrefix("--") }) ?? true,
      let console = try? ConsoleCommand.parse(arguments)
    {
      do {
        try await console.run()
      } catch {
        exit(withError: error)
      }
      return
    }
    await main()
  }
}

struct PathsCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "paths", abstract: "Say where files are looked for.")

  @OptionGroup var list: ListOptions

  func perform() async throws {
    let paths = Paths()
    let rows = [
      ("registry", paths.registry), ("socket", Paths.socket(besides: paths.registry)),
      ("configuration", paths.configuration), ("operator key", paths.operatorKey),
      ("console settings", ConsoleFiles().configurationPath),
      ("console memory", ConsoleFiles().memoryPath), ("state", paths.state),
      ("pins", paths.pins),
    ]
    if list.json {
      Output.json(
        .object(
          JSONObject(
            rows.map {
              JSONObject.Member(
                name: ByteString($0.0.replacingOccurrences(of: " ", with: "_")),
                value: JSONValue($0.1))
            })))
    } else {
      Output.table(["WHAT", "PATH"], rows.map { [$0.0, $0.1] })
    }
  }
}

struct JSONCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "json", abstract: "Canonical JSON.", subcommands: [Canonicalize.self])

  struct Canonicalize: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Read JSON from standard input, write its RFC 8785 bytes.")

    func perform() async throws {
      let bytes = Array(FileHandle.standardInput.readDataToEndOfFile())
      let value = try JSONParser.parse(
        bytes, limits: JSONParser.Limits(bytes: 64 << 20, depth: 512))
      FileHandle.standardOutput.write(Data(try value.canonicalBytes()))
    }
  }
}
