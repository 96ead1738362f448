import ArgumentParser
import Authority
import CanonicalJSON
import Cells
import Decisions
import Delegations
import Enforcement
import Keys
import Registry
import Rego
import Statements
import TransparencyLog

/// What the program's exit says; these numbers never change.
enum ExitStatus {
  static let failed = ExitCode(1)
  static let denied = ExitCode(3)
  static let held = ExitCode(4)
  static let verificationFailed = ExitCode(5)
  /// An action that was let through before: started here, or signed elsewhere.
  static let repeated = ExitCode(6)
}

/// Something asked of the program that it cannot do, with what to do instead.
struct CommandFault: Error, CustomStringConvertible {
  let code: String
  let description: String

  init(_ code: String, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// A subcommand whose faults are told in one sentence with a stable code.
protocol Subcommand: AsyncParsableCommand {
  func perform() async throws
}

/// A subcommand that signs with an operator's key: only these ever ask for one.
protocol SigningCommand: Subcommand {}

extension Subcommand {
  func run() async throws {
    do {
      try await perform()
    } catch let status as ExitCode {
      throw status
    } catch let usage as ValidationError {
      throw usage
    } catch {
      Output.noteLines("countersign: \(FaultCode.of(error)): \(error)")
      throw ExitStatus.failed
    }
  }
}

extension Output {
  /// A message of several lines, each sanitised.
  static func noteLines(_ text: String) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      note(String(line))
    }
  }
}

enum FaultCode {
  static func of(_ error: any Error) -> String {
    switch error {
    case let fault as CommandFault: fault.code
    case let fault as AuthorityFault: fault.code
    case let fault as AdmissionFault: fault.code
    case let fault as StatementFault: fault.code
    case let fault as RegistryFault: fault.code
    case let fault as KeyFault: fault.code
    case let fault as PolicyFault: fault.code
    case let fault as PatternFault: fault.code
    case let fault as ScopeFault: fault.code
    case let fault as JSONFault: fault.code
    case let fault as LogFault: fault.code
    case let fault as AgentClient.Fault: fault.code
    case let fault as Anchor.Fault: fault.code
    case let fault as ReceiptFault: fault.code
    case let fault as ActionJournal.Fault: fault.code
    case let fault as ProofCheck.Fault: fault.code
    case is FieldFault: "field_malformed"
    default: "failed"
    }
  }
}
