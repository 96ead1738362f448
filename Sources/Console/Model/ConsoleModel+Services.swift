import Cells
import Statements

extension ConsoleModel {
  /// Takes how the deciding services stand, and says what has changed for the worse or the better.
  mutating func take(_ reports: [ServiceReport]) {
    let before = services
    services = reports
    guard let before else { return }
    func wasDown(_ report: ServiceReport) -> Bool? {
      before.first { $0.label == report.label }?.isDown
    }
    if let down = reports.first(where: { $0.isDown && wasDown($0) == false }),
      let problem = down.problem
    {
      let others = reports.contains { $0.isDeciding }
      say(
        others
          ? "\(problem); other services decide"
          : "\(problem): nothing is decided until a service runs again", isBad: true)
    } else if let back = reports.first(where: { $0.isDeciding && wasDown($0) == true }) {
      say("\(back.label) decides again")
    }
  }

  /// What an approval means while the service that would release the action decides nothing.
  func serviceLines(beside dialog: ConsentModel) -> [Line] {
    guard let release = dialog.consent.release, let services, !isPast,
      dialog.progress?.isOver != true,
      let notice = services.approvalNotice(
        for: release.service,
        until: release.words(at: now, isSigned: !dialog.steps.isOpen))
    else { return [] }
    let room = max(20, width - 1 - ConsentLayout.asideLabel)
    return SafeText(notice).wrapped(to: room).prefix(4).enumerated().map { index, part in
      Line(index == 0 ? "Service" : "", part, .alert)
    }
  }
}
