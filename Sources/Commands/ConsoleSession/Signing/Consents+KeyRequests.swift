import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Delegations
import Keys
import Statements

// Answers to the keys that agents ask for: their own request carries the signatures that prove who
// holds the keys, so that no private key is needed here.
extension Consents {
  func answer(
    _ request: ConsentRequest, _ inputs: [String: String], _ plans: Plans
  ) throws -> Consent {
    let asked = try KeyAnswer.request(request, in: state, at: now)
    let body = asked.requested
    let (overlap, until) = (inputs["overlap"] ?? "1d", inputs["until"] ?? "90d")
    _ = try plans.keyAnswer(request, inputs: ["overlap": overlap, "until": until])
    var lines = [
      Line("agent", SafeText(body.holder.description), .title),
      Line(
        "new key", SafeText(body.key.fingerprint.description)),
      Line("ends", SafeText(words(until, "never"))),
    ]
    if let old = body.replaces {
      lines += [
        Line("old key", SafeText(old.description), target: .key(old.digest)),
        Line("it acts", SafeText(words(overlap, "no longer, from the next decision on"))),
        Line("proof", "the agent's request is signed by the old key and by the new one", .stateOK),
      ]
    } else {
      // Whoever can reach the daemon can make such a request.
      lines.append(
        Line(
          "! proof",
          SafeText(
            "signed by the new key only: nothing shows that \(body.holder) asked; compare the key "
              + "with whoever runs the agent"), .alert))
    }
    lines += [
      Line(
        "request", SafeText("\(asked.digest.hex), received \(asked.received.textToSeconds)")),
      Line(
        "note", SafeText("\"\(body.note.text)\"") + "   whoever asked, not verified",
        .untrusted),
    ]
    var fields: [Consent.Input] = []
    if body.replaces != nil {
      fields.append(
        Consent.Input(
          "overlap", "Overlap", note: "the old key: 1d, or none", kind: .plan, initial: overlap))
    }
    fields.append(
      Consent.Input(
        "until", "Ends", note: "the new key: 90d, or never", kind: .plan, initial: until))
    let verb = body.replaces == nil ? "enroll" : "rotate"
    return Consent(
      request: request,
      title: SafeText(
        body.replaces == nil
          ? "Enrol a key of \(body.holder)" : "Rotate the key of \(body.holder)"),
      deadline: asked.received.advanced(bySeconds: KeyRequest.lifetimeSeconds),
      heading: body.replaces == nil
        ? "A key that was asked for in the agent's name" : "The agent's own next key",
      lines: lines, seal: SafeText("request sha256 \(asked.digest.hex)"), digest: asked.digest.hex,
      asides: [
        Line("After it", "the agent's side writes its anchor anew: countersign key anchor")
      ],
      inputs: fields,
      buttons: [
        Consent.Button(
          verb, body.replaces == nil ? "Enrol the key" : "Rotate the key", needs: [.read, .key],
          objection: objection(to: body))
      ],
      command: ["key", verb, body.holder.description, "--request", asked.digest.hex],
      related: [.agent(body.holder.description)] + (body.replaces.map { [.key($0.digest)] } ?? []))
  }

  /// A span counts from the signature.
  private func words(_ typed: String, _ none: String) -> String {
    KeyAnswer.isNone(typed)
      ? none
      : "until "
        + (Timestamp(lenient: .init(typed)) == nil ? "\(typed) after the signature" : typed)
  }

  private func objection(to body: KeyRequested) -> String? {
    guard let voter else { return nil }
    if state.operators[voter]?.has(.admin) == true { return nil }
    let admins = state.admins.map(\.description).joined(separator: ", ")
    guard body.replaces != nil else { return "enrolling a key takes an admin: \(admins)" }
    let owner = state.agents[body.holder]?.registered.owner
    return owner == voter
      ? nil
      : "a rotation takes the agent's owner\(owner.map { " (\($0))" } ?? "") or an admin: \(admins)"
  }
}

enum KeyAnswer {
  static func isNone(_ typed: String) -> Bool {
    ["", "none", "never"].contains(typed.lowercased())
  }

  /// The open request that a dialog answers.
  static func request(
    _ request: ConsentRequest, in state: AuthorityState, at now: Timestamp
  ) throws -> KeyRequest {
    switch request {
    case .keyRequest(let digest):
      guard let found = state.requests[digest], found.isOpen(at: now) else {
        throw CommandFault(
          "request_unknown", "the key request \(digest.hex.prefix(8)) is answered or has lapsed")
      }
      return found
    case .rotate(let key): return try rotation(of: Fingerprint(digest: key), in: state, at: now)
    default: throw CommandFault("not_here", "this answers no key request")
    }
  }

  /// The request in which the holder of a key asks for its next one.
  static func rotation(
    of key: Fingerprint, in state: AuthorityState, at now: Timestamp
  ) throws -> KeyRequest {
    guard let record = state.keys[key] else {
      throw CommandFault("key_unknown", "no key \(key) is enrolled")
    }
    switch record.holder.kind {
    case .agent: break
    case .user:
      throw CommandFault(
        "rotation_elsewhere",
        "an operator's key is changed with: countersign operator rotate-key \(record.holder) "
          + "--public FILE")
    case .service:
      throw CommandFault(
        "rotation_elsewhere",
        "a service's key is changed with: countersign service add-host \(record.holder), then "
          + "remove-host")
    }
    let found = state.requests.values.filter {
      $0.isOpen(at: now) && $0.requested.replaces == key
    }
    // The newest is what the agent wants now.
    guard let newest = found.max(by: { $0.received < $1.received }) else {
      throw unasked(record.holder, key)
    }
    return newest
  }

  /// The one request in which an agent asks for its next key.
  static func rotation(
    of agent: Principal, in state: AuthorityState, at now: Timestamp
  ) throws -> KeyRequest {
    let found = state.requests.values.filter {
      $0.isOpen(at: now) && $0.requested.holder == agent && $0.requested.replaces != nil
    }.sorted { $0.received < $1.received }
    guard let first = found.first else { throw unasked(agent, nil) }
    guard found.count == 1 else {
      throw CommandFault(
        "request_ambiguous",
        "\(agent) asks for several keys; give one with --request: "
          + found.map { String($0.digest.hex.prefix(16)) }.joined(separator: ", "))
    }
    return first
  }

  private static func unasked(_ agent: Principal, _ key: Fingerprint?) -> CommandFault {
    CommandFault(
      "rotation_unasked",
      "\(agent) has not asked for a next key\(key.map { " in place of \($0.short)" } ?? ""). Its side "
        + "does so: countersign key new --out NEW.pem; countersign key request \(agent) --agent-key "
        + "NEW.pem --replaces OLD.pem --socket SOCKET. Then answer it here")
  }
}

extension Plans {
  /// The enrolment or rotation that answers a request.
  func keyAnswer(
    _ request: ConsentRequest, inputs: [String: String]
  ) throws -> (body: StatementBody, said: String) {
    let asked = try KeyAnswer.request(request, in: ledger.state, at: now)
    let body = asked.requested
    func time(_ name: String) throws -> Timestamp? {
      let typed = inputs[name] ?? ""
      return KeyAnswer.isNone(typed) ? nil : try until(typed)
    }
    let end = try time("until")
    guard let old = body.replaces else {
      return (
        .keyEnrolled(
          KeyEnrolled(
            holder: body.holder, key: body.key, notBefore: nil, notAfter: end,
            request: asked.digest)), "\(body.holder) now has key \(body.key.fingerprint.short)"
      )
    }
    return (
      .keyRotated(
        KeyRotated(
          holder: body.holder, old: old, key: body.key, overlapUntil: try time("overlap"),
          notAfter: end, request: asked.digest)),
      "\(body.holder) now has key \(body.key.fingerprint.short)"
    )
  }
}
