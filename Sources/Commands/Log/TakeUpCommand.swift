import Approvals
import ArgumentParser
import Authority
import CanonicalJSON
import Console
import Decisions
import Delegations
import Glibc
import Keys
import Registry
import Statements
import TransparencyLog

/// Verifies what this account has not seen of a log, and writes down what it verified.
///
/// The console runs it on long logs: the memory it takes goes when it ends.
struct TakeUpCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "take-up", abstract: "Verify what is new in the log and write it down.",
    shouldDisplay: false)

  @OptionGroup var registry: RegistryOptions

  @Option(help: "Whose standing to tell: the key's fingerprint, 64 digits.")
  var fingerprint: String?

  @Option(help: "Whose standing to tell.")
  var holder: String?

  func perform() async throws {
    do {
      let ledger = try Ledger(
        registry.reading(), pins: PinStore(folder: Paths().pins),
        trust: registry.trust.map { ByteString($0) }
      ) { done, all in
        Output.json(["done": JSONValue(done), "of": JSONValue(all)])
      }
      let (state, now) = (ledger.state, Clock.system.now())
      let key = fingerprint.flatMap { Digest(hex: $0.utf8) }.map { Fingerprint(digest: $0) }
      let voter =
        holder.flatMap { Principal(ByteString($0)) } ?? key.flatMap { state.keys[$0]?.holder }
      let found = VerifyingProcess.Found(
        name: state.registry?.name.text ?? "", isSolo: state.registry?.isSolo == true,
        voter: voter, keyFault: state.signerFault(key, at: now),
        verification: state.unsupported.map { .unreadable($0) }
          ?? .verified(size: ledger.tree.size, at: now),
        standing: Standing.words(
          of: voter, to: state.openHolds(at: now).prefix(1000).map(\.digest),
          in: state, at: now))
      try ledger.checkShelf()
      Output.json(found.json)
      try? ledger.fold()
      // Giving back a large state piece by piece would take longer than ending with it.
      withExtendedLifetime((ledger, state)) { Glibc.exit(0) }
    } catch {
      let found = VerifyingProcess.Found(
        name: "", isSolo: false, voter: nil, keyFault: nil, verification: .of(error), standing: [:])
      Output.json(found.json)
    }
  }
}
