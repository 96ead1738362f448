/// The themes compiled in; a test keeps them equal to their files.
package enum BuiltInThemes {
  /// Their names, the default first.
  package static let names = ["terminal", "dark", "light", "mono", "hicontrast", "colorblind"]

  package static let text: [String: String] = [
    "terminal": """
    # The terminal's own colours, with reverse and bold; only risk and state are coloured.
    # A style is tried left to right: truecolor | 256 colours | 16 colours | monochrome. Fewer parts: the
    # first is for 256 colours, the last for all that follow. What a role marks is said beside it.
    name: terminal
    roles:
      text: default
      title: default+bold            # names of screens, what is chosen
      header: default+bold           # row 1 and column titles
      production: reverse+bold       # the word PRODUCTION in row 1
      hint: default
      hint.key: default+bold
      border: default
      border.focus: default+bold     # the frame of what has the keys
      cursor: default+bold
      mark: 214+bold | yellow+bold | bold
      match: 110+underline | cyan+underline | underline
      risk.critical: 203+bold | red+bold+reverse | reverse+bold
      risk.high: 214+bold | yellow+bold | bold
      risk.medium: 110 | cyan | default
      risk.low: default
      state.ok: 86 | cyan | default
      state.pending: 214 | yellow+bold | bold
      state.bad: 203+bold | red+bold+reverse | reverse
      untrusted: default+underline   # what an agent or a stranger wrote, made visible
      input: default
      button: default
      button.focus: default+bold
      flash: 110 | cyan | default    # the message line
      alert: 203+bold | red+bold+reverse | reverse+bold
      muted: default+dim             # ended, revoked, unused
      code.keyword: 110+bold | cyan+bold | bold
      code.string: 86 | cyan | default
      code.comment: default+dim
      diff.added: 86 | cyan | bold
      diff.removed: 203 | red+bold | underline

    """,
    "dark": """
    # For dark backgrounds: 4.8:1 or better on #000000, #1E1E1E, #282A36 and #002B36.
    name: dark
    extends: terminal
    palette:
      ok: "#5FFFD7 | 86 | cyan |"
      warn: "#FFAF00 | 214 | yellow+bold | bold"
      danger: "#FF5F5F | 203 | red+reverse | reverse+bold"
      info: "#87AFD7 | 110 | cyan |"
      muted: "#A8A8A8 | 248 | default | dim"
    roles:
      title: $info+bold
      header: $info+bold
      border: $muted
      border.focus: $info+bold
      hint: $muted
      hint.key: $info+bold
      mark: $warn+bold
      match: $warn+underline
      risk.critical: $danger+bold
      risk.high: $warn+bold
      risk.medium: $info
      state.ok: $ok
      state.pending: $warn
      state.bad: $danger+bold
      flash: $info
      alert: $danger+bold
      muted: $muted
      code.keyword: $info+bold
      code.string: $ok
      code.comment: $muted
      diff.added: $ok
      diff.removed: $danger

    """,
    "light": """
    # For light backgrounds: 4.8:1 or better on #FFFFFF and #FDF6E3.
    name: light
    extends: terminal
    palette:
      ok: "#005F5F | 23 | default | default"
      warn: "#5F0000 | 52 | red+bold | bold"
      danger: "#AF0000 | 124 | red+reverse | reverse+bold"
      info: "#005F87 | 24 | blue |"
      muted: "#585858 | 240 | default | dim"
    roles:
      title: $info+bold
      header: $info+bold
      border: $muted
      border.focus: $info+bold
      hint: $muted
      hint.key: $info+bold
      mark: $warn+bold
      match: $warn+underline
      risk.critical: $danger+bold+reverse
      risk.high: $warn+bold
      risk.medium: $info
      state.ok: $ok
      state.pending: $warn
      state.bad: $danger+bold
      flash: $info
      alert: $danger+bold
      muted: $muted
      code.keyword: $info+bold
      code.string: $ok
      code.comment: $muted
      diff.added: $ok
      diff.removed: $danger

    """,
    "mono": """
    # No colour at all: bold, reverse, underline and dim only.
    name: mono
    roles:
      text: default
      title: bold
      header: bold
      production: reverse+bold
      hint: default
      hint.key: bold
      border: default
      border.focus: bold
      cursor: bold
      mark: bold
      match: underline
      risk.critical: reverse+bold
      risk.high: bold
      risk.medium: default
      risk.low: default
      state.ok: default
      state.pending: bold
      state.bad: reverse
      untrusted: underline
      input: default
      button: default
      button.focus: bold
      flash: default
      alert: reverse+bold
      muted: dim
      code.keyword: bold
      code.string: default
      code.comment: dim
      diff.added: bold
      diff.removed: underline

    """,
    "hicontrast": """
    # As much contrast as there is: the brightest colours, bold, and reverse for whatever matters.
    name: hicontrast
    extends: mono
    palette:
      bright: "#FFFFFF | 231 | brightwhite+bold | bold"
      warn: "#FFFF00 | 226 | brightyellow+bold | bold"
      danger: "#FFFF00 | 226 | brightyellow+bold | bold"
      ok: "#00FFFF | 51 | brightcyan+bold | default"
    roles:
      text: $bright
      title: $bright+bold
      header: $bright+bold
      hint: $bright
      hint.key: $warn+bold+underline
      border: $bright
      border.focus: $warn+bold
      cursor: $warn+bold
      mark: $warn+bold+reverse
      match: $warn+underline
      risk.critical: $danger+bold+reverse
      risk.high: $warn+bold+underline
      risk.medium: $ok+bold
      risk.low: $bright
      state.ok: $ok+bold
      state.pending: $warn+bold
      state.bad: $danger+bold+reverse
      untrusted: $bright+underline
      input: $bright+bold
      button: $bright
      button.focus: $warn+bold
      flash: $ok+bold
      alert: $danger+bold+reverse
      muted: $bright
      code.keyword: $warn+bold
      code.string: $ok
      code.comment: $bright
      diff.added: $ok+bold
      diff.removed: $warn+underline

    """,
    "colorblind": """
    # Safe for deuteranopia, protanopia and tritanopia: blue against orange, never red against green;
    # brightness, bold and reverse tell them apart as well. For dark backgrounds.
    name: colorblind
    extends: terminal
    palette:
      ok: "#87D7FF | 117 | cyan |"
      warn: "#FFD787 | 222 | yellow+bold | bold"
      danger: "#FFAF5F | 215 | yellow+reverse | reverse+bold"
      info: "#AFAFFF | 147 | white+bold | bold"
      muted: "#A8A8A8 | 248 | default | dim"
    roles:
      title: $info+bold
      header: $info+bold
      border: $muted
      border.focus: $info+bold
      hint: $muted
      hint.key: $info+bold
      mark: $warn+bold
      match: $warn+underline
      risk.critical: $danger+bold+reverse
      risk.high: $danger+bold
      risk.medium: $warn
      state.ok: $ok
      state.pending: $warn
      state.bad: $danger+bold+reverse
      flash: $info
      alert: $danger+bold+reverse
      muted: $muted
      code.keyword: $info+bold
      code.string: $ok
      code.comment: $muted
      diff.added: $ok
      diff.removed: $danger+underline

    """,
  ]
}
