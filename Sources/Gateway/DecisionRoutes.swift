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
  /// How often a waiting agent's presence is told again.
  private static let presenceSeconds = 10

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
    let deadline = ContinuousClock.now.advanced(by: .seconds(wait))
    var answer = try await authority.decide(envelope)
    var known = answer.hold?.state
    let held = answer.isOpen ? answer.hold?.digest : nil
    var told = ContinuousClock.now
    if let held { await authority.note(presence: held, waits: wait > 0) }
    while answer.isOpen, ContinuousClock.now < deadline, !Task.isShuttingDownGracefully,
      !Task.isCancelled
    {
      if let held, told.duration(to: .now) > .seconds(DecisionRoutes.presenceSeconds) {
        told = .now
        await authority.note(presence: held, waits: true)
      }
      // The vote comes from another process; the log says when it is there.
      try? await Task.sleep(for: .milliseconds(50))
      guard let digest = answer.hold?.digest,
        let state = try await authority.hold(digest)?.state, state != known
      else { continue }
      known = state
      answer = try await authority.decide(envelope)
    }
    if let held, wait > 0, answer.isOpen { await authority.note(presence: held, waits: false) }
    logger.info(
      "decided",
      metadata: [
        "verdict": "\(answer.verdict.rawValue)", "code": "\(answer.reasons.first?.code.text ?? "")",
        "index": "\(answer.index.map(String.init) ?? "-")",
      ])
    return response(answer.isOpen ? .accepted : .ok, answer.json)
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
      default: ("no_decision", .serviceUnavailable)
      }
    logger.error("no decision", metadata: ["code": "\(code)"])
    return failure(status, code, "\(error)")
  }

  private func failure(
    _ status: HTTPResponse.Status, _ code: String, _ message: String
  ) -> Response {
    response(status, ["error": ["code": JSONValue(code), "message": JSONValue(message)]])
  }

  private func response(_ status: HTTPResponse.Status, _ json: JSONValue) -> Response {
    let bytes = json.exactBytes
    return Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes + [0x0A])))
  }
}
