import CanonicalJSON
package import Cells
import Documents

/// How a cell looks: a colour number, or none for the terminal's own, and attributes.
package struct Style: Sendable, Hashable {
  package var color: Int?
  package var isBold = false
  package var isReversed = false
  package var isUnderlined = false
  package var isDim = false

  package init() {}
}

/// How many colours the terminal can show.
package enum ColorTier: Int, Sendable {
  case colors256
  case colors16
  case mono
}

/// What each role looks like.
package struct Theme: Sendable {
  package let name: String
  private let styles: [Role: [Style]]
  /// What was odd in the file; the theme loads all the same.
  package let warnings: [String]

  private static let colors = [
    "black": 0, "red": 1, "green": 2, "yellow": 3, "blue": 4, "magenta": 5, "cyan": 6, "white": 7,
  ]

  /// Reads a theme's YAML.
  ///
  /// - Throws: ``YAMLDocument/Fault`` if it is no YAML; anything less is a warning.
  package init(yaml: String, file: String) throws {
    let document = try YAMLDocument.parse(yaml, file: file)
    name = document["name"]?.string?.text ?? file
    var styles: [Role: [Style]] = [:]
    var warnings: [String] = []
    for member in document["roles"]?.object?.members ?? [] {
      guard let role = Role(rawValue: member.name.text) else {
        warnings.append("\(file): there is no role \(member.name.text)")
        continue
      }
      let tiers = (member.value.string?.text ?? "").split(separator: "|")
      styles[role] = tiers.map { Theme.style($0, file, &warnings) }
    }
    self.styles = styles
    self.warnings = warnings
  }

  private static func style(
    _ text: Substring, _ file: String, _ warnings: inout [String]
  ) -> Style {
    var style = Style()
    for word in text.split(whereSeparator: { $0 == "+" || $0 == " " }) {
      switch word {
      case "default": break
      case "bold": style.isBold = true
      case "reverse": style.isReversed = true
      case "underline": style.isUnderlined = true
      case "dim": style.isDim = true
      default:
        if let color = colors[String(word)]
          ?? Int(word).flatMap({ (0..<256).contains($0) ? $0 : nil })
        {
          style.color = color
        } else {
          warnings.append("\(file): \"\(word)\" is no colour or attribute")
        }
      }
    }
    return style
  }

  /// A role's style; a tier that is missing falls to the one before it.
  package func style(_ role: Role, tier: ColorTier) -> Style {
    guard let tiers = styles[role], !tiers.isEmpty else { return Style() }
    var style = tiers[min(tier.rawValue, tiers.count - 1)]
    if tier == .mono { style.color = nil }
    return style
  }

  /// A theme that is compiled in.
  package static func builtIn(_ name: String) -> Theme? {
    BuiltInThemes.text[name].flatMap { try? Theme(yaml: $0, file: "\(name).yaml") }
  }
}
