import CanonicalJSON
import Cells
import Console
import Foundation
import Statements
import TestSupport
import Testing

/// What row 1 and the review say of the deciding services, at every width.
@Suite struct ServiceHeaderTests {
  private let now = Timestamp(milliseconds: 1_795_428_000_000)

  private func at(_ seconds: Double) -> Timestamp {
    now.advanced(byMilliseconds: Int64(-seconds * 1000))
  }

  private var deciding: ServiceReport {
    ServiceReport(
      name: "gateway-1", state: .deciding, tenths: 120, beat: at(0.3), lastDecision: at(0.4))
  }

  private var states: [(name: String, services: [ServiceReport]?)] {
    func report(_ state: ServiceReport.State, _ name: String = "gateway-1") -> ServiceReport {
      ServiceReport(name: name, state: state, tenths: 120, beat: at(400), lastDecision: at(401))
    }
    return [
      ("not known yet", nil), ("none", []), ("deciding", [deciding]),
      ("at rest", [report(.deciding)]),
      ("slow", [ServiceReport(name: "gateway-1", state: .deciding, tenths: 3, beat: at(1))]),
      ("stopped", [report(.stopped(at: at(65), by: "SIGTERM"))]),
      ("ended by nothing it could name", [report(.stopped(at: at(65), by: ""))]),
      ("unreachable", [report(.unreachable(since: at(65)))]),
      ("refusing", [report(.refusing(since: at(65)))]),
      (
        "elsewhere, a moment ago",
        [
          ServiceReport(
            name: "gateway-1", host: "build-02", state: .reported, tenths: 10, beat: at(1))
        ]
      ),
      (
        "elsewhere, silent",
        [ServiceReport(name: "gateway-1", host: "build-02", state: .silent(since: at(65)))]
      ),
      ("three deciding", [deciding, deciding, deciding]),
      (
        "one of three stopped",
        [report(.stopped(at: at(65), by: "SIGTERM")), deciding, deciding]
      ),
      (
        "two unreachable",
        [report(.unreachable(since: at(9))), report(.unreachable(since: at(65)), "gateway-2")]
      ),
      (
        "a long name",
        [report(.unreachable(since: at(9)), String(repeating: "gateway-", count: 8))]
      ),
    ]
  }

  private func model(
    _ services: [ServiceReport]?, _ width: Int, _ height: Int,
    change: (inout Session) -> Void = { _ in }
  ) -> ConsoleModel {
    var session = Session(registry: "northgate", who: Principal("user:bob"), key: "8095-ef44")
    change(&session)
    var model = ConsoleModel(session: session, width: width, height: height, now: now)
    _ = model.start()
    var status = RegistryStatus()
    status.size = 82
    _ = model.update(.changed(status), at: now)
    _ = model.update(.verification(.verified(size: 82, at: now)), at: now)
    if let services { _ = model.update(.services(services), at: now) }
    return model
  }

  @Test func `each state is as recorded at three widths`() throws {
    var text = ""
    for (name, services) in states {
      text += "\(name)\n"
      for (width, height) in [(60, 18), (80, 24), (120, 40)] {
        let row = Screen.draw(model(services, width, height)).lines[0]
        text += "|\(row)|\n"
      }
    }
    try Golden.expect(text: text, "services-header")
  }

  @Test func `at 80 columns the pace and the log's state stand side by side`() {
    let row = Screen.draw(model([deciding], 80, 24)).lines[0]
    #expect(row.contains("gateway-1 deciding 12/s 0.4s") && row.contains("log OK #81"), "\(row)")
    #expect(row.contains("northgate") && row.contains("user:bob"), "\(row)")
  }

  @Test(arguments: [(60, 18), (80, 24), (120, 40)])
  func `whatever else there is to say, a service that is down is named whole and in alarm`(
    width: Int, height: Int
  ) {
    for state in [
      ServiceReport.State.stopped(at: at(65), by: "SIGTERM"), .unreachable(since: at(65)),
    ] {
      let report = ServiceReport(name: "gateway-1", state: state)
      var model = model([report, deciding], width, height) {
        $0.isSolo = true
        $0.context = "a-context-with-a-long-name"
      }
      _ = model.update(.keyState(.unlocked(until: now.advanced(bySeconds: 60))), at: now)
      let screen = Screen.draw(model)
      #expect(screen.lines[0].contains(report.words), "\(screen.lines[0])")
      let start = screen.lines[0].range(of: report.words).map {
        screen.lines[0].distance(from: screen.lines[0].startIndex, to: $0.lowerBound)
      }
      #expect(start.map { screen[$0, 0].role == .alert } == true)
    }
  }

  @Test func `what changes is said once, and the same reports say nothing`() {
    var model = model([deciding], 80, 24)
    let stopped = ServiceReport(name: "gateway-1", state: .stopped(at: now, by: "SIGTERM"))
    _ = model.update(.services([stopped]), at: now)
    #expect(model.notice.contains("gateway-1 stopped at 10:00:00 by SIGTERM"))
    #expect(model.notice.contains("nothing is decided"))
    let said = model.messages.count
    _ = model.update(.services([stopped]), at: now)
    #expect(model.messages.count == said)
    // What is bad stays its five seconds beside what is newer.
    _ = model.update(.services([deciding]), at: now)
    #expect(model.messages.last?.text == "gateway-1 decides again")
    _ = model.update(.tick, at: now.advanced(bySeconds: 6))
    // The first reports are no change: they stand in row 1.
    #expect(self.model([stopped], 80, 24).notice.isEmpty)
  }

  @Test func `the console counts seconds for a minute after a decision, then rests`() {
    #expect(model([deciding], 80, 24).countsDown)
    let rested = ServiceReport(
      name: "gateway-1", state: .deciding, tenths: 10, beat: at(61), lastDecision: at(61))
    #expect(!model([rested], 80, 24).countsDown)
    #expect(Screen.draw(model([rested], 80, 24)).lines[0].contains("gateway-1 deciding 0/s 1m"))
  }

  @Test func `each tick asks the services whether they still answer`() {
    for view in "1350".unicodeScalars {
      var model = model([deciding], 80, 24)
      _ = model.update(.key(.character(view)), at: now)
      #expect(model.update(.tick, at: now.advanced(bySeconds: 6)).contains(.probeServices))
    }
  }

  @Test func `what of the past is shown says nothing of services now`() {
    var model = model([ServiceReport(name: "gateway-1", state: .unreachable(since: now))], 80, 24)
    _ = model.update(.travelled(to: 5, at: now), at: now)
    #expect(!Screen.draw(model).lines[0].contains("UNREACHABLE"))
  }

  @Test func `a notice for an approval names the service that would release it`() {
    let stopped = ServiceReport(name: "gateway-1", state: .stopped(at: at(0), by: "SIGTERM"))
    let other = ServiceReport(name: "gateway-2", state: .deciding)
    let notice = [stopped, other].approvalNotice(for: "gateway-1", until: "before 10:05:00")
    #expect(
      notice
        == "gateway-1 stopped at 10:00:00 by SIGTERM: an approval is recorded now and released when "
        + "the service runs again and the agent asks, before 10:05:00")
    #expect([stopped, other].approvalNotice(for: "gateway-2", until: "") == nil)
    // Another instance of the same service releases it as well.
    let second = ServiceReport(name: "gateway-1", host: "b", state: .reported)
    #expect([stopped, second].approvalNotice(for: "gateway-1", until: "") == nil)
    #expect([ServiceReport]().approvalNotice(for: "gateway-1", until: "") == nil)
  }
}
