import Cells
import Console
import Documents
import Foundation
import TestSupport
import Testing

@Suite struct ThemeTests {
  @Test(arguments: BuiltInThemes.names)
  func `a theme compiled in is its file`(name: String) throws {
    let file = SharedSuites.root.appendingPathComponent("themes/\(name).yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    #expect(
      BuiltInThemes.text[name]?.trimmingCharacters(in: .newlines)
        == text.trimmingCharacters(in: .newlines))
    let theme = try Theme(yaml: text, file: name)
    #expect(theme.warnings == [])
    #expect(theme.name == name)
  }

  @Test func `mono has no colour in any role`() throws {
    let theme = try #require(Theme.builtIn("mono"))
    for role in Role.allCases { #expect(theme.style(role, tier: .colors256).color == nil) }
  }
}

@Suite struct ThemeFormatTests {
  @Test func `a style is tried from the most colours to none, and a palette's names stand for all`()
    throws
  {
    let theme = try Theme(
      yaml: """
        name: test
        palette:
          danger: "#FF5F5F | 203 | red+reverse | reverse+bold"
        roles:
          alert: $danger+bold
          match: 86 | cyan | bold
          text: default
        """, file: "test.yaml")
    #expect(theme.warnings == [])
    #expect(theme.style(.alert, tier: .truecolor).color == .rgb(0xFF5F5F))
    #expect(theme.style(.alert, tier: .colors256).color == .indexed(203))
    #expect(theme.style(.alert, tier: .colors16).color == .indexed(1))
    #expect(theme.style(.alert, tier: .colors16).isReversed)
    #expect(theme.style(.alert, tier: .mono).color == nil)
    #expect(theme.style(.alert, tier: .mono).isBold)
    #expect(theme.style(.match, tier: .truecolor).color == .indexed(86))
    #expect(theme.style(.match, tier: .mono).isBold)
  }

  @Test func `what is odd in a theme is told, and the rest counts`() throws {
    let theme = try Theme(
      yaml: """
        name: odd
        extends: nothing
        roles:
          alert: purplish
          no.such.role: red
          title: $gone
        """, file: "odd.yaml")
    #expect(
      theme.warnings == [
        "odd.yaml: there is no theme nothing to extend",
        "odd.yaml: \"purplish\" is no colour or attribute",
        "odd.yaml: there is no role no.such.role", "odd.yaml: the palette has no gone",
      ])
  }

  /// WCAG contrast of every coloured role on the backgrounds a theme is for.
  @Test(arguments: [
    ("dark", [0x000000, 0x1E1E1E, 0x282A36, 0x002B36]), ("light", [0xFFFFFF, 0xFDF6E3]),
    ("colorblind", [0x000000, 0x1E1E1E, 0x282A36, 0x002B36]), ("hicontrast", [0x000000]),
  ])
  func `every colour stands out from its background`(name: String, grounds: [UInt32]) throws {
    let theme = try #require(Theme.builtIn(name))
    for role in Role.allCases {
      let color: UInt32
      switch theme.style(role, tier: .truecolor).color {
      case nil: continue
      case .indexed(let index)?: color = Palette.rgb(index)
      case .rgb(let rgb)?: color = rgb
      }
      for ground in grounds {
        #expect(Palette.contrast(color, ground) >= 4.5, "\(role.rawValue) on \(ground)")
      }
    }
  }

  @Test func `contrast is WCAG's`() {
    #expect(abs(Palette.contrast(0x000000, 0xFFFFFF) - 21) < 0.01)
    #expect(abs(Palette.contrast(0x777777, 0xFFFFFF) - 4.48) < 0.01)
  }
}
