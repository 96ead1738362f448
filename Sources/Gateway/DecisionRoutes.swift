import Authority
import CanonicalJSON
import Decisions
import HTTPTypes
import Hummingbird
import Keys
import Logging
import ServiceLifecycle
import Statements

/// `POST /v1/actions`, `POST /v1/statements`: what is sent is signed, and so its own credential.
struct DecisionRoutes: AnsweringJSON {
  let authority: DecisionAuthority
  let logger: Logger

  private static let bodyLimit = 128 << 10
  private static let longestWait = 300

  func add(to router: Router<GatewayContext>) {
    router.post("/v1/actions") { request, _ in
      do {
        return try await decide(request)
      } catch {
        return fault(error)
      }
    }
    router.post("/v1/statements") { request, context in
      do {
        let envelope = try UnverifiedEnvelope(dsse: try await envelopeBytes(request))
        return response(
          .ok,
          ["log_index": JSONValue(try await authority.admit(envelope, from: context.peerUser()))])
      } catch let failed as Failure {
        return failure(failed.status, failed.code, failed.message)
      } catch {
        return fault(error)
      }
    }
  }

  private func decide(_ request: Request) async throws -> Response {
    let wait = request.uri.queryParameters["wait"].map { Int(String($0)) } ?? 0
    guard let wait, (0...DecisionRoutes.longestWait).contains(wait) else {
      return failure(
        .badRequest, "wait_malformed",
        "wait is a number of seconds from 0 to \(DecisionRoutes.longestWait)")
    }
    let bytes: [UInt8]
    do {
      bytes = try await envelopeBytes(request)
    } catch let failed as Failure {
      return failure(failed.status, failed.code, failed.message)
    }
    let envelope: UnverifiedEnvelope
    do {
      envelope = try UnverifiedEnvelope(dsse: bytes)
    } catch {
      let answer = Answer(
        refused: Reason(code: ByteString(error.code), detail: ByteString("\(error)")))
      return response(.badRequest, answer.json)
    }
    var answer = try await authority.decide(envelope)
    if answer.isOpen, let held = answer.hold?.digest {
      if wait > 0, let agent = try? Action(payload: envelope.payload).agent {
        let deadline = ContinuousClock.now.advanced(by: .seconds(wait))
        let first = answer
        answer = try await withGracefulShutdownHandler {
          try await authority.waitForAnswer(envelope, first, agent: agent, until: deadline)
        } onGracefulShutdown: {
          Task { await authority.drain() }
        }
      } else {
        await authority.note(presence: held, waits: false)
      }
    }
    logger.info(
      "decided",
      metadata: [
        "verdict": "\(answer.verdict.rawValue)", "code": "\(answer.reasons.first?.code.text ?? "")",
        "index": "\(answer.index.map(String.init) ?? "-")",
      ])
    return response(answer)
  }

  private func response(_ answer: Answer) -> Response {
    guard let wait = answer.retryAfterMilliseconds else {
      return response(answer.isOpen ? .accepted : .ok, answer.json)
    }
    var limited = response(.tooManyRequests, answer.json)
    limited.headers[.retryAfter] = "\((wait + 999) / 1000)"
    return limited
  }

  private struct Failure: Error {
    let status: HTTPResponse.Status
    let code: String
    let message: String
  }

  private func envelopeBytes(_ request: Request) async throws -> [UInt8] {
    do {
      return Array(buffer: try await request.body.collect(upTo: DecisionRoutes.bodyLimit))
    } catch {
      throw Failure(
        status: .contentTooLarge, code: "envelope_malformed",
        message: "the envelope is larger than \(DecisionRoutes.bodyLimit) bytes")
    }
  }

  /// A fault means no decision was made; it is never an allow.
  private func fault(_ error: any Error) -> Response {
    let (code, status): (String, HTTPResponse.Status) =
      switch error {
      case AuthorityFault.refused(.invalid): ("invalid", .conflict)
      case let fault as AuthorityFault: (fault.code, .serviceUnavailable)
      case let fault as AdmissionFault: (fault.code, .conflict)
      case let fault as StatementFault: (fault.code, .badRequest)
      case let overload as Overload:
        (
          overload.code,
          ["overloaded", "policy_timeout"].contains(overload.code)
            ? .serviceUnavailable : .tooManyRequests
        )
      default: ("no_decision", .serviceUnavailable)
      }
    logger.error("no decision", metadata: ["code": "\(code)"])
    var response = failure(status, code, "\(error)")
    if let overload = error as? Overload {
      response.headers[.retryAfter] = "\(overload.retryAfterSeconds)"
    }
    return response
  }
}
