/// Searches of bytes in time linear in what is searched, whatever is searched for.
package enum ByteSearch {
  /// Where a needle first stands at or after a place.
  package static func first(_ needle: [UInt8], in hay: [UInt8], from start: Int = 0) -> Int? {
    guard let head = needle.first else { return start <= hay.count ? start : nil }
    guard needle.count <= hay.count - start else { return nil }
    if needle.count == 1 { return hay[start...].firstIndex(of: head) }
    if needle.count <= 4 || hay.count - start < 64 {
      var place = start
      let last = hay.count - needle.count
      while place <= last {
        if hay[place] == head, hay[place..<(place + needle.count)].elementsEqual(needle) {
          return place
        }
        place += 1
      }
      return nil
    }
    return places(needle, in: hay, from: start, limit: 1).first
  }

  /// Where a needle stands, from the left and without overlap (Knuth, Morris and Pratt).
  package static func places(
    _ needle: [UInt8], in hay: [UInt8], from start: Int = 0, limit: Int = .max
  ) -> [Int] {
    places(needle, in: hay, from: start, limit: limit, overlapping: false)
  }

  /// Where a needle stands, overlapping places too.
  static func overlappingPlaces(_ needle: [UInt8], in hay: [UInt8]) -> [Int] {
    places(needle, in: hay, from: 0, limit: .max, overlapping: true)
  }

  private static func places(
    _ needle: [UInt8], in hay: [UInt8], from start: Int, limit: Int, overlapping: Bool
  ) -> [Int] {
    guard !needle.isEmpty, limit > 0, hay.count - start >= needle.count else { return [] }
    // How much of the needle still matches where a longer match fails.
    var fallback = [Int](repeating: 0, count: needle.count)
    var length = 0
    for index in needle.indices.dropFirst() {
      while length > 0, needle[index] != needle[length] { length = fallback[length - 1] }
      if needle[index] == needle[length] { length += 1 }
      fallback[index] = length
    }
    var found: [Int] = []
    length = 0
    for index in start..<hay.count {
      while length > 0, hay[index] != needle[length] { length = fallback[length - 1] }
      if hay[index] == needle[length] { length += 1 }
      guard length == needle.count else { continue }
      found.append(index - needle.count + 1)
      if found.count == limit { break }
      length = overlapping ? fallback[length - 1] : 0
    }
    return found
  }
}
