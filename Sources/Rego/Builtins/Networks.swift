import CanonicalJSON

/// Addresses and networks: bounded by the lengths of lists; an expansion is charged before it is made.
extension BuiltinTable {
  private static let listType = RegoType.anyOf([
    .string, .array(of: .anyOf([.string, .array(of: .any)])),
    .object(.string, .anyOf([.string, .array(of: .any)])),
    .set(.anyOf([.string, .array(of: .any)])),
  ])

  package static let networks: [Builtin] = [
    Builtin("net.cidr_contains", [.string, .string], .boolean, contains),
    Builtin("net.cidr_overlap", [.string, .string], .boolean, contains),
    Builtin("net.cidr_intersects", [.string, .string], .boolean) {
      (values, context) throws(BuiltinFailure) in
      try context.charge(reading: values)
      let (left, right) = (
        try Network.parsed(try values.string(0)), try Network.parsed(try values.string(1))
      )
      return .bool(left.contains(right.first) || right.contains(left.first))
    },
    Builtin(
      "net.cidr_contains_matches", [listType, listType], .set(.array([.any, .any], rest: nil))
    ) {
      (values, context) throws(BuiltinFailure) in
      try context.charge(reading: values)
      let wholes = try items(values, 0)
      let parts = try items(values, 1)
      var found: [Value] = []
      if parts.isEmpty { return .set(SetValue()) }
      var networks: [Network] = []
      for whole in wholes {
        guard case .string(let text) = whole.text else { throw .operand(0, "string", whole.text) }
        networks.append(try Network.parsed(text))
      }
      for part in parts {
        guard case .string(let text) = part.text else { throw .operand(0, "string", part.text) }
        if networks.isEmpty { break }
        let other = try Network.addressOrNetwork(text)
        try context.charge(steps: networks.count)
        for (whole, network) in zip(wholes, networks)
        where network.contains(other.first) && network.contains(other.last) {
          try context.charge(bytes: 64)
          found.append(.array([whole.index, part.index]))
        }
      }
      try context.charge(sorting: .array(found), count: found.count)
      return .set(SetValue(found))
    },
    Builtin("net.cidr_expand", [.string], .set(.string)) {
      (values, context) throws(BuiltinFailure) in
      let network = try Network.parsed(try values.string(0))
      let hosts = network.bits - network.length
      guard hosts < 40 else { throw .limit(.bytes) }
      try context.charge(steps: 4 << hosts)
      try context.charge(bytes: 64 << hosts)
      var addresses: [Value] = []
      for offset in 0..<(1 << hosts) {
        addresses.append(
          .string(
            ByteString(
              Address(value: network.first.value + UInt128(offset), isVersion4: network.isVersion4)
                .text)))
      }
      return .set(SetValue(addresses))
    },
    Builtin("net.cidr_is_valid", [.string], .boolean) {
      (values, context) throws(BuiltinFailure) in
      guard case .string(let text) = values[0] else { return .bool(false) }
      try context.charge(text: text.count)
      return .bool((try? Network.parsed(text)) != nil)
    },
    Builtin(
      "net.cidr_merge", [.anyOf([.array(of: .anyOf([.string])), .set(.string)])], .set(.string)
    ) { (values, context) throws(BuiltinFailure) in
      let elements: [Value]
      switch values[0] {
      case .array(let list): elements = list
      case .set(let set): elements = set.elements
      default: throw .failed("operand must be an array")
      }
      try context.charge(sorting: values[0], count: elements.count)
      var networks: [Network] = []
      for element in elements {
        guard case .string(let text) = element else { throw .failed("element must be string") }
        networks.append(try Network.forMerging(text))
      }
      return .set(SetValue(Network.merged(networks).map { .string(ByteString($0)) }))
    },
  ]

  private static let contains: Builtin.Body = { (values, context) throws(BuiltinFailure) in
    try context.charge(reading: values)
    let network = try Network.parsed(try values.string(0))
    guard case .string(let text) = values[1] else { throw .operand(0, "string", values[1]) }
    let other = try Network.addressOrNetwork(text)
    return .bool(network.contains(other.first) && network.contains(other.last))
  }

  /// What a list names, and under which index or key.
  private static func items(
    _ values: [Value], _ operand: Int
  ) throws(BuiltinFailure) -> [(text: Value, index: Value)] {
    let wrong = BuiltinFailure.failed(
      "operand \(operand + 1): element must be string or non-empty array")
    func text(_ value: Value) throws(BuiltinFailure) -> Value {
      switch value {
      case .string: return value
      case .array(let elements):
        guard let first = elements.first else { throw wrong }
        return first
      default: throw wrong
      }
    }
    var items: [(Value, Value)] = []
    switch values[operand] {
    case .string: items = [(values[operand], values[operand])]
    case .array(let elements):
      for (index, element) in elements.enumerated() {
        items.append((try text(element), .integer(index)))
      }
    case .set(let set): for element in set.elements { items.append((try text(element), element)) }
    case .object(let object):
      for pair in object.pairs { items.append((try text(pair.value), pair.key)) }
    default: break
    }
    return items
  }
}

/// An IP address; one of version 4 is its 32 bits.
struct Address: Sendable, Equatable {
  var value: UInt128
  var isVersion4: Bool

  /// What stands before a version 4 address written as one of version 6.
  static let mappedPrefix = UInt128(0xFFFF) << 32

  /// Reads either version; a mapped address is of version 4.
  init?(_ text: some StringProtocol) {
    if !text.contains(":") {
      guard let value = Address.version4(text) else { return nil }
      self.init(value: UInt128(value), isVersion4: true)
      return
    }
    guard let value = Address.version6(text) else { return nil }
    self.init(value: value, isVersion4: false)
  }

  init(value: UInt128, isVersion4: Bool) {
    self.value = value
    self.isVersion4 = isVersion4
  }

  /// The same address as one of version 4 if it is mapped.
  var unmapped: Address {
    !isVersion4 && value >> 32 == 0xFFFF
      ? Address(value: value & 0xFFFF_FFFF, isVersion4: true) : self
  }

  private static func version4(_ text: some StringProtocol) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard part.utf8.allSatisfy({ $0 &- 0x30 < 10 }), part.utf8.count <= 3,
        let byte = UInt8(part), part.utf8.count == 1 || !part.hasPrefix("0")
      else { return nil }
      value = value << 8 | UInt32(byte)
    }
    return value
  }

  private static func version6(_ text: some StringProtocol) -> UInt128? {
    func groups(_ text: Substring) -> [UInt16]? {
      if text.isEmpty { return [] }
      var groups: [UInt16] = []
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      for (index, part) in parts.enumerated() {
        if index == parts.count - 1, part.contains(".") {
          guard let last = version4(part) else { return nil }
          groups += [UInt16(last >> 16), UInt16(last & 0xFFFF)]
        } else {
          guard (1...4).contains(part.utf8.count),
            part.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
            let group = UInt16(part, radix: 16)
          else { return nil }
          groups.append(group)
        }
      }
      return groups
    }
    let whole = Substring(text)
    let bytes = Array(whole.utf8)
    let colons = [UInt8(ascii: ":"), UInt8(ascii: ":")]
    var all: [UInt16]
    if let gap = ByteSearch.first(colons, in: bytes) {
      let before = Substring(String(decoding: bytes[..<gap], as: UTF8.self))
      let after = Substring(String(decoding: bytes[(gap + 2)...], as: UTF8.self))
      guard let left = groups(before), let right = groups(after), left.count + right.count < 8,
        !before.contains(".")
      else { return nil }
      all = left + [UInt16](repeating: 0, count: 8 - left.count - right.count) + right
    } else {
      guard let groups = groups(whole), groups.count == 8 else { return nil }
      all = groups
    }
    return all.reduce(0) { $0 << 16 | UInt128($1) }
  }

  var text: String {
    let address = unmapped
    if address.isVersion4 {
      let value = UInt32(truncatingIfNeeded: address.value)
      return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    }
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: value >> UInt128(112 - 16 * $0)) }
    // The longest run of zeros, the first of equals, is left out if longer than one.
    var best = (start: 0, count: 0)
    var index = 0
    while index < 8 {
      let count = groups[index...].prefix { $0 == 0 }.count
      if count > best.count { best = (index, count) }
      index += max(count, 1)
    }
    func joined(_ groups: ArraySlice<UInt16>) -> String {
      groups.map { String($0, radix: 16) }.joined(separator: ":")
    }
    if best.count < 2 { return joined(groups[...]) }
    return joined(groups[..<best.start]) + "::" + joined(groups[(best.start + best.count)...])
  }
}

/// A network: an address and how many of its bits all its addresses share.
struct Network: Sendable {
  /// As it was written.
  var address: Address
  var length: Int

  var isVersion4: Bool { address.isVersion4 }
  var bits: Int { isVersion4 ? 32 : 128 }

  private var hostMask: UInt128 {
    let hosts = bits - length
    return hosts == 128 ? .max : (UInt128(1) << UInt128(hosts)) - 1
  }

  var first: Address { Address(value: address.value & ~hostMask, isVersion4: isVersion4) }
  var last: Address { Address(value: address.value | hostMask, isVersion4: isVersion4) }

  static func parsed(_ text: ByteString) throws(BuiltinFailure) -> Network {
    let parts = text.text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = Address(parts[0]), parts[1].utf8.count <= 3,
      !parts[1].isEmpty, parts[1].utf8.allSatisfy({ $0 &- 0x30 < 10 }),
      let length = Int(parts[1]), length <= (address.isVersion4 ? 32 : 128)
    else { throw .failed("invalid CIDR address: \(text.text)") }
    let network = Network(address: address, length: length)
    let masked = network.first.unmapped
    if masked.isVersion4, !address.isVersion4, length >= 96 {
      return Network(address: masked, length: length - 96)
    }
    return Network(address: network.first, length: length)
  }

  static func addressOrNetwork(_ text: ByteString) throws(BuiltinFailure) -> Network {
    if let address = Address(text.text)?.unmapped {
      return Network(address: address, length: address.isVersion4 ? 32 : 128)
    }
    do {
      return try parsed(text)
    } catch {
      throw .failed(
        "not a valid textual representation of an IP address or CIDR: \(text.text)")
    }
  }

  func contains(_ address: Address) -> Bool {
    address.isVersion4 == isVersion4 && address.value & ~hostMask == first.value
  }

  /// A bare address of version 4 is of the network of its class.
  static func forMerging(_ text: ByteString) throws(BuiltinFailure) -> Network {
    guard let address = Address(text.text)?.unmapped else { return try parsed(text) }
    guard address.isVersion4 else { throw .failed("IPv6 invalid: needs prefix length") }
    let top = address.value >> 24
    return Network(address: address, length: top < 128 ? 8 : top < 192 ? 16 : 24)
  }

  var text: String { "\(address.text)/\(length)" }

  /// The fewest networks that hold the same addresses; one that meets no other is left as written.
  static func merged(_ networks: [Network]) -> [String] {
    struct Range {
      var first: UInt128
      var last: UInt128
      var network: Network?
    }
    func wide(_ address: Address) -> UInt128 {
      address.isVersion4 ? address.value | Address.mappedPrefix : address.value
    }
    let sorted = networks.map { Range(first: wide($0.first), last: wide($0.last), network: $0) }
      .sorted { $0.last != $1.last ? $0.last < $1.last : $0.first < $1.first }
    // From the last to the first: what touches the one before becomes one with it.
    var merged: [Range] = []
    for range in sorted.reversed() {
      if let next = merged.last, next.first == 0 || next.first - 1 <= range.last {
        merged[merged.count - 1] = Range(
          first: min(range.first, next.first), last: next.last, network: nil)
      } else {
        merged.append(range)
      }
    }
    return merged.flatMap { range in
      range.network.map { [$0.text] } ?? covering(range.first, range.last)
    }
  }

  private static func covering(_ first: UInt128, _ last: UInt128) -> [String] {
    var texts: [String] = []
    var next = first
    while true {
      var hosts = next == 0 ? 128 : next.trailingZeroBitCount
      while hosts > 0 {
        let mask = hosts == 128 ? UInt128.max : (UInt128(1) << UInt128(hosts)) - 1
        if next | mask <= last { break }
        hosts -= 1
      }
      let mask = hosts == 128 ? UInt128.max : (UInt128(1) << UInt128(hosts)) - 1
      let address = Address(value: next, isVersion4: false)
      let isMapped = address.unmapped.isVersion4 && hosts <= 32
      texts.append("\(address.text)/\(128 - hosts - (isMapped ? 96 : 0))")
      if next | mask >= last { return texts }
      next = (next | mask) + 1
    }
  }
}
