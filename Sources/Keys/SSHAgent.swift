import Glibc

/// A running ssh-agent, asked over its socket.
///
/// - SeeAlso: draft-ietf-sshm-ssh-agent.
package struct SSHAgent: Sendable {
  package let socket: String

  /// One Ed25519 key the agent holds.
  package struct Key: Sendable {
    package let publicKey: PublicKey
    package let comment: String
    fileprivate let agent: SSHAgent
  }

  /// What an agent holds: the keys that can sign here, and the types of those that cannot.
  package struct Listing: Sendable {
    package let keys: [Key]
    package let otherTypes: [String]
  }

  private enum Message {
    static let requestIdentities: UInt8 = 11
    static let identities: UInt8 = 12
    static let signRequest: UInt8 = 13
    static let signature: UInt8 = 14
    static let limit = 256 << 10
  }

  /// The agent at a socket, usually the value of `SSH_AUTH_SOCK`.
  package init(socket: String) {
    self.socket = socket
  }

  package func list() throws(KeyFault) -> Listing {
    var reader = SSHReader(try ask([Message.requestIdentities]))
    guard reader.byte() == Message.identities, let count = reader.number(), count <= 4096 else {
      throw .agent(socket: socket, reason: "it did not list its keys")
    }
    var keys: [Key] = []
    var others: [String] = []
    for _ in 0..<count {
      guard let blob = reader.string(), let comment = reader.string() else {
        throw .agent(socket: socket, reason: "its list is cut short")
      }
      if let key = PublicKey(sshBlob: blob) {
        keys.append(
          Key(publicKey: key, comment: String(decoding: comment, as: UTF8.self), agent: self))
      } else {
        var inner = SSHReader(blob)
        others.append(String(decoding: inner.string() ?? [], as: UTF8.self))
      }
    }
    return Listing(keys: keys, otherTypes: others)
  }

  /// The key with a fingerprint, if the agent holds it.
  package func key(_ fingerprint: Fingerprint) throws(KeyFault) -> Key {
    let listing = try list()
    guard let key = listing.keys.first(where: { $0.publicKey.fingerprint == fingerprint }) else {
      let others =
        listing.otherTypes.isEmpty
        ? "" : "; of its keys, \(listing.otherTypes.joined(separator: ", ")) cannot sign here"
      throw .agent(socket: socket, reason: "it does not hold \(fingerprint)\(others)")
    }
    return key
  }

  /// Sends one message and reads the answer.
  private func ask(_ message: [UInt8]) throws(KeyFault) -> [UInt8] {
    guard socket.utf8.count <= 107 else {
      throw .agent(socket: socket, reason: "its path is over 107 bytes long")
    }
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw failure("no socket") }
    defer { close(descriptor) }
    var timeout = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else { throw failure(String(cString: strerror(errno))) }
    var rest = SSHWire.string(message)[...]
    while !rest.isEmpty {
      let sent = rest.withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard sent > 0 else { throw failure("it closed the connection") }
      rest = rest.dropFirst(sent)
    }
    var header = SSHReader(try read(4, from: descriptor))
    guard let length = header.number(), (1...Message.limit).contains(length) else {
      throw failure("its answer is too large")
    }
    return try read(length, from: descriptor)
  }

  private func read(_ count: Int, from descriptor: Int32) throws(KeyFault) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var length = 0
    while length < count {
      let got = bytes.withUnsafeMutableBytes {
        recv(descriptor, $0.baseAddress?.advanced(by: length), count - length, 0)
      }
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { throw failure("it closed the connection") }
      length += got
    }
    return bytes
  }

  private func failure(_ reason: String) -> KeyFault { .agent(socket: socket, reason: reason) }

  fileprivate func sign(_ message: [UInt8], with key: PublicKey) throws(KeyFault) -> Signature {
    var reader = SSHReader(
      try ask(
        [Message.signRequest] + SSHWire.string(key.sshBlob) + SSHWire.string(message)
          + SSHWire.number(0)))
    guard reader.byte() == Message.signature, let blob = reader.string() else {
      throw failure("it refused to sign; its owner may have to confirm")
    }
    var inner = SSHReader(blob)
    guard inner.string() == Array("ssh-ed25519".utf8), let bytes = inner.string(),
      let signature = try? Signature(bytes: bytes), key.verifies(signature, over: message)
    else { throw failure("what it signed does not verify") }
    return signature
  }
}

extension SSHAgent.Key {
  /// Asks the agent to sign bytes; what it gives back is checked.
  package func signature(over message: [UInt8]) throws(KeyFault) -> Signature {
    try agent.sign(message, with: publicKey)
  }
}
