/// The themes compiled in; a test keeps them equal to their files.
package enum BuiltInThemes {
  package static let text: [String: String] = [
    "terminal": """
    # The terminal's own colours, with reverse and bold; only risk and state are coloured.
    # A style is tried left to right: 256 colours | 16 colours | monochrome.
    name: terminal
    roles:
      text: default
      title: default+bold
      header: default+bold
      hint: default
      hint.key: default+bold
      border: default
      cursor: default+bold
      mark: yellow+bold | yellow+bold | bold
      match: cyan | cyan | bold
      risk.critical: 203+bold | red+bold+reverse | reverse+bold
      risk.high: 214+bold | yellow+bold | bold
      risk.medium: 110 | cyan | default
      risk.low: default
      state.ok: 86 | cyan | default
      state.pending: 214 | yellow | bold
      state.bad: 203+bold | red+bold | bold
      untrusted: default+underline
      input: default
      button: default
      button.focus: default+bold
      alert: 203+bold | red+bold+reverse | reverse+bold
      muted: default

    """,
    "mono": """
    # No colour at all: bold, reverse and underline only.
    name: mono
    roles:
      text: default
      title: bold
      header: bold
      hint: default
      hint.key: bold
      border: default
      cursor: bold
      mark: bold
      match: bold
      risk.critical: reverse+bold
      risk.high: bold
      risk.medium: default
      risk.low: default
      state.ok: default
      state.pending: bold
      state.bad: bold
      untrusted: underline
      input: default
      button: default
      button.focus: bold
      alert: reverse+bold
      muted: default

    """,
  ]
}
