import Glibc
import Keys

/// Reads a passphrase from a file descriptor or, unseen, from the terminal; never from an argument.
enum Passphrase {
  static func read(descriptor: Int32?, prompt: String) throws -> SecretBytes {
    if let descriptor { return try line(from: descriptor) }
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard terminal >= 0 else {
      throw CommandFault(
        "passphrase_missing", "there is no terminal to ask on; give --passphrase-fd N")
    }
    defer { close(terminal) }
    var settings = termios()
    tcgetattr(terminal, &settings)
    var silent = settings
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(terminal, TCSAFLUSH, &silent)
    defer {
      tcsetattr(terminal, TCSAFLUSH, &settings)
      _ = "\n".withCString { write(terminal, $0, 1) }
    }
    _ = prompt.withCString { write(terminal, $0, strlen($0)) }
    return try line(from: terminal)
  }

  /// A new passphrase, typed twice on a terminal.
  static func choose(descriptor: Int32?, prompt: String) throws -> SecretBytes {
    let first = try read(descriptor: descriptor, prompt: prompt)
    guard first.count > 0 else {
      throw CommandFault("passphrase_empty", "an operator key needs a passphrase")
    }
    guard descriptor == nil else { return first }
    let second = try read(descriptor: nil, prompt: "Again: ")
    let isSame = first.withBytes { a in second.withBytes { b in a.elementsEqual(b) } }
    guard isSame else { throw CommandFault("passphrase_differs", "the two passphrases differ") }
    return first
  }

  private static func line(from descriptor: Int32) throws -> SecretBytes {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(1024)
    defer { SecretBytes.wipe(&bytes) }
    var byte: UInt8 = 0
    while bytes.count < 1024 {
      let count = Glibc.read(descriptor, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw CommandFault(
          "passphrase_unreadable", "descriptor \(descriptor): \(String(cString: strerror(errno)))")
      }
      if count == 0 || byte == 0x0A { break }
      bytes.append(byte)
    }
    return SecretBytes(wiping: &bytes)
  }
}
