import CanonicalJSON
import Cells
import Console
import Foundation
import Registry
import Statements
import Synchronization

/// What a console knows of the deciding services: what they wrote, and what their sockets say.
///
/// A row can be written by whoever can write the file; that a service of this machine decides is said
/// only by a connection that a process at the registry's own socket keeps open.
final class ServiceBoard: Sendable {
  /// How one socket was found.
  enum Link: Sendable, Hashable {
    /// A process answered as this service and keeps the connection open.
    case watched(service: String)
    /// The same; it says that it cannot decide.
    case refusing(service: String, since: Timestamp)
    /// It said that it ends, and why.
    case stopped(service: String, at: Timestamp, by: String)
    /// The connection ended without a word, nobody listens, or nobody answers.
    case lost(service: String?, since: Timestamp)
    /// There is no socket.
    case absent
  }

  private struct State {
    var rows: [ServiceRow] = []
    var links: [String: Link] = [:]
    var hasRead = false
    var posted: [ServiceReport]?
  }

  /// Rows that are looked at.
  static let rowLimit = 16
  /// An instance that ended so long ago says nothing as long as another one decides.
  private static let endedMilliseconds: Int64 = 3_600_000

  let host: String
  /// The registry's folder, as every process can follow it.
  ///
  /// Only sockets in it, or named by this console's own configuration, are connected to: what a row
  /// names may be anything.
  private let folder: String
  private let named: Set<String>
  private let now: @Sendable () -> Timestamp
  private let post: @Sendable ([ServiceReport]) -> Void
  private let state = Mutex(State())

  init(
    registry path: String, host: String = ServiceBoard.hostName, sockets: [String] = [],
    now: @escaping @Sendable () -> Timestamp,
    post: @escaping @Sendable ([ServiceReport]) -> Void = { _ in }
  ) {
    self.host = host
    folder = ServiceBoard.folder(of: path)
    named = Set(
      sockets.map { ServiceBoard.folder(of: $0) + "/" + ($0 as NSString).lastPathComponent })
    self.now = now
    self.post = post
  }

  /// The folder of a file, without links.
  private static func folder(of path: String) -> String {
    let folder = (path as NSString).deletingLastPathComponent
    guard let found = realpath(folder.isEmpty ? "." : folder, nil) else { return folder }
    defer { free(found) }
    return String(cString: found)
  }

  /// The name of this machine, as its services write it.
  static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The sockets to watch: the usual one, those of the configuration, and those that rows name in the
  /// registry's folder.
  var sockets: Set<String> {
    let rows = state.withLock { $0.rows }
    let found = rows.filter { isLocal($0) }.map(\.socket)
    return named.union(found).union(["\(folder)/countersignd.sock"])
  }

  /// Whether a row is of a service whose socket is watched here.
  private func isLocal(_ row: ServiceRow) -> Bool {
    guard row.host == host else { return false }
    if named.contains(row.socket) { return true }
    let parts = (row.socket as NSString)
    return parts.deletingLastPathComponent == folder && row.socket.utf8.count <= 107
      && ![".", "..", ""].contains(parts.lastPathComponent)
  }

  /// Takes what the services wrote.
  func take(_ rows: [ServiceRow]) {
    change {
      $0.rows = Array(rows.prefix(ServiceBoard.rowLimit))
      $0.hasRead = true
    }
  }

  /// Takes how a socket was found.
  ///
  /// What a service last said of itself stands until it says something else: that nobody listens
  /// afterwards is known by then.
  func take(_ link: Link, at socket: String) {
    change { state in
      switch (state.links[socket], link) {
      case (.stopped, .lost), (.stopped, .absent), (.lost, .lost), (.lost, .absent): break
      default: state.links[socket] = link
      }
    }
  }

  func link(at socket: String) -> Link? { state.withLock { $0.links[socket] } }

  /// Whether every socket has been tried.
  var isSettled: Bool {
    let wanted = sockets
    return state.withLock { state in wanted.allSatisfy { state.links[$0] != nil } }
  }

  private func change(_ body: (inout State) -> Void) {
    state.withLock { state in
      body(&state)
      let reports = self.reports(state)
      // Before both have been looked at once, nothing can be said.
      guard state.hasRead, !state.links.isEmpty, reports != state.posted else { return }
      state.posted = reports
      // Posted in the order in which they came about.
      post(reports)
    }
  }

  /// How the services stand.
  var reports: [ServiceReport] { state.withLock { reports($0) } }

  private func reports(_ state: State) -> [ServiceReport] {
    let now = now()
    // What no row tells of is told by its socket alone.
    var links = state.links
    var reports: [ServiceReport] = []
    for row in state.rows {
      guard let service = Principal(ByteString(row.service)), service.kind == .service else {
        continue
      }
      let link = isLocal(row) ? links.removeValue(forKey: row.socket) : nil
      if isLocal(row), link == nil { continue }
      // Another service may have taken the place of the one that wrote the row.
      if let answering = link?.service, answering != service.description {
        links[row.socket] = link
        continue
      }
      reports.append(
        ServiceReport(
          name: service.name, host: row.host == host ? nil : row.host,
          state: self.state(of: row, link, at: now), tenths: row.tenths, beat: row.beat,
          lastDecision: row.lastDecision))
    }
    for link in links.values where link != .absent {
      let service = link.service.flatMap { Principal(ByteString($0)) }
      // Without a row or an answer it has no other name.
      reports.append(ServiceReport(name: service?.name ?? "countersignd", state: link.state))
    }
    return pruned(reports, at: now)
  }

  private static let clockMilliseconds: Int64 = 5_000

  private func state(
    of row: ServiceRow, _ link: Link?, at now: Timestamp
  ) -> ServiceReport.State {
    let ended = row.ended.map { ServiceReport.State.stopped(at: $0, by: row.cause.signalName) }
    switch link {
    case .watched, .refusing, .stopped: return link?.state ?? .silent(since: row.beat)
    case .lost(let service, let since):
      if let ended { return ended }
      // Never seen at work from here: it was last heard of by its row.
      return .unreachable(since: service == nil ? min(since, row.beat) : since)
    case .absent: return ended ?? .unreachable(since: row.beat)
    case nil:
      if let ended { return ended }
      let silence = now.milliseconds(since: row.beat)
      // The clocks of two machines differ a little; a row from the future is nobody's heartbeat.
      let fresh = -ServiceBoard.clockMilliseconds...ServiceReport.freshMilliseconds
      return fresh.contains(silence) ? .reported : .silent(since: row.beat)
    }
  }

  /// Without instances that ended long ago, if others decide; the worst first.
  private func pruned(_ reports: [ServiceReport], at now: Timestamp) -> [ServiceReport] {
    let isServed = reports.contains(where: \.isDeciding)
    func end(_ report: ServiceReport) -> Timestamp? {
      switch report.state {
      case .stopped(let at, _): at
      case .unreachable(let since), .silent(let since): since
      default: nil
      }
    }
    let kept = reports.filter { report in
      guard isServed, let end = end(report) else { return true }
      return now.milliseconds(since: end) < ServiceBoard.endedMilliseconds
    }
    return kept.sorted {
      ($0.isDown ? 0 : 1, $0.name, $0.host ?? "") < ($1.isDown ? 0 : 1, $1.name, $1.host ?? "")
    }
  }
}

extension ServiceBoard.Link {
  /// Who answered.
  var service: String? {
    switch self {
    case .watched(let service), .refusing(let service, _), .stopped(let service, _, _): service
    case .lost(let service, _): service
    case .absent: nil
    }
  }

  fileprivate var state: ServiceReport.State {
    switch self {
    case .watched: .deciding
    case .refusing(_, let since): .refusing(since: since)
    case .stopped(_, let at, let by): .stopped(at: at, by: by)
    case .lost(_, let since): .unreachable(since: since)
    case .absent: .unreachable(since: Timestamp(milliseconds: 0))
    }
  }
}

extension String {
  /// What ended a service, if it is the name of a signal or the words for a fault: a row or a socket
  /// may say anything.
  var signalName: String {
    let isSignal =
      hasPrefix("SIG") && utf8.count <= 12
      && utf8.dropFirst(3).allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) }
    return isSignal || self == "a fault" ? self : ""
  }
}
