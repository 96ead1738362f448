/// What a cell means; a theme says how that looks.
package enum Role: String, Sendable, CaseIterable {
  case text
  case title
  case header
  case hint
  case hintKey = "hint.key"
  case border
  case cursor
  case mark
  case match
  case riskCritical = "risk.critical"
  case riskHigh = "risk.high"
  case riskMedium = "risk.medium"
  case riskLow = "risk.low"
  case stateOK = "state.ok"
  case statePending = "state.pending"
  case stateBad = "state.bad"
  case untrusted
  case input
  case button
  case buttonFocus = "button.focus"
  case alert
  case muted
}
