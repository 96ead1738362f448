import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Enforcement
import Registry
import Statements

/// The anchor that goes with an agent's key.
struct AnchorFile {
  let path: String

  init(_ path: String) {
    self.path = path
  }

  init(besides key: String) {
    path = Anchor.path(besides: key)
  }

  private func anchor(_ ledger: Ledger) -> Anchor {
    Anchor(
      registry: ledger.state.registry?.id ?? "",
      services: ledger.state.services.values.sorted { $0.principal < $1.principal }
        .flatMap { service in
          service.hosts.compactMap { host in
            ledger.state.keys[host.key].map {
              Anchor.Service(name: service.principal, key: $0.key)
            }
          }
        })
  }

  /// Refuses a place where it could not be written, before anything is signed.
  func check(_ ledger: Ledger) throws {
    try anchor(ledger).checkPlace(path)
  }

  func write(_ ledger: Ledger) throws {
    let anchor = anchor(ledger)
    try anchor.write(path)
    if anchor.services.isEmpty {
      Output.note(
        "note: no service is enrolled yet; when one is, write the anchor anew: countersign key anchor "
          + "--out \(path)")
    }
  }
}

extension KeyCommand {
  struct Anchoring: Subcommand {
    static let configuration = CommandConfiguration(
      commandName: "anchor",
      abstract: "Write what an agent's side verifies receipts with: registry id, services' keys.",
      discussion: """
        It replaces an anchor of the same registry. `countersign act` looks for it at KEY.anchor. Write
        it anew when a service is enrolled or removed.
        """)

    @Option(help: "Where to write it, for a key at KEY.pem: KEY.pem.anchor")
    var out: String

    @OptionGroup var registry: RegistryOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      try ledger.checkShelf()
      try AnchorFile(out).write(ledger)
      Output.line("anchor    \(out)")
      Output.line("registry  \(ledger.state.registry?.id.text ?? "")")
    }
  }
}
