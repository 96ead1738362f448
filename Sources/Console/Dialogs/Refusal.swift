/// How a dialog goes on after a signature was refused, with nothing recorded.
package enum Refusal: Sendable, Hashable {
  /// What was to be signed has ended.
  case final
  /// What would be signed is no longer what was shown: the text is read again, and what was typed stays.
  case changed
  /// It may be tried again: a wrong passphrase.
  case retry

  /// `code`: The code of the fault that refused it.
  package init(code: String) {
    self =
      switch code {
      case Refusal.changedCode: .changed
      case "hold_pending": .retry
      case _ where code.hasPrefix("hold_"): .final
      default: .retry
      }
  }

  /// The code of a fault that says that the text to be signed is not the one that was shown.
  package static let changedCode = "shown_differs"
}
