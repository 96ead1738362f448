import Authority
import Cells
import Console
import Foundation
import Registry
import Statements

/// Presses the keys of a file and writes the screen as text or SVG.
enum ScriptRunner {
  static let help = """
    One step a line; # begins a comment.
      press KEY ...    keys by name: j, C-d, Enter, Esc, Tab, S-Tab, Space, PgDn, F1, Up, ...
      type TEXT        letters, as typed
      command TEXT     after `:`, then Enter
      see TEXT         waits until the screen says it, 20 s at most; else ends with 1
      wait MS          milliseconds
      resize 100x30
      dump FILE        writes the screen as text
      svg FILE         draws it in the theme's colours
    """

  enum Step: Equatable {
    case press([KeyPress])
    case type(String)
    case command(String)
    case see(String)
    case wait(Int)
    case resize(Int, Int)
    case dump(String)
    case svg(String)
  }

  /// Reads a script; what is wrong with it is told with its line.
  static func steps(_ text: String, file: String) throws -> [Step] {
    var steps: [Step] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard let verb = words.first, !verb.hasPrefix("#") else { continue }
      let rest = words.count > 1 ? words[1] : ""
      func fault(_ problem: String) -> CommandFault {
        CommandFault(
          "script_malformed", "\(file):\(index + 1): \(problem); see: console --help-script")
      }
      switch verb {
      case "press":
        steps.append(
          .press(
            try rest.split(separator: " ").map { name in
              guard let key = KeyPress(name: String(name)) else {
                throw fault("\"\(name)\" is no key")
              }
              return key
            }))
      case "type": steps.append(.type(rest))
      case "command": steps.append(.command(rest))
      case "see": steps.append(.see(rest))
      case "wait":
        guard let milliseconds = Int(rest), (0...600_000).contains(milliseconds) else {
          throw fault("wait takes milliseconds")
        }
        steps.append(.wait(milliseconds))
      case "resize":
        guard let (width, height) = size(rest) else { throw fault("\"\(rest)\" is no size") }
        steps.append(.resize(width, height))
      case "dump": steps.append(.dump(rest))
      case "svg": steps.append(.svg(rest))
      default: throw fault("there is no step \(verb)")
      }
    }
    return steps
  }

  static func size(_ text: String) -> (Int, Int)? {
    let parts = text.split(separator: "x").compactMap { Int($0) }
    guard parts.count == 2, (1...500).contains(parts[0]), (1...200).contains(parts[1]) else {
      return nil
    }
    return (parts[0], parts[1])
  }

  static func run(_ steps: [Step], _ driver: ConsoleDriver) throws {
    for step in steps where !driver.hasQuit {
      switch step {
      case .press(let keys):
        for key in keys {
          if case .chord(let first, let second) = key {
            driver.press(.character(first))
            driver.press(.character(second))
          } else {
            driver.press(key)
          }
        }
      case .type(let text): for scalar in text.unicodeScalars { driver.press(.character(scalar)) }
      case .command(let text):
        driver.press(.character(":"))
        for scalar in text.unicodeScalars { driver.press(.character(scalar)) }
        driver.press(.enter)
      case .see(let text):
        guard driver.see(text, seconds: 20) else {
          throw CommandFault(
            "script_unseen",
            "the screen never said \"\(text)\":\n" + driver.screen.lines.joined(separator: "\n"))
        }
      case .wait(let milliseconds):
        usleep(UInt32(milliseconds) * 1000)
        driver.settle()
      case .resize(let width, let height): driver.resize(width: width, height: height)
      case .dump(let path): try write(text(driver.screen), path)
      case .svg(let path): try write(svg(driver), path)
      }
    }
  }

  static func text(_ screen: Buffer) -> String {
    screen.lines.map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n") + "\n"
  }

  static func svg(_ driver: ConsoleDriver) -> String {
    ScreenSVG.draw(driver.screen, theme: driver.theme, isLight: driver.theme.name == "light")
  }

  static func write(_ text: String, _ path: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    } catch {
      throw CommandFault("file_unwritable", "\(path) cannot be written")
    }
  }
}

extension ConsoleSession {
  /// Opens the console without a terminal.
  func driver(
    size: (width: Int, height: Int), registry: RegistryOptions, signer: OperatorOptions
  ) throws -> ConsoleDriver {
    let configuration = try files.configuration()
    let opening = try opening(context, registry, signer, configuration)
    let messages = ConsoleDriver.Messages()
    let runtime = try ConsoleRuntime(
      opening, files: files,
      openings: { [self] in
        try self.opening($0, RegistryOptions(), OperatorOptions(), configuration)
      },
      post: { messages.post($0) })
    var settings = settings(configuration)
    settings.isASCII = isASCII
    let model = ConsoleModel(
      session: opening.session, settings: settings, width: size.width, height: size.height,
      now: Clock.system.now())
    return ConsoleDriver(
      model, runtime: runtime, messages: messages, theme: try Themes.find(opening.theme))
  }

  func run(
    script: String, size: String, dump: String?, svg: String?, registry: RegistryOptions,
    signer: OperatorOptions
  ) async throws {
    guard let size = ScriptRunner.size(size) else {
      throw CommandFault("size_malformed", "--size is COLUMNSxROWS, as 80x24")
    }
    let text = String(decoding: try Parse.file(script), as: UTF8.self)
    let steps = try ScriptRunner.steps(text, file: script)
    let driver = try driver(size: size, registry: registry, signer: signer)
    driver.start(first: first)
    try ScriptRunner.run(steps, driver)
    if let dump { try ScriptRunner.write(ScriptRunner.text(driver.screen), dump) }
    if let svg { try ScriptRunner.write(ScriptRunner.svg(driver), svg) }
    if dump == nil, svg == nil { print(ScriptRunner.text(driver.screen), terminator: "") }
  }
}
