/// What a cell means; a theme says how that looks.
package enum Role: String, Sendable, CaseIterable {
  case text
  case title
  case header
  /// Row 1 where a mistake costs most: a production registry.
  case production
  case hint
  case hintKey = "hint.key"
  case border
  case borderFocus = "border.focus"
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
  case flash
  case alert
  case muted
  case codeKeyword = "code.keyword"
  case codeString = "code.string"
  case codeComment = "code.comment"
  case diffAdded = "diff.added"
  case diffRemoved = "diff.removed"
}
