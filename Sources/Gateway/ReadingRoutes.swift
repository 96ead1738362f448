import Authority
import CanonicalJSON
import HTTPTypes
import Hummingbird
import Keys
import Logging
import Statements

/// What can be read.
///
/// Open to everybody: `GET /healthz` and `GET /v1/head`. With a credential: everything that is added
/// with ``read(_:on:_:)``, which is where a new route belongs unless strangers may see it.
struct ReadingRoutes: AnsweringJSON {
  let authority: DecisionAuthority
  /// The operators whose accounts on this machine may read.
  let readers: [UInt32: Principal]
  let logger: Logger

  func add(to router: Router<GatewayContext>) {
    router.get("/healthz") { _, _ in
      await authority.isWell()
        ? response(.ok, ["status": "ok"])
        : response(.serviceUnavailable, ["status": "unavailable"])
    }
    router.get("/v1/head") { _, _ in
      do {
        let (registry, head) = try await authority.head()
        return response(
          .ok,
          [
            "registry": JSONValue(registry), "service": authority.service.json, "head": head.json,
          ])
      } catch {
        return refused(error)
      }
    }
    read("/v1/status", on: router) { reader, _ in
      guard reader.kind != .agent else {
        throw ReadRefusal(
          .forbidden, "reader_not_permitted", "\(reader) may read its own holds only")
      }
      let status = try await authority.status()
      let refusals = status.refusals.map {
        JSONObject.Member(name: $0.key, value: JSONValue($0.value))
      }
      return response(
        .ok,
        [
          "status": "ok", "registry": JSONValue(status.registry), "service": status.service.json,
          "log_size": JSONValue(status.size), "refused": .object(JSONObject(refusals)),
        ])
    }
    read("/v1/holds/:digest", on: router) { reader, context in
      guard let text = context.parameters.get("digest"), let digest = Digest(hex: text.utf8) else {
        return failure(.badRequest, "digest_malformed", "a hold's digest is 64 hexadecimal digits")
      }
      // Another agent's hold is answered like one that there is not.
      guard let hold = try await authority.hold(digest, for: reader) else {
        return failure(.notFound, "hold_unknown", "no hold \(digest.hex) is on record")
      }
      return response(.ok, hold.json)
    }
  }

  /// Adds a route that answers nobody before ``reader(of:_:)`` has said who asks.
  private func read(
    _ path: RouterPath, on router: Router<GatewayContext>,
    _ answer: @escaping @Sendable (Principal, GatewayContext) async throws -> Response
  ) {
    router.get(path) { request, context in
      do {
        return try await answer(try await reader(of: request, context), context)
      } catch {
        return refused(error)
      }
    }
  }

  /// Who reads: who signed the read request that came along, or else the operator whose account the
  /// asking process belongs to.
  private func reader(of request: Request, _ context: GatewayContext) async throws -> Principal {
    let credentials = request.headers[values: .authorization]
    guard let credential = credentials.first else {
      if let user = await context.peerUser(), let reader = readers[user] {
        guard try await authority.isEnrolled(reader) else {
          throw ReadRefusal(
            .unauthenticated, "reader_not_enrolled",
            "uid \(user) reads as \(reader), who is no operator now")
        }
        return reader
      }
      throw ReadRefusal(
        .unauthenticated, "credential_missing",
        "sign a read request (countersign read), or have the daemon started with --reader for your "
          + "uid")
    }
    guard credentials.count == 1 else {
      throw ReadRefusal(
        .unauthenticated, "credential_malformed", "the request has several authorization headers")
    }
    let envelope: UnverifiedEnvelope
    do {
      envelope = try UnverifiedEnvelope(credential: ByteString(credential))
    } catch {
      throw ReadRefusal(.unauthenticated, "credential_malformed", "\(error)")
    }
    return try await authority.reader(envelope, target: ByteString(request.uri.string))
  }

  private func refused(_ error: any Error) -> Response {
    switch error {
    case let refusal as ReadRefusal:
      let status: HTTPResponse.Status =
        switch refusal.kind {
        case .unauthenticated: .unauthorized
        case .forbidden: .forbidden
        case .limited: .tooManyRequests
        }
      return failure(status, refusal.code, refusal.description)
    default:
      let code = (error as? AuthorityFault)?.code ?? "not_readable"
      logger.error("nothing read", metadata: ["code": "\(code)"])
      return failure(.serviceUnavailable, code, "\(error)")
    }
  }
}
