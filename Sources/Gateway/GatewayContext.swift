import CanonicalJSON
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What a request brings along: the connection it came over, which says whose process asks.
struct GatewayContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: Source) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }

  /// The account whose process connected; nil unless over a Unix socket.
  func peerUser() async -> UInt32? {
    (try? await PeerCredentials.user(of: channel).get()) ?? nil
  }
}

/// `struct ucred` of unix(7), as `SO_PEERCRED` fills it.
struct PeerCredentials: Sendable {
  private let process: Int32
  private let user: UInt32
  private let group: UInt32

  /// The account whose process connected, as the kernel says; nil unless over a Unix socket.
  static func user(of channel: any Channel) -> EventLoopFuture<UInt32?> {
    guard channel.localAddress?.protocol == .unix, let socket = channel as? any SocketOptionProvider
    else { return channel.eventLoop.makeSucceededFuture(nil) }
    let peer: EventLoopFuture<PeerCredentials> = socket.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: 17))
    // The largest number is the kernel's word for "nobody is known".
    return peer.map { $0.user == UInt32.max ? nil : $0.user }
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
