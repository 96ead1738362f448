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

  package init(
    mailbox: Mailbox, now: @escaping () -> Timestamp, perform: @escaping (Effect) -> Void
  ) {
    self.mailbox = mailbox
    self.now = now
    self.perform = perform
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
    session: Session, theme: Theme, noColor: Bool, started: () -> Void
  ) -> End {
    cs_install_handlers(mailbox.writeEnd)
    guard let size = NCursesScreen.size(),
      let screen = NCursesScreen(theme: theme, noColor: noColor)
    else { return .noTerminal }
    defer { screen.close() }
    started()
    var model = ConsoleModel(
      session: session, width: size.width, height: size.height, now: now())
    var decoder = KeyDecoder()
    screen.show(Screen.draw(model))
    while true {
      var polled = [
        pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
        pollfd(fd: mailbox.readEnd, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(&polled, 2, timeout(model, decoder))
      var messages: [Message] = []
      if ready == 0 {
        if decoder.awaitsEscape { messages += decoder.settle().map(Message.key) }
        messages.append(.tick)
      }
      if polled[1].revents != 0 {
        for signal in mailbox.signals() {
          switch signal {
          case SIGWINCH:
            if let size = NCursesScreen.size() {
              screen.resize(width: size.width, height: size.height)
              messages.append(.resized(width: size.width, height: size.height))
            }
          case SIGTSTP: messages.append(.key(.control("z")))
          case SIGCONT: screen.repaint()
          default: return .signal(signal)
          }
        }
        messages += mailbox.take()
      }
      if polled[0].revents & Int16(POLLIN) != 0 {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(0, &bytes, 4096)
        if count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN) { return .hangUp }
        messages += decoder.feed(Array(bytes.prefix(max(0, count)))).map(Message.key)
      } else if polled[0].revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0 {
        return .hangUp
      }
      for message in messages {
        for effect in model.update(message, at: now()) {
          switch effect {
          case .quit: return .quit
          case .repaint: screen.repaint()
          case .suspend:
            screen.suspend()
            decoder.flush()
            if let size = NCursesScreen.size() {
              screen.resize(width: size.width, height: size.height)
              _ = model.update(.resized(width: size.width, height: size.height), at: now())
            }
          case .bell:
            var bell: UInt8 = 7
            write(1, &bell, 1)
          default: perform(effect)
          }
        }
      }
      if messages.isEmpty { _ = model.update(.tick, at: now()) }
      screen.show(Screen.draw(model))
    }
  }

  /// Milliseconds to wait: an ESC settles soon, countdowns move each second, else nothing wakes.
  private func timeout(_ model: ConsoleModel, _ decoder: KeyDecoder) -> Int32 {
    if decoder.awaitsEscape { return getenv("SSH_TTY") == nil ? 25 : 50 }
    if model.overlay != nil { return 200 }
    return model.snapshot?.holds.isEmpty == false || model.snapshot == nil ? 1000 : 30_000
  }

  /// Ends this process as the signal would have.
  package static func die(by signal: Int32) {
    cs_die_by(signal)
  }
}
