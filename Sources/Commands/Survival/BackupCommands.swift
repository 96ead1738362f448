import ArgumentParser
import Authority
import CanonicalJSON
import Foundation
import Keys
import Registry
import Statements

struct BackupCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Write a consistent copy of the registry while it runs.")

  @Argument(help: "The file to write; it must not be there yet.")
  var out: String

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var list: ListOptions

  func perform() async throws {
    let head = try Backup.make(
      try registry.reading(), to: out)
    if list.json {
      Output.json(["file": JSONValue(out), "head": head.json])
    } else {
      Output.line("wrote \(out): \(head.size) entries, root \(head.root.hex)")
    }
  }
}

struct RestoreCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Verify a backup and put it in the registry's place.",
    discussion: """
      The file it takes the place of is kept as FILE.replaced. The restored registry serves nothing
      until the admin quorum has said `countersign log confirm-restore`.
      """)

  @Argument(help: "The backup.")
  var backup: String

  @Flag(help: "Do not ask.")
  var yes = false

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var list: ListOptions

  func perform() async throws {
    if !yes {
      guard Output.ask("Stop every daemon first. Type restore to go on: ") == "restore" else {
        throw CommandFault("not_confirmed", "nothing was changed; give --yes without a terminal")
      }
    }
    let loss = try Backup.restore(
      backup, to: registry.path, pins: PinStore(folder: Paths().pins),
      trust: registry.trust.map { ByteString($0) })
    if list.json {
      Output.json([
        "kept": loss.kept.json, "lost": loss.lost.json,
        "forgotten": .array(loss.forgotten.map { JSONValue($0) }),
      ])
      return
    }
    Output.line("restored  \(registry.path): \(loss.kept.size) entries")
    Output.line("lost      \(loss.lost.size - loss.kept.size) entries, as far as is known here")
    for line in loss.forgotten { Output.line("          \(line)") }
    Output.line("it serves nothing until an admin signs, with the largest head anyone has seen:")
    Output.line(
      "countersign log confirm-restore --lost-size \(loss.lost.size) "
        + "--lost-root \(loss.lost.root.hex) --reason ...")
  }
}
