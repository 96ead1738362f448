package import CanonicalJSON
package import Keys
package import Statements

/// Asks a decision point about an agent's actions, over its Unix socket.
package struct AgentClient: Sendable {
  package let socket: String

  package init(socket: String) {
    self.socket = socket
  }

  /// Why there is no answer; the action must then not be run.
  package enum Fault: Error, CustomStringConvertible {
    case unreachable(socket: String, reason: String)
    case malformed(String)
    case refused(status: UInt, code: String, message: String)

    package var code: String {
      switch self {
      case .unreachable: "daemon_unreachable"
      case .malformed: "answer_malformed"
      case .refused(_, let code, _): code
      }
    }

    package var description: String {
      switch self {
      case .unreachable(let socket, let reason):
        "no daemon answers at \(socket) (\(reason)); start one with countersignd"
      case .malformed(let reason): "the daemon's answer is malformed: \(reason)"
      case .refused(_, _, let message): "the daemon refused it: \(message)"
      }
    }
  }

  /// Sends a signed action and waits for people at most so many seconds.
  ///
  /// - Returns: The daemon's answer, with `verdict`, `reasons`, `hold`, `receipt` and the rest.
  package func ask(_ envelope: UnverifiedEnvelope, waitSeconds: Int) async throws -> JSONValue {
    try await send(
      "POST", "/v1/actions?wait=\(waitSeconds)", envelope.dsse, timeoutSeconds: waitSeconds + 15)
  }

  /// What a daemon tells everybody.
  package struct Head: Sendable {
    package let registry: ByteString
    package let service: Principal
    package let head: TreeHead
  }

  /// Who answers here, for which registry, and the log's head, which a statement's header names.
  package func head() async throws -> Head {
    let json = try await send("GET", "/v1/head", timeoutSeconds: 15)
    do {
      var fields = try JSONFields(json, path: "")
      return Head(
        registry: try fields.string("registry"),
        service: try fields.principal("service", .service),
        head: try TreeHead(try fields.value("head"), path: "head"))
    } catch {
      throw Fault.malformed("\(error)")
    }
  }

  /// Sends a statement an agent may make itself: a sub-grant, a request for a key, an outcome.
  ///
  /// - Returns: Its index in the log.
  package func submit(_ envelope: UnverifiedEnvelope) async throws -> UInt64 {
    let answer = try await send("POST", "/v1/statements", envelope.dsse, timeoutSeconds: 30)
    guard let index = answer["log_index"]?.integer else {
      throw Fault.malformed("it names no log_index")
    }
    guard let index = UInt64(exactly: index) else {
      throw Fault.malformed("its log_index is \(index)")
    }
    return index
  }

  /// Whether the daemon says that it can decide.
  package func isWell() async throws -> Bool {
    try await send("GET", "/healthz", timeoutSeconds: 5)["status"] == "ok"
  }

  /// Reads what strangers may not, by a read request signed here.
  package func read(
    _ path: String, by reader: Principal, _ key: borrowing SigningKey, at now: Timestamp
  ) async throws -> JSONValue {
    let request = ReadRequest(
      nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), path: ByteString(path),
      reader: reader, registry: try await head().registry, timestamp: now)
    let credential = try request.signed(by: key).credential
    return try await send("GET", path, timeoutSeconds: 15, credential: credential.text)
  }

  /// Reads as the operator that the daemon maps this process's account to.
  package func read(_ path: String) async throws -> JSONValue {
    try await send("GET", path, timeoutSeconds: 15)
  }

  private func send(
    _ method: String, _ path: String, _ body: [UInt8]? = nil, timeoutSeconds: Int,
    credential: String? = nil
  ) async throws -> JSONValue {
    let response: SocketExchange.Response
    do {
      response = try await SocketExchange(socket: socket, timeoutSeconds: timeoutSeconds).send(
        method, path, body: body ?? [],
        type: body == nil ? nil : "application/vnd.dsse+json", credential: credential)
    } catch {
      throw Fault.unreachable(socket: socket, reason: "\(error)")
    }
    let json: JSONValue
    do {
      json = try JSONParser.parse(response.body)
    } catch {
      throw Fault.malformed("\(error)")
    }
    if let failure = json["error"] {
      throw Fault.refused(
        status: response.status, code: failure["code"]?.string?.text ?? "no_decision",
        message: failure["message"]?.string?.text ?? "")
    }
    return json
  }
}
