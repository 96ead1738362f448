import Authority
import Cells
import Console
import Foundation
import Statements
import Synchronization

/// A console without a terminal: the real model over the real registry, its keys given by a program.
final class ConsoleDriver {
  private(set) var model: ConsoleModel
  private let runtime: ConsoleRuntime
  private let waiting: Messages
  /// How far the console's clock runs before the real one: dialogs take keys only after a while.
  private var ahead: Int64 = 0
  private(set) var hasQuit = false
  private(set) var theme: Theme

  /// Where other threads leave messages.
  final class Messages: Sendable {
    private let list = Mutex<[Message]>([])

    func post(_ message: Message) { list.withLock { $0.append(message) } }

    func take() -> [Message] {
      list.withLock { waiting in
        defer { waiting = [] }
        return waiting
      }
    }
  }

  init(_ model: ConsoleModel, runtime: ConsoleRuntime, messages: Messages, theme: Theme) {
    self.model = model
    self.runtime = runtime
    self.theme = theme
    waiting = messages
  }

  private var now: Timestamp { Clock.system.now().advanced(byMilliseconds: ahead) }

  var screen: Buffer { Screen.draw(model) }

  func start(first: String?) {
    runtime.start()
    for effect in model.start() { perform(effect) }
    if let first { for effect in model.run(first) { perform(effect) } }
    settle()
  }

  func press(_ key: KeyPress) {
    ahead += model.isArming ? 1000 : 5
    take(.key(key))
    settle()
  }

  func resize(width: Int, height: Int) {
    take(.resized(width: width, height: height))
    settle()
  }

  private func take(_ message: Message) {
    for effect in model.update(message, at: now) { perform(effect) }
  }

  private func perform(_ effect: Effect) {
    switch effect {
    case .quit: hasQuit = true
    case .copy(let text): take(.said("copied: \(text.prefix(80))"))
    case .useTheme(let name):
      do {
        theme = try Themes.find(name)
      } catch {
        take(.failed("\(error)"))
      }
    case .bell, .notify, .mouse, .repaint, .suspend: break
    default: runtime.perform(effect)
    }
  }

  /// Waits until nothing is under way any more.
  func settle(seconds: Double = 30) {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      let isIdle = runtime.isIdle
      let messages = waiting.take()
      for message in messages { take(message) }
      // What ended before it was idle has posted before.
      if isIdle, messages.isEmpty { break }
      if messages.isEmpty { usleep(500) }
    }
    // Whoever writes the next key knows the screen as it is now.
    model.noteDrawn()
  }

  /// Waits until the screen says something.
  func see(_ text: String, seconds: Double) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      for message in waiting.take() { take(message) }
      take(.tick)
      if screen.lines.contains(where: { $0.contains(text) }) {
        model.noteDrawn()
        return true
      }
      usleep(20_000)
    }
    return false
  }
}
