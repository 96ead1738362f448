import Authority
import CanonicalJSON
import Console
import Foundation
import Keys
import Statements

/// `countersign log take-up` as a child: verifies the log, writes down what it verified, and ends.
struct VerifyingProcess: Sendable {
  let path: String
  let trust: ByteString?
  let voter: ConsoleSigner

  /// What the child found.
  struct Found: Sendable {
    let name: String
    let isSolo: Bool
    let voter: Principal?
    let keyFault: String?
    let verification: Verification
    let standing: [String: String]
  }

  private var arguments: [String] {
    var arguments = ["log", "take-up", "--registry", path]
    if let trust { arguments += ["--trust", trust.text] }
    if let fingerprint = voter.fingerprint {
      arguments += ["--fingerprint", fingerprint.digest.hex]
    }
    if let holder = voter.holder { arguments += ["--holder", holder.description] }
    return arguments
  }

  /// Runs it, telling entries done and entries there are.
  func run(_ progress: @escaping @Sendable (UInt64, UInt64) -> Void) async throws -> Found {
    let arguments = arguments
    let last: JSONValue = try await withCheckedThrowingContinuation { reply in
      // Of its own: it waits for the child's lines, maybe for minutes.
      Thread.detachNewThread {
        reply.resume(with: Result { try VerifyingProcess.lines(arguments, progress) })
      }
    }
    return try Found(json: last)
  }

  private static func lines(
    _ arguments: [String], _ progress: (UInt64, UInt64) -> Void
  ) throws -> JSONValue {
    let (process, output) = OwnProgram.child(arguments)
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    var last: JSONValue?
    var rest: [UInt8] = []
    while case let data = output.fileHandleForReading.availableData, !data.isEmpty {
      rest += data
      while let feed = rest.firstIndex(of: 0x0A) {
        let line = Array(rest[..<feed])
        rest.removeFirst(feed + 1)
        guard let json = try? JSONParser.parse(line) else { continue }
        if let done = json["done"]?.integer, let all = json["of"]?.integer {
          progress(UInt64(clamping: done), UInt64(clamping: all))
        } else {
          last = json
        }
      }
    }
    process.waitUntilExit()
    guard let last else {
      throw CommandFault(
        "verification_ended",
        "the process that verifies the log ended with status \(process.terminationStatus) before it "
          + "was done; try: countersign log verify")
    }
    return last
  }
}

extension VerifyingProcess.Found {
  var json: JSONValue {
    var members: [JSONObject.Member] = [
      .init(name: "name", value: JSONValue(name)), .init(name: "solo", value: .bool(isSolo)),
      .init(
        name: "standing",
        value: .object(
          JSONObject(
            standing.map { JSONObject.Member(name: ByteString($0), value: JSONValue($1)) }))),
    ]
    if let voter { members.append(.init(name: "voter", value: voter.json)) }
    if let keyFault { members.append(.init(name: "key_fault", value: JSONValue(keyFault))) }
    switch verification {
    case .verified(let size, let at):
      members.append(.init(name: "size", value: JSONValue(size)))
      members.append(.init(name: "at", value: at.json))
    case .broken(let index, let code, let reason):
      if let index { members.append(.init(name: "index", value: JSONValue(index))) }
      members.append(.init(name: "code", value: JSONValue(code)))
      members.append(.init(name: "reason", value: JSONValue(reason)))
    case .waiting, .running: break
    }
    return .object(JSONObject(members))
  }

  init(json: JSONValue) throws {
    var fields = try JSONFields(json, path: "verification")
    name = try fields.string("name").text
    isSolo = try fields.bool("solo")
    voter = fields.optional("voter")?.string.flatMap { Principal($0) }
    keyFault = fields.optional("key_fault")?.string?.text
    standing = Dictionary(
      try fields.attributes("standing").members.map {
        ($0.name.text, $0.value.string?.text ?? "")
      }, uniquingKeysWith: { $1 })
    if let code = fields.optional("code")?.string {
      verification = .broken(
        index: fields.optional("index")?.integer.map { UInt64(clamping: $0) }, code: code.text,
        reason: fields.optional("reason")?.string?.text ?? "")
    } else {
      verification = .verified(
        size: UInt64(clamping: try fields.integer("size")), at: try fields.timestamp("at"))
    }
  }
}

extension Verification {
  /// What is wrong with a log, as the console says it.
  static func of(_ error: any Error) -> Verification {
    let index: UInt64? =
      switch error as? AuthorityFault {
      case .badEntry(let index, _)?: index
      case .truncated(let size, _)?: size
      case .forked(let size)?: size
      default: nil
      }
    return .broken(index: index, code: FaultCode.of(error), reason: "\(error)")
  }

  /// An entry that only a newer version can read.
  static func unreadable(_ index: UInt64) -> Verification {
    .broken(
      index: index, code: "unsupported_entry",
      reason: "this version cannot read it; nothing can be signed")
  }
}
