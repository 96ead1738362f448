/// Text that may reach a screen: the one sanitiser's output.
///
/// Everything that came from an agent, a file or the network becomes visible or harmless here:
/// control, bidirectional, invisible, private and unassigned characters are shown as `<U+202E>`.
package struct SafeText: Sendable, Hashable {
  /// One character as it is drawn.
  package struct Glyph: Sendable, Hashable {
    package let text: String
    /// Columns: 1 or 2.
    package let width: Int
    /// Whether it stands for something that cannot be shown.
    package let isEscape: Bool
  }

  package private(set) var glyphs: [Glyph] = []
  /// How many hidden characters were made visible.
  package private(set) var hidden = 0

  private static let combiningLimit = 2

  /// Makes text from outside safe.
  package init(_ untrusted: String) {
    var combining = 0
    for scalar in untrusted.unicodeScalars {
      if scalar.value >= 0x20, scalar.value < 0x7F {
        glyphs.append(Glyph(text: String(Character(scalar)), width: 1, isEscape: false))
        combining = 0
        continue
      }
      switch SafeText.treatment(of: scalar) {
      case .show:
        glyphs.append(
          Glyph(
            text: String(Character(scalar)), width: TextWidth.columns(of: scalar),
            isEscape: false))
        combining = 0
      case .combine:
        if let last = glyphs.last, !last.isEscape, combining < SafeText.combiningLimit {
          glyphs[glyphs.count - 1] = Glyph(
            text: last.text + String(Character(scalar)), width: last.width, isEscape: false)
          combining += 1
        } else {
          escape(scalar)
        }
      case .mark(let mark):
        glyphs.append(Glyph(text: mark, width: 1, isEscape: true))
        combining = 0
      case .escape:
        escape(scalar)
        combining = 0
      }
    }
  }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    hidden += 1
    let digits = String(scalar.value, radix: 16, uppercase: true)
    let padded = String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    for character in "<U+\(padded)>" {
      glyphs.append(Glyph(text: String(character), width: 1, isEscape: true))
    }
  }

  private enum Treatment {
    case show
    case combine
    case mark(String)
    case escape
  }

  private static func treatment(of scalar: Unicode.Scalar) -> Treatment {
    if scalar == "\t" { return .mark("\u{2192}") }
    if scalar == "\n" { return .mark("\u{21B5}") }
    let properties = scalar.properties
    if properties.isDefaultIgnorableCodePoint || scalar.value & 0xFFFE == 0xFFFE { return .escape }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return .combine
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      return .escape
    case .spaceSeparator: return scalar == " " ? .show : .escape
    default: return .show
    }
  }

  fileprivate mutating func append(_ glyph: Glyph) {
    glyphs.append(glyph)
  }

  /// Columns in all.
  package var width: Int { glyphs.reduce(0) { $0 + $1.width } }

  /// The text as a string, safe to print.
  package var text: String { glyphs.map(\.text).joined() }

  package var isEmpty: Bool { glyphs.isEmpty }

  package static func + (left: SafeText, right: SafeText) -> SafeText {
    var result = left
    result.glyphs += right.glyphs
    result.hidden += right.hidden
    return result
  }

  /// At most so many columns, ending in an ellipsis if something was cut.
  package func fitted(to columns: Int) -> SafeText {
    guard width > columns else { return self }
    var result = SafeText("")
    var used = 0
    for glyph in glyphs {
      guard used + glyph.width <= columns - 1 else { break }
      result.glyphs.append(glyph)
      used += glyph.width
    }
    if columns > 0 {
      result.glyphs.append(Glyph(text: "\u{2026}", width: 1, isEscape: false))
    }
    return result
  }

  /// Lines of at most so many columns, after a space where one is near the end; nothing is cut.
  package func wrapped(to columns: Int) -> [SafeText] {
    let columns = max(2, columns)
    var lines: [SafeText] = []
    var line = SafeText("")
    var used = 0
    for glyph in glyphs {
      if used + glyph.width > columns {
        let space = line.glyphs.lastIndex { $0.text == " " && !$0.isEscape } ?? 0
        let kept = space < line.glyphs.count / 2 ? line.glyphs.count : space + 1
        var rest = SafeText("")
        rest.glyphs = Array(line.glyphs[kept...])
        line.glyphs.removeLast(line.glyphs.count - kept)
        lines.append(line)
        line = rest
        used = rest.width
      }
      line.glyphs.append(glyph)
      used += glyph.width
    }
    lines.append(line)
    return lines
  }
}

extension SafeText: ExpressibleByStringInterpolation {
  package init(stringLiteral value: String) {
    self.init(value)
  }
}

extension SafeText {
  /// The first columns alone.
  package func dropping(from columns: Int) -> SafeText {
    var result = SafeText("")
    var used = 0
    for glyph in glyphs {
      guard used + glyph.width <= columns else { break }
      result.append(glyph)
      used += glyph.width
    }
    return result
  }

  /// The rest after so many columns.
  package func dropping(columns: Int) -> SafeText {
    var result = SafeText("")
    var passed = 0
    for glyph in glyphs {
      if passed >= columns { result.append(glyph) }
      passed += glyph.width
    }
    return result
  }

  /// The same with some characters as their code points: those by which a screen separates this text
  /// from another must not stand in it.
  package func escaping(_ marks: Set<Unicode.Scalar>) -> SafeText {
    guard
      glyphs.contains(where: { $0.text.unicodeScalars.first.map(marks.contains) ?? false })
    else { return self }
    var result = SafeText("")
    result.hidden = hidden
    for glyph in glyphs {
      guard let scalar = glyph.text.unicodeScalars.first, marks.contains(scalar) else {
        result.append(glyph)
        continue
      }
      // A tab is shown as an arrow.
      let value: UInt32 = glyph.isEscape && scalar == "\u{2192}" ? 9 : scalar.value
      if glyph.isEscape, scalar != "\u{2192}" {
        result.append(glyph)
        continue
      }
      for character in "<U+\(String(value, radix: 16, uppercase: true))>" {
        result.append(Glyph(text: String(character), width: 1, isEscape: true))
      }
    }
    return result
  }

  /// The same with every character beyond ASCII as its code point.
  package var escapedToASCII: SafeText {
    guard glyphs.contains(where: { $0.text.utf8.contains { $0 >= 0x80 } }) else { return self }
    var result = SafeText("")
    for glyph in glyphs {
      if glyph.text.utf8.allSatisfy({ $0 < 0x80 }) {
        result.append(glyph)
        continue
      }
      for scalar in glyph.text.unicodeScalars {
        for character in "<U+\(String(scalar.value, radix: 16, uppercase: true))>" {
          result.append(Glyph(text: String(character), width: 1, isEscape: true))
        }
      }
    }
    return result
  }
}
