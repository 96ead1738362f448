import Console
import Testing

/// Every state of a dialog against every combination of what has been fulfilled.
@Suite struct SigningStepsTests {
  private static let bools = [false, true]

  private static var facts: [SigningSteps.Facts] {
    var all: [SigningSteps.Facts] = []
    for unseen in [0, 1, 7] {
      for reason in bools {
        for name in bools {
          for key in bools {
            for objection in [nil, "it has expired"] {
              all.append(
                SigningSteps.Facts(
                  unseen: unseen, hasReason: reason, nameMatches: name, hasKey: key,
                  objection: objection))
            }
          }
        }
      }
    }
    return all
  }

  private static var needs: [Set<Consent.Need>] {
    (0..<16).map { bits in
      Set(Consent.Need.allCases.enumerated().filter { bits >> $0.offset & 1 == 1 }.map(\.element))
    }
  }

  @Test func `a button signs exactly when everything it needs is there`() {
    for needs in SigningStepsTests.needs {
      for objection in [nil, "vote_excluded: not you"] {
        let button = Consent.Button("approve", "Approve", needs: needs, objection: objection)
        for facts in SigningStepsTests.facts {
          var steps = SigningSteps()
          let may =
            objection == nil && facts.objection == nil
            && (!needs.contains(.read) || facts.unseen == 0)
            && (!needs.contains(.reason) || facts.hasReason)
            && (!needs.contains(.name) || facts.nameMatches)
            && (!needs.contains(.key) || facts.hasKey)
          #expect(steps.press(button, facts) == may)
          #expect(
            SigningSteps.obstacles(button, facts, name: "x").isEmpty == may)
          #expect(steps.isOpen == !may)
        }
      }
    }
  }

  @Test func `the stages follow one another and none is skipped`() {
    let steps = SigningSteps()
    for facts in SigningStepsTests.facts {
      let want: SigningSteps.Stage =
        facts.unseen > 0
        ? .reading(unseen: facts.unseen)
        : facts.hasReason && facts.nameMatches ? .authenticating : .deciding
      #expect(steps.stage(facts) == want)
    }
  }

  private enum Event: CaseIterable {
    case press
    case recorded
    case refused
    case reopen
  }

  @Test func `from every phase every event leads where it may and nowhere else`() {
    let button = Consent.Button("approve", "Approve", needs: [])
    let facts = SigningSteps.Facts(unseen: 0, hasReason: true, nameMatches: true, hasKey: true)
    func phases() -> [(String, SigningSteps)] {
      let open = SigningSteps()
      var signing = open
      _ = signing.press(button, facts)
      var recorded = signing
      recorded.recorded(index: 7, outcome: "done")
      var refused = signing
      refused.refused("hold_denied")
      return [("open", open), ("signing", signing), ("recorded", recorded), ("refused", refused)]
    }
    let want: [String: [SigningSteps.Stage]] = [
      "open": [.signing("approve"), .authenticating, .authenticating, .authenticating],
      "signing": [
        .signing("approve"), .recorded(index: 9, outcome: "ok"), .refused("late"), .authenticating,
      ],
      "recorded": Array(repeating: .recorded(index: 7, outcome: "done"), count: 4),
      "refused": Array(repeating: .refused("hold_denied"), count: 4),
    ]
    for (name, phase) in phases() {
      for (place, event) in Event.allCases.enumerated() {
        var steps = phase
        switch event {
        case .press: _ = steps.press(button, facts)
        case .recorded: steps.recorded(index: 9, outcome: "ok")
        case .refused: steps.refused("late")
        case .reopen: steps.reopen()
        }
        #expect(steps.stage(facts) == want[name]?[place], "\(name) \(event)")
      }
    }
  }
}
