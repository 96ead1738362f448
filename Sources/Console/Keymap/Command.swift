/// What a key asks for; a key means one thing on every screen.
package enum Command: String, Sendable, CaseIterable {
  case down
  case up
  case halfDown = "half-down"
  case halfUp = "half-up"
  case pageDown = "page-down"
  case pageUp = "page-up"
  case first
  case last
  case open
  case back
  case quit
  case left
  case right
  case foldAll = "fold-all"
  case unfoldAll = "unfold-all"
  case parent
  case approvals
  case decisions
  case agents
  case keys
  case tree
  case policies
  case audit
  case operators
  case proposals
  case locks
  case nextView = "next-view"
  case previousView = "previous-view"
  case historyBack = "history-back"
  case historyForward = "history-forward"
  case lastView = "last-view"
  case filter
  case nextMatch = "next-match"
  case previousMatch = "previous-match"
  case commandLine = "command-line"
  case palette
  case help
  case mark
  case markRange = "mark-range"
  case sort
  case reverse
  case columns
  case wide
  case narrower
  case wider
  case showEnded = "show-ended"
  case showAll = "show-all"
  case follow
  case reload
  case repaint
  case suspend
  case mouse
  case copyID = "copy-id"
  case copyRow = "copy-row"
  case json
  case why
  case related
  case travel
  case approve
  case deny
  case revoke
  case lock
  case export
  case verify

  package var view: View? {
    switch self {
    case .approvals: .approvals
    case .decisions: .decisions
    case .agents: .agents
    case .keys: .keys
    case .tree: .tree
    case .policies: .policies
    case .audit: .audit
    case .operators: .operators
    case .proposals: .proposals
    case .locks: .locks
    default: nil
    }
  }

  /// Whether it opens a dialog in which something can be signed.
  package var hasEffect: Bool {
    switch self {
    case .approve, .deny, .revoke, .lock: true
    default: false
    }
  }

  /// Whether it does something with the row that is highlighted.
  var isAboutRow: Bool {
    switch self {
    case .approve, .deny, .revoke, .lock, .export, .open, .why, .related, .travel, .json, .copyID,
      .copyRow, .mark:
      true
    default: false
    }
  }

  /// Where it stands among what is possible: acting, looking, arranging, moving.
  var rank: Int {
    switch self {
    case .approve, .deny, .revoke, .lock, .open, .why: 0
    case .related, .json, .export, .verify, .travel, .copyID, .copyRow, .mark, .markRange, .follow:
      1
    case .filter, .nextMatch, .previousMatch, .commandLine, .palette, .sort, .reverse, .columns,
      .wide, .narrower, .wider, .showEnded, .showAll, .left, .right, .foldAll, .unfoldAll, .parent:
      2
    default: view == nil ? 3 : 4
    }
  }
}
