import Authority
import CanonicalJSON
import Decisions
import HTTPTypes
import Hummingbird
import Keys
import Logging
import ServiceLifecycle
import Statements

/// `POST /v1/actions`, `POST /v1/statements`, `GET /v1/head`, `GET /v1/holds/{digest}`, `GET /healthz`.
struct DecisionRoutes {
  let authority: DecisionAuthority
  let logger: Logger

  private static let bodyLimit = 128 << 10
  private static let longestWait = 300

  func add(to router: Router<BasicRequestContext>) {
    router.get("/healthz") { _, _ in
      let refusals = await authority.refusalCounts.map {
        JSONObject.Member(name: $0.key, value: JSONValue($0.value))
      }
      return response(
        .ok,
        [
          "status": "ok", "registry": JSONValue(await authority.registry),
          "service": JSONValue(authority.service.description),
          "log_size": JSONValue(await authority.size), "refused": .object(JSONObject(refusals)),
        ])
    }
    router.post("/v1/actions") { request, _ in
      do {
        return try await decide(request)
      } catch {
        return fault(error)
      }
    }
    router.post("/v1/statements") { request, _ in
      do {
        let envelope = try UnverifiedEnvelope(dsse: try await envelopeBytes(request))
        return response(.ok, ["log_index": JSONValue(try await authority.admit(envelope))])
      } catch let failed as Failure {
        return failure(failed.status, failed.code, failed.message)
      } catch {
        return fault(error)
      }
    }
    router.get("/v1/head") { _, _ in
      do {
        let (registry, head) = try await authority.head()
        return response(.ok, ["registry": JSONValue(registry), "head": head.json])
      } catch {
        return fault(error)
      }
    }
    router.get("/v1/holds/:digest") { _, context in
      guard let text = context.parameters.get("digest"), let digest = Digest(hex: text.utf8) else {
        return failure(.badRequest, "digest_malformed", "a hold's digest is 64 hexadecimal digits")
      }
      do {
        guard let hold = try await authority.hold(digest) else {
          return failure(.notFound, "hold_unknown", "no hold \(digest.hex) is on record")
        }
        return response(.ok, hold.json)
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
      case let fault as AuthorityFault: (fault.code, .serviceUnavailable)
      case let fault as AdmissionFault: (fault.code, .conflict)
      case let fault as StatementFault: (fault.code, .badRequest)
      case let overload as Overload: (overload.code, .serviceUnavailable)
      default: ("no_decision", .serviceUnavailable)
      }
    logger.error("no decision", metadata: ["code": "\(code)"])
    var response = failure(status, code, "\(error)")
    if let overload = error as? Overload {
      response.headers[.retryAfter] = "\(overload.retryAfterSeconds)"
    }
    return response
  }

  private func failure(
    _ status: HTTPResponse.Status, _ code: String, _ message: String
  ) -> Response {
    response(status, ["error": ["code": JSONValue(code), "message": JSONValue(message)]])
  }

  private func response(_ status: HTTPResponse.Status, _ json: JSONValue) -> Response {
    let bytes = (try? json.canonicalBytes()) ?? []
    return Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes + [0x0A])))
  }
}
