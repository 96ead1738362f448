import Cells
import Statements

/// Row 1: which registry, who, what may be done, who decides, and whether the log can be trusted.
enum StatusRow {
  /// One thing that the row says.
  private struct Part {
    /// From the longest to the shortest; empty once it is left out.
    var forms: [SafeText]
    let role: Role
    /// Left out where the row is narrow, the highest first; 0 stays.
    let drop: Int

    init(_ text: SafeText, _ role: Role, drop: Int = 0) {
      forms = [text]
      self.role = role
      self.drop = drop
    }

    init(forms: [SafeText], _ role: Role) {
      self.forms = forms
      self.role = role
      drop = 0
    }

    var text: SafeText { forms.first ?? "" }
  }

  /// What the row gives up, step by step, until it fits; a service that is down gives up nothing.
  private enum Step {
    case drop(Int)
    case shorten
    case clock
  }

  static func draw(_ model: ConsoleModel, _ buffer: inout Buffer) {
    let (parts, isLoud) = parts(model)
    let clock = SafeText(model.now.clock)
    let (shown, room) = fitted(parts, width: model.width, clock: clock.width)
    buffer.fill(row: 0, role: .header)
    var x = 1
    for part in shown {
      guard x < model.width - 2 else { break }
      x = buffer.put(part.text, x: x, y: 0, role: part.role, columns: max(0, room - x + 1)) + 2
    }
    if room < model.width - 2, x < model.width - clock.width {
      buffer.put(clock, x: model.width - clock.width - 1, y: 0, role: .header)
    }
    if isLoud { buffer.reverse(row: 0) }
  }

  /// What of the parts there is room for.
  private static func fitted(
    _ parts: [Part], width: Int, clock: Int
  ) -> (parts: [Part], room: Int) {
    var parts = parts
    var room = width - clock - 3
    let steps: [Step] = [
      .drop(6), .drop(5), .shorten, .clock, .shorten, .shorten, .drop(4), .drop(3), .drop(2),
      .drop(1),
    ]
    for step in steps {
      guard parts.reduce(0, { $0 + $1.text.width + 2 }) > room else { break }
      switch step {
      case .drop(let level): parts.removeAll { $0.drop == level }
      case .shorten:
        for index in parts.indices where parts[index].forms.count > 1 {
          parts[index].forms.removeFirst()
        }
      case .clock: room = width - 2
      }
    }
    return (parts, room)
  }

  private static func parts(_ model: ConsoleModel) -> (parts: [Part], isLoud: Bool) {
    let session = model.session
    let status = model.status
    var isLoud = session.isProduction
    // A registry that bears the program's name says it once.
    var parts = session.place == "countersign" ? [] : [Part("countersign", .header, drop: 6)]
    if session.isProduction { parts.append(Part("PRODUCTION", .production)) }
    let services = model.isPast ? nil : model.services?.summary(at: model.now)
    let isDown = services?.isAlarm == true
    // Where something is wrong, who and where give way to it last.
    parts.append(Part(SafeText(session.place).fitted(to: 28), .header, drop: isDown ? 1 : 0))
    let who = session.who?.description ?? "no key"
    parts.append(Part(SafeText(who).fitted(to: 24), .header, drop: isDown ? 3 : 0))
    if session.isReadOnly {
      parts.append(Part("READ ONLY", .alert))
      isLoud = true
    } else {
      parts.append(Part("RW", .header, drop: 5))
    }
    if session.isSolo { parts.append(Part("SOLO", .alert)) }
    if let past = model.asOf {
      parts.append(Part("AS OF #\(past.index) \(past.at.minute)", .alert))
      isLoud = true
    }
    if let services, services.isAlarm {
      parts.append(Part(forms: services.forms.map { SafeText($0) }, .alert))
      isLoud = true
    }
    if let lock = status?.everythingLock {
      parts.append(Part(forms: lock.forms.map { "EVERYTHING LOCKED " + SafeText($0) }, .alert))
      isLoud = true
    }
    if session.keyFault != nil {
      parts.append(Part("YOUR KEY CANNOT SIGN", .alert))
      isLoud = true
    } else if let key = key(model) {
      parts.append(key)
    }
    if let services, !services.isAlarm {
      parts.append(Part(forms: services.forms.map { SafeText($0) }, .header))
    }
    if let alarm = status?.alarm {
      parts.append(Part(SafeText(alarm), .alert))
      isLoud = true
    } else {
      let (text, role) = verification(model)
      if role == .header, status?.everythingLock != nil {
        // Beside a lock of everything the number of the last entry gives way.
        parts.append(Part(forms: [text, shortVerification(model)], role))
      } else {
        parts.append(Part(text, role, drop: role == .alert ? 0 : isDown ? 2 : 0))
      }
      if role == .alert { isLoud = true }
    }
    return (parts, isLoud)
  }

  private static func key(_ model: ConsoleModel) -> Part? {
    switch (model.session.signer, model.keyState) {
    case (.none, _): nil
    case (.agent(let isForwarded), _):
      Part(
        isForwarded ? "! forwarded ssh-agent" : "ssh-agent", .header, drop: isForwarded ? 4 : 5)
    case (.sealed, .unlocked(let until)):
      Part("KEY OPEN \(max(0, until.milliseconds(since: model.now) / 1000))s", .statePending)
    case (.sealed, .locked): Part("key locked", .header, drop: 5)
    }
  }

  private static func shortVerification(_ model: ConsoleModel) -> SafeText {
    if case .verified = model.verification { "log OK" } else { verification(model).0 }
  }

  private static func verification(_ model: ConsoleModel) -> (SafeText, Role) {
    switch model.verification {
    case .waiting: return ("log not checked yet", .header)
    case .running(let done, let all):
      return ("checking the log \(all == 0 ? 0 : done * 100 / all)%", .header)
    case .verified(let size, _):
      let newer = (model.status?.size ?? 0) > size ? (model.status?.size ?? 0) - size : 0
      // By its last entry, as entries are named everywhere else.
      return (
        SafeText("log OK #\(size == 0 ? 0 : size - 1)\(newer > 0 ? " +\(newer)" : "")"), .header
      )
    case .broken(let index, let code, _):
      let isLogs = index != nil || Verification.logCodes.contains(code)
      return (
        SafeText(
          "\(isLogs ? "LOG BROKEN" : "LOG NOT CHECKED") \(index.map { "at #\($0)" } ?? code)"),
        .alert
      )
    }
  }
}
