import NIOCore
import Synchronization

/// How many connections each account of this machine has open.
///
/// One account cannot take the places of all others: a connection beyond its limit is closed at once.
final class ConnectionQuota: Sendable {
  private let limit: Int
  private let counts = Mutex<[UInt32: Int]>([:])

  init(limit: Int) {
    self.limit = limit
  }

  /// Counts a connection until it ends; one that is beyond the limit ends now.
  func take(_ channel: any Channel) {
    PeerCredentials.user(of: channel).whenSuccess { [self] user in
      guard let user else { return }
      let isWithin = counts.withLock { counts in
        counts[user, default: 0] += 1
        return counts[user, default: 0] <= limit
      }
      channel.closeFuture.whenComplete { [self] _ in
        counts.withLock { counts in
          let left = counts[user, default: 1] - 1
          counts[user] = left > 0 ? left : nil
        }
      }
      if !isWithin { channel.close(promise: nil) }
    }
  }

  /// Takes each connection of a server as it is opened.
  var handler: some RemovableChannelHandler & ChannelInboundHandler & Sendable {
    Handler(quota: self)
  }

  private final class Handler: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = Any

    private let quota: ConnectionQuota

    init(quota: ConnectionQuota) {
      self.quota = quota
    }

    func handlerAdded(context: ChannelHandlerContext) { quota.take(context.channel) }
  }
}
