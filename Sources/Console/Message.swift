package import Cells
import Decisions
package import Keys
package import Statements

/// What happened.
package enum Message: Sendable {
  case key(KeyPress)
  case resized(width: Int, height: Int)
  case tick
  case loaded(Snapshot)
  case reviewLoaded(HoldReview, state: String, intent: ApprovalVoted.Vote)
  case revokeLoaded(RevocationPlan)
  case explained(Explanation)
  case signed(index: UInt64, outcome: String)
  case refused(String)
  case failed(String)
}

/// Why a decision came out as it did, in lines.
package struct Explanation: Sendable, Hashable {
  package let title: SafeText
  package let lines: [HoldReview.Line]

  package init(title: SafeText, lines: [HoldReview.Line]) {
    self.title = title
    self.lines = lines
  }
}

/// What the runtime is to do; every one answers with a message.
package enum Effect: Sendable, Equatable {
  case loadReview(Digest, intent: ApprovalVoted.Vote)
  case loadRevoke(Fingerprint, RevocationReason)
  case explain(index: UInt64)
  case explainHold(Digest)
  /// Opens the key with the passphrase, signs, appends.
  case vote(ApprovalVoted, PassphraseField)
  case revoke(KeyRevoked, previewSize: UInt64, PassphraseField)
  case bell
  case repaint
  case suspend
  case quit
}
