/// A general category of Unicode (`Lu`) or a group of them (`L`).
struct UnicodeCategory: Sendable {
  private let members: UInt32

  private static let names = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi",
    "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
  ]

  /// nil if there is no such category.
  init?(_ name: String) {
    var members: UInt32 = 0
    for (index, known) in UnicodeCategory.names.enumerated()
    where known == name || (name.utf8.count == 1 && known.hasPrefix(name)) {
      members |= 1 << UInt32(index)
    }
    guard members != 0 else { return nil }
    self.members = members
  }

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    let index: UInt32? =
      switch scalar.properties.generalCategory {
      case .uppercaseLetter: 0
      case .lowercaseLetter: 1
      case .titlecaseLetter: 2
      case .modifierLetter: 3
      case .otherLetter: 4
      case .nonspacingMark: 5
      case .spacingMark: 6
      case .enclosingMark: 7
      case .decimalNumber: 8
      case .letterNumber: 9
      case .otherNumber: 10
      case .connectorPunctuation: 11
      case .dashPunctuation: 12
      case .openPunctuation: 13
      case .closePunctuation: 14
      case .initialPunctuation: 15
      case .finalPunctuation: 16
      case .otherPunctuation: 17
      case .mathSymbol: 18
      case .currencySymbol: 19
      case .modifierSymbol: 20
      case .otherSymbol: 21
      case .spaceSeparator: 22
      case .lineSeparator: 23
      case .paragraphSeparator: 24
      case .control: 25
      case .format: 26
      case .surrogate: 27
      case .privateUse: 28
      default: nil
      }
    return index.map { members >> $0 & 1 == 1 } ?? false
  }
}

/// Which characters are one but for their case (Unicode's simple case folding).
enum CaseFolding {
  /// Characters that share a fold with others beyond their own upper and lower form.
  private static let orbits: [[UInt32]] = [
    [0x4B, 0x6B, 0x212A], [0x53, 0x73, 0x17F], [0xC5, 0xE5, 0x212B], [0xB5, 0x39C, 0x3BC],
    [0xDF, 0x1E9E], [0x1C4, 0x1C5, 0x1C6], [0x1C7, 0x1C8, 0x1C9], [0x1CA, 0x1CB, 0x1CC],
    [0x1F1, 0x1F2, 0x1F3], [0x345, 0x399, 0x3B9, 0x1FBE], [0x392, 0x3B2, 0x3D0],
    [0x395, 0x3B5, 0x3F5], [0x398, 0x3B8, 0x3D1, 0x3F4], [0x39A, 0x3BA, 0x3F0],
    [0x3A0, 0x3C0, 0x3D6], [0x3A1, 0x3C1, 0x3F1], [0x3A3, 0x3C2, 0x3C3], [0x3A6, 0x3C6, 0x3D5],
    [0x3A9, 0x3C9, 0x2126], [0x412, 0x432, 0x1C80], [0x414, 0x434, 0x1C81],
    [0x41E, 0x43E, 0x1C82], [0x421, 0x441, 0x1C83], [0x422, 0x442, 0x1C84, 0x1C85],
    [0x42A, 0x44A, 0x1C86], [0x462, 0x463, 0x1C87], [0x1E60, 0x1E61, 0x1E9B],
    [0x1C88, 0xA64A, 0xA64B],
  ]

  private static let orbitOf: [UInt32: [Unicode.Scalar]] = {
    var table: [UInt32: [Unicode.Scalar]] = [:]
    for orbit in orbits {
      for member in orbit {
        table[member] = orbit.filter { $0 != member }.compactMap(Unicode.Scalar.init)
      }
    }
    return table
  }()

  /// The other characters that differ from this one only in case.
  static func others(of scalar: Unicode.Scalar) -> [Unicode.Scalar] {
    if let orbit = orbitOf[scalar.value] { return orbit }
    if scalar.value < 0x80 {
      switch scalar {
      case "a"..."z", "A"..."Z": return Unicode.Scalar(scalar.value ^ 0x20).map { [$0] } ?? []
      default: return []
      }
    }
    var others: [Unicode.Scalar] = []
    let mappings = [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping]
    for mapping in mappings {
      let scalars = mapping.unicodeScalars
      if let first = scalars.first, scalars.count == 1, first != scalar, !others.contains(first) {
        others.append(first)
      }
    }
    return others
  }
}
