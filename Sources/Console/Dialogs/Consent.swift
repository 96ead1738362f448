package import Cells
package import Keys
package import Statements

/// What a person may be asked to sign.
package enum ConsentRequest: Sendable, Hashable {
  case vote(Digest, leaning: ApprovalVoted.Vote)
  case denyAll([Digest])
  case revokeKey(Digest)
  case revokeGrant(Digest)
  /// What is selected, as targets of a lock; the choice says which.
  case lock([LockTarget])
  case lift(Digest)
  case proposal(Digest)
  case owed(Digest)
  case activate(Digest)
  /// Any other command of the command line that signs.
  case command([String])
}

/// A dialog's whole content: what binds, what stands beside it, and what may be pressed.
///
/// Made from verified entries; ``ConsentModel`` is the dialog over it.
package struct Consent: Sendable {
  /// What must be true before a button signs.
  package enum Need: Sendable, Hashable, CaseIterable {
    /// Every line that binds has been on the screen.
    case read
    case reason
    /// The name asked for has been typed.
    case name
    /// The key can be opened: a passphrase, an unlocked key or an agent.
    case key
  }

  package struct Button: Sendable, Hashable {
    package let name: String
    package let label: String
    package let needs: Set<Need>
    /// Why it cannot be pressed at all, if so.
    package let objection: String?

    package init(_ name: String, _ label: String, needs: Set<Need>, objection: String? = nil) {
      self.name = name
      self.label = label
      self.needs = needs
      self.objection = objection
    }
  }

  package struct Input: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
      case reason
      /// Must be typed exactly so.
      case name(String)
      /// Changes the plan: a time, an end.
      case plan
      case text
    }

    package let name: String
    package let label: String
    package let note: String
    package let kind: Kind
    package let initial: String

    package init(
      _ name: String, _ label: String, note: String, kind: Kind, initial: String = ""
    ) {
      self.name = name
      self.label = label
      self.note = note
      self.kind = kind
      self.initial = initial
    }
  }

  /// Ways of doing it, side by side.
  package struct Choice: Sendable, Hashable {
    package let label: String
    package let options: [String]
    package let selected: Int

    package init(_ label: String, _ options: [String], selected: Int) {
      self.label = label
      self.options = options
      self.selected = selected
    }
  }

  package let request: ConsentRequest
  package let title: SafeText
  /// Until when it can be signed, if it ends.
  package let deadline: Timestamp?
  /// How the thing stands, when it can no longer be signed.
  package let ended: String?
  /// Over the lines that bind.
  package let heading: SafeText
  package let lines: [Line]
  /// Under them: the digest that is signed.
  package let seal: SafeText
  /// The whole of it, to copy.
  package let digest: String
  /// What else must not change under a reader: votes so far, policy, expiry.
  package let binding: String
  /// Beside them: what is not signed.
  package let asides: [Line]
  package let choice: Choice?
  package let inputs: [Input]
  package let buttons: [Button]
  /// The command line that does the same.
  package let command: [String]
  /// What a person may jump to from here.
  package let related: [Target]

  package init(
    request: ConsentRequest, title: SafeText, deadline: Timestamp? = nil, ended: String? = nil,
    heading: SafeText, lines: [Line], seal: SafeText = "", digest: String = "",
    binding: String = "", asides: [Line] = [], choice: Choice? = nil, inputs: [Input],
    buttons: [Button],
    command: [String], related: [Target] = []
  ) {
    self.request = request
    self.title = title
    self.deadline = deadline
    self.ended = ended
    self.heading = heading
    self.lines = lines
    self.seal = seal
    self.digest = digest
    self.binding = binding
    self.asides = asides
    self.choice = choice
    self.inputs = inputs
    self.buttons = buttons
    self.command = command
    self.related = related
  }

  /// Whether another text binds, or something else may be done with it.
  func differs(from other: Consent) -> Bool {
    lines != other.lines || digest != other.digest || binding != other.binding
      || deadline != other.deadline
      || ended != other.ended || buttons != other.buttons || choice != other.choice
      || inputs.map(\.kind) != other.inputs.map(\.kind)
  }

  package var hidden: Int { lines.reduce(0) { $0 + $1.text.hidden } }
}

/// What is to be signed, as the dialog leaves it.
package struct Submission: Sendable, Hashable {
  package let request: ConsentRequest
  package let button: String
  package let choice: Int
  package let inputs: [String: String]
  /// Of the text that was on the screen.
  package let digest: String

  package init(
    request: ConsentRequest, button: String, choice: Int, inputs: [String: String], digest: String
  ) {
    self.request = request
    self.button = button
    self.choice = choice
    self.inputs = inputs
    self.digest = digest
  }

  package func input(_ name: String) -> String { inputs[name] ?? "" }
}

/// How a hold goes on after a vote: what was recorded, released, finished.
package struct HoldProgress: Sendable, Hashable {
  package let hold: Digest
  package let lines: [Line]
  /// Nothing more will happen to it.
  package let isOver: Bool

  package init(hold: Digest, lines: [Line], isOver: Bool) {
    self.hold = hold
    self.lines = lines
    self.isOver = isOver
  }
}
