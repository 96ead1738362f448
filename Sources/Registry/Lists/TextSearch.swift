import Glibc

/// Looks for bytes in a block, sixteen places at a time.
enum TextSearch {
  /// Where some bytes first stand at or after an offset.
  static func find(
    _ needle: [UInt8], in block: UnsafeRawBufferPointer, from start: Int
  ) -> Int? {
    guard let base = block.baseAddress, let first = needle.first, let last = needle.last,
      block.count - start >= needle.count
    else { return nil }
    let distance = needle.count - 1
    let firsts = SIMD16<UInt8>(repeating: first)
    let lasts = SIMD16<UInt8>(repeating: last)
    var at = start
    while at + distance + 16 <= block.count {
      // A place is looked at only where both the first and the last byte are right.
      let heads = base.loadUnaligned(fromByteOffset: at, as: SIMD16<UInt8>.self) .== firsts
      let tails =
        base.loadUnaligned(fromByteOffset: at + distance, as: SIMD16<UInt8>.self) .== lasts
      let both = heads .& tails
      let halves = unsafeBitCast(both, to: SIMD2<UInt64>.self)
      if halves.x | halves.y != 0 {
        for lane in 0..<16 where both[lane] && memcmp(base + at + lane, needle, needle.count) == 0 {
          return at + lane
        }
      }
      at += 16
    }
    while at + distance < block.count {
      if memcmp(base + at, needle, needle.count) == 0 { return at }
      at += 1
    }
    return nil
  }
}
