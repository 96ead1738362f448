import Cells
package import Keys
package import Statements

/// What happened.
package enum Message: Sendable {
  case key(KeyPress)
  case resized(width: Int, height: Int)
  case tick
  /// The registry moved, or was read for the first time.
  case changed(RegistryStatus)
  /// How the deciding services stand.
  case services([ServiceReport])
  case page(ListPage)
  case branch(Branch)
  case matches([TreeMatch], serial: Int)
  case unseen(View, Int)
  case total(View, filter: String, ListPage.Total)
  /// What this person is to each pending hold, by its digest: `needs you`, `not you`.
  case standing([String: String])
  /// The pending holds of a group, those that expire first; more of them may follow.
  case members([Digest], of: Digest, hasMore: Bool)
  /// What the verified log calls the registry, whose the key is, and why it cannot sign, if so.
  case identified(name: String, isSolo: Bool, who: Principal?, keyFault: String?)
  case previewed(Preview)
  case document(Document)
  case consent(Consent)
  /// A dialog, or its plan, cannot be worked out.
  case consentFailed(ConsentRequest, String, isGone: Bool)
  case progress(HoldProgress)
  case signed(ConsentRequest, index: UInt64, outcome: String)
  /// Nothing was recorded.
  case refused(ConsentRequest, code: String, problem: String, as: Refusal)
  /// A command of the command line has signed something.
  case ranAndSigned(ConsentRequest, String)
  case catalogued(Catalogue)
  case keyState(KeyState)
  case verification(Verification)
  /// Where something stands: in a list, or on which path of the tree.
  case located(Target, place: [PlacePart]?, path: [Target])
  case resolved(String, [Candidate])
  case travelled(to: UInt64?, at: Timestamp?)
  /// How far the way to the past is done.
  case travelling(String)
  case switched(Session, Catalogue)
  /// What stands below the queue from now on.
  case banner(String)
  case said(String)
  case failed(String)

  var isKey: Bool { if case .key = self { true } else { false } }

  package typealias Catalogue = CommandLine.Catalogue

  /// Something that an id could mean.
  package struct Candidate: Sendable, Hashable {
    package let target: Target
    package let words: String

    package init(target: Target, words: String) {
      self.target = target
      self.words = words
    }
  }
}

/// What stands beside a list for its selected row.
package struct Preview: Sendable, Hashable {
  package let target: Target
  package let title: String
  package let lines: [Line]
  /// The chain of grants above it, hop by hop.
  package let chain: [Line]

  package init(target: Target, title: String, lines: [Line], chain: [Line] = []) {
    self.target = target
    self.title = title
    self.lines = lines
    self.chain = chain
  }
}

/// What the runtime is to do; those that read or sign answer with a message.
package enum Effect: Sendable, Equatable {
  case load(ListRequest)
  case branch(BranchRequest)
  case match(String, showsEnded: Bool, serial: Int)
  /// The holds that stand in loaded rows: what this person is to them is told.
  case judge([Digest])
  /// The pending holds of a group, to deny them together.
  case members(Digest)
  /// How many rows a paused list has below it.
  case countUnseen(View, after: UInt64)
  case preview(Target)
  case document(DocumentRequest)
  case consent(ConsentRequest, choice: Int, inputs: [String: String])
  /// Opens the key, signs, appends.
  case sign(Submission, PassphraseField)
  case follow(Digest)
  case claim(Digest)
  case lockKey
  case verify
  /// Reads which commands the command line has.
  case loadCatalogue
  /// Reads how the registry stands although it has not moved: time has.
  case poll
  /// Asks the deciding services that are watched whether they still answer.
  case probeServices
  case locate(Target)
  case resolve(String)
  case travel(UInt64?)
  case switchContext(String)
  case useTheme(String)
  case run([String])
  case note(String)
  case write(path: String, [String])
  case copy(String)
  case notify(String)
  case mouse(Bool)
  case remember(Memory)
  case bell
  case repaint
  case suspend
  case quit
}
