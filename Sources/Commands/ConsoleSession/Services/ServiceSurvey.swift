import Authority
import Console
import Registry

/// How the deciding services stand, looked at once, for a command that is not a console.
enum ServiceSurvey {
  /// Takes at most two and a half seconds, where something listens and does not answer.
  static func reports(_ database: RegistryDatabase, registry: String) -> [ServiceReport] {
    let board = ServiceBoard(registry: database.path, now: { Clock.system.now() })
    board.take((try? database.read { try $0.services(limit: ServiceBoard.rowLimit) }) ?? [])
    ServiceWatch.survey(board, registry: registry)
    return board.reports
  }
}
