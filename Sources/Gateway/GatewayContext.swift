import CanonicalJSON
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What a request brings along: the connection it came over, which says whose process asks.
struct GatewayContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  private let channel: any Channel

  init(source: Source) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }

  /// `struct ucred` of unix(7), as `SO_PEERCRED` fills it.
  private struct PeerCredentials: Sendable {
    let process: Int32
    let user: UInt32
    let group: UInt32
  }

  /// The account whose process connected, as the kernel says; nil unless over a Unix socket.
  func peerUser() async -> UInt32? {
    guard channel.localAddress?.protocol == .unix, let socket = channel as? any SocketOptionProvider
    else { return nil }
    let peer: PeerCredentials? = try? await socket.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: 17)
    ).get()
    // The kernel's word for "nobody is known".
    guard let peer, peer.user != UInt32.max else { return nil }
    return peer.user
  }
}

/// Routes that answer JSON, faults included.
protocol AnsweringJSON {
  var logger: Logger { get }
}

extension AnsweringJSON {
  func failure(
    _ status: HTTPResponse.Status, _ code: String, _ message: String
  ) -> Response {
    response(status, ["error": ["code": JSONValue(code), "message": JSONValue(message)]])
  }

  func response(_ status: HTTPResponse.Status, _ json: JSONValue) -> Response {
    let bytes = json.exactBytes
    return Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes + [0x0A])))
  }
}
