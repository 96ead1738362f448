import CSodium

/// Secret bytes in guarded memory: locked against swapping, kept out of core dumps, wiped at the end.
package struct SecretBytes: ~Copyable, @unchecked Sendable {
  private let memory: UnsafeMutableRawPointer
  package let count: Int

  /// Takes the bytes a closure writes into fresh guarded memory.
  package init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
    Sodium.require()
    guard let memory = sodium_malloc(max(1, count)) else {
      preconditionFailure("no guarded memory left; raise the limit on locked memory")
    }
    self.memory = memory
    self.count = count
    fill(UnsafeMutableRawBufferPointer(start: memory, count: count))
    sodium_mprotect_readonly(memory)
  }

  /// Moves bytes into guarded memory and wipes where they were.
  package init(wiping bytes: inout [UInt8]) {
    self.init(count: bytes.count) { target in
      bytes.withUnsafeBytes { target.copyMemory(from: $0) }
    }
    SecretBytes.wipe(&bytes)
  }

  deinit {
    sodium_free(memory)
  }

  package func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try body(UnsafeRawBufferPointer(start: memory, count: count))
  }

  /// Overwrites an array that held a secret.
  package static func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { buffer in
      if let start = buffer.baseAddress { sodium_memzero(start, buffer.count) }
    }
    bytes.removeAll()
  }
}

// The buffers of guarded memory always have an address.
extension UnsafeRawBufferPointer {
  var octets: UnsafePointer<UInt8> {
    assumingMemoryBound(to: UInt8.self).baseAddress.unsafelyUnwrapped
  }
}

extension UnsafeMutableRawBufferPointer {
  var octets: UnsafeMutablePointer<UInt8> {
    assumingMemoryBound(to: UInt8.self).baseAddress.unsafelyUnwrapped
  }
}
