/// One key, or one paste, as a person made it.
package enum KeyPress: Sendable, Hashable {
  case character(Unicode.Scalar)
  case control(Unicode.Scalar)
  case enter
  case escape
  case tab
  case backTab
  case backspace
  case up
  case down
  case left
  case right
  case pageUp
  case pageDown
  case home
  case end
  case function(Int)
  /// Text between the marks of a bracketed paste: goes to text fields only, decides nothing.
  case paste(String)
}
