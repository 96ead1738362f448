import Glibc

/// The right to listen at a socket's path: an exclusive lock of the file `PATH.lock`.
///
/// Looking whether somebody answers at a socket and then removing it are two steps; of two daemons that start
/// at once, one could remove the socket that the other has just made. The kernel gives the lock to one of them,
/// and takes it back however that process ends. The file itself stays: removing it would let two processes
/// lock two files of one name.
struct SocketLock {
  private let descriptor: CInt

  /// `nil` if another process holds the lock; throws if the file cannot be opened.
  init?(of socket: String) throws(Fault) {
    let descriptor = open("\(socket).lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Fault(file: "\(socket).lock", code: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
  }

  func release() { close(descriptor) }

  struct Fault: Error, CustomStringConvertible {
    let file: String
    let code: CInt

    var description: String {
      "cannot open \(file): \(String(cString: strerror(code))); name another --socket"
    }
  }
}
