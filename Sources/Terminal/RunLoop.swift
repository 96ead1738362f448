import CNCurses
import Cells
package import Console
import Glibc
package import Statements

/// Reads keys, feeds the model, draws; blocks when nothing happens.
@MainActor
package struct RunLoop {
  private let mailbox: Mailbox
  private let now: () -> Timestamp
  private let perform: (Effect) -> Void
  private let theme: (String) throws -> Theme

  /// `theme`: Finds a theme by its name.
  package init(
    mailbox: Mailbox, now: @escaping () -> Timestamp, perform: @escaping (Effect) -> Void,
    theme: @escaping (String) throws -> Theme
  ) {
    self.mailbox = mailbox
    self.now = now
    self.perform = perform
    self.theme = theme
  }

  /// Why the console ended.
  package enum End {
    case quit
    case hangUp
    case signal(Int32)
    case noTerminal
  }

  /// Runs the console on this terminal until it ends; the terminal is then as it was.
  ///
  /// `started` is called once the terminal is open: curses sets the locale and the environment, which
  /// no other thread may be reading meanwhile.
  package func run(
    _ model: ConsoleModel, first line: String?, theme: Theme, options: TerminalOptions,
    started: () -> Void
  ) -> End {
    cs_install_handlers(mailbox.writeEnd)
    guard let size = NCursesScreen.size(),
      let screen = NCursesScreen(theme: theme, options: options)
    else { return .noTerminal }
    defer { screen.close() }
    if let path = options.errorsPath { _ = path.withCString { cs_divert_errors($0) } }
    defer { cs_restore_errors() }
    started()
    var model = model
    for effect in model.start() { perform(effect) }
    let sized = Message.resized(width: size.width, height: size.height)
    for effect in model.update(sized, at: now()) { perform(effect) }
    if let line { for effect in model.run(line) { perform(effect) } }
    var decoder = KeyDecoder()
    screen.show(Screen.draw(model))
    // Also while messages arrive without a pause: what the clock ends is ended by ticks.
    var ticked = RunLoop.clock()
    model.noteDrawn()
    let escape = options.escapeMilliseconds ?? (getenv("SSH_TTY") == nil ? 25 : 50)
    while true {
      var polled = [
        pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
        pollfd(fd: mailbox.readEnd, events: Int16(POLLIN), revents: 0),
      ]
      let patience = decoder.patience(escape: escape)
      let ready = poll(&polled, 2, patience.map { Int32($0) } ?? timeout(model))
      var messages: [Message] = []
      if ready == 0 {
        if patience != nil { messages += decoder.settle(at: RunLoop.clock()).map(Message.key) }
        messages.append(.tick)
      }
      if polled[1].revents != 0 {
        for signal in mailbox.signals() {
          switch signal {
          case SIGWINCH: messages += resize(screen)
          case SIGTSTP: messages.append(.key(.control("z")))
          case SIGCONT:
            screen.reopen()
            messages += resize(screen)
          default: return .signal(signal)
          }
        }
        messages += mailbox.take()
      }
      if polled[0].revents & Int16(POLLIN) != 0 {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(0, &bytes, 4096)
        if count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN) { return .hangUp }
        messages += decoder.feed(Array(bytes.prefix(max(0, count))), at: RunLoop.clock())
          .map(Message.key)
      } else if polled[0].revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0 {
        return .hangUp
      }
      if ready == 0 {
        ticked = RunLoop.clock()
      } else if RunLoop.clock() - ticked >= Int64(timeout(model)) {
        ticked = RunLoop.clock()
        messages.append(.tick)
      }
      for message in messages {
        for effect in model.update(message, at: now()) {
          switch effect {
          case .quit: return .quit
          case .suspend:
            screen.suspend()
            decoder.flush()
            for message in resize(screen) {
              for effect in model.update(message, at: now()) { take(effect, screen, &model) }
            }
          default: take(effect, screen, &model)
          }
        }
      }
      screen.show(Screen.draw(model))
      model.noteDrawn()
    }
  }

  private func resize(_ screen: NCursesScreen) -> [Message] {
    guard let size = NCursesScreen.size() else { return [] }
    screen.resize(width: size.width, height: size.height)
    return [.resized(width: size.width, height: size.height)]
  }

  /// What the terminal itself does; the rest is handed on.
  private func take(_ effect: Effect, _ screen: NCursesScreen, _ model: inout ConsoleModel) {
    switch effect {
    case .repaint: screen.repaint()
    case .bell: "\u{7}".withCString { cs_send($0, 1) }
    case .notify(let text):
      let sequence = "\u{1B}]9;\(SafeText(text).text)\u{7}"
      sequence.withCString { cs_send($0, sequence.utf8.count) }
    case .mouse(let isOn): screen.mouse(isOn)
    case .copy(let text):
      _ = model.update(.said(Clipboard.copy(text)), at: now())
    case .useTheme(let name):
      do {
        screen.use(try theme(name))
      } catch {
        _ = model.update(.failed("\(error)"), at: now())
      }
    default: perform(effect)
    }
  }

  /// A clock that only runs forward, in milliseconds.
  private static func clock() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// Milliseconds to wait: countdowns move each second; with none, the clock is at most five behind.
  private func timeout(_ model: ConsoleModel) -> Int32 {
    if model.isArming { return 100 }
    return model.countsDown ? 1000 : 5000
  }

  /// Ends this process as the signal would have.
  package static func die(by signal: Int32) {
    cs_die_by(signal)
  }

  /// Whether this terminal's character set is UTF-8.
  package static var isUTF8: Bool { cs_is_utf8() == 1 }
}
