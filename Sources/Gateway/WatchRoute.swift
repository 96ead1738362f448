import Authority
import CanonicalJSON
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Statements
import Synchronization

/// What ended the service, once something has.
final class EndOfService: Sendable {
  private let end = Mutex<(cause: String, at: Timestamp)?>(nil)

  /// The first cause counts.
  func note(_ cause: String, at now: Timestamp) {
    end.withLock { if $0 == nil { $0 = (cause, now) } }
  }

  var noted: (cause: String, at: Timestamp)? { end.withLock { $0 } }
}

/// `GET /v1/watch`: a response that says who decides here and goes on until the service ends.
///
/// Its first line is written at once, its last when the service ends of its own accord, as lines of
/// JSON; between them nothing is sent, so that neither side wakes for it. A process that is killed
/// writes no last line, and the kernel ends the connection. It says no more than `GET /v1/head`, and
/// so asks for no credential.
struct WatchRoute: AnsweringJSON {
  let authority: DecisionAuthority
  let end: EndOfService
  let logger: Logger
  let watchers = WatcherCount(limit: 16)

  func add(to router: Router<GatewayContext>) {
    router.get("/v1/watch") { _, context in
      guard watchers.enter(await context.peerUser(), context.channel) else {
        return failure(
          .tooManyRequests, "too_many_watchers",
          "this account watches over \(watchers.limit) connections already; close one of them")
      }
      let (registry, service) = (await authority.registry, authority.service)
      return Response(
        status: .ok, headers: [.contentType: "application/jsonl"],
        body: ResponseBody { writer in
          try await writer.write(
            line([
              "registry": JSONValue(registry), "service": service.json, "state": "deciding",
            ]))
          await untilEnd(of: context.channel)
          if let noted = end.noted {
            try await writer.write(
              line(["at": noted.at.json, "by": JSONValue(noted.cause), "state": "stopped"]))
          }
          try await writer.finish(nil)
        })
    }
  }

  private func line(_ json: JSONValue) -> ByteBuffer {
    ByteBuffer(bytes: json.exactBytes + [0x0A])
  }

  /// Waits until the service ends, or the watcher has closed its side.
  private func untilEnd(of channel: any Channel) async {
    let (ends, source) = AsyncStream<Void>.makeStream()
    channel.closeFuture.whenComplete { _ in source.finish() }
    // With half-closed connections a peer that has gone does not close the channel by itself.
    try? await channel.pipeline.addHandler(InputEnd { source.finish() }, position: .first).get()
    await withGracefulShutdownHandler {
      for await _ in ends {}
    } onGracefulShutdown: {
      source.finish()
    }
  }
}

/// Tells that the peer sends no more.
private final class InputEnd: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = Any

  private let ended: @Sendable () -> Void

  init(_ ended: @escaping @Sendable () -> Void) {
    self.ended = ended
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent { ended() }
    context.fireUserInboundEventTriggered(event)
  }
}

/// How many connections of each account watch the service.
final class WatcherCount: Sendable {
  let limit: Int
  private let counts = Mutex<[UInt32?: Int]>([:])

  init(limit: Int) {
    self.limit = limit
  }

  /// Counts a connection until it ends.
  ///
  /// - Returns: Whether the account may have it.
  func enter(_ user: UInt32?, _ channel: any Channel) -> Bool {
    let isWithin = counts.withLock { counts in
      guard counts[user, default: 0] < limit else { return false }
      counts[user, default: 0] += 1
      return true
    }
    if isWithin {
      channel.closeFuture.whenComplete { [self] _ in
        counts.withLock { counts in
          let left = counts[user, default: 1] - 1
          counts[user] = left > 0 ? left : nil
        }
      }
    }
    return isWithin
  }
}
