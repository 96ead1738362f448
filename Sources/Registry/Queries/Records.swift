import Foundation
import GRDB
package import Keys
package import Statements

/// A row of the list of operators.
package struct OperatorRow: Sendable, Hashable {
  package let principal: String
  package let key: Digest
  package let roles: String
  /// JSON: memberships as the operator's statement gives them.
  package let groups: String
  /// JSON.
  package let mayGrant: String
}

/// A row of the list of locks.
package struct LockRow: Sendable, Hashable {
  package let digest: Digest
  /// JSON.
  package let target: String
  package let reason: String
  package let until: Timestamp?
  package let placer: String
  package let received: Timestamp
  package let lifted: Timestamp?

  package func status(at now: Timestamp) -> String {
    if lifted != nil { return "lifted" }
    return until.map { now < $0 } ?? true ? "in force" : "ended"
  }
}

/// A row of the list of proposals.
package struct ProposalRow: Sendable, Hashable {
  package let digest: Digest
  package let type: String
  package let opener: String
  package let subject: String
  package let signers: [String]
  package let expires: Timestamp
  package let received: Timestamp
  package let ended: Timestamp?
  package let end: String?

  package func status(at now: Timestamp) -> String {
    end ?? (now < expires ? "open" : "expired")
  }
}

/// A row of what operators still have to look at.
package struct ReviewRow: Sendable, Hashable {
  package let subject: Digest
  package let index: UInt64
  package let kind: String
  package let who: String
  package let received: Timestamp
  package let completed: Timestamp?
  package let outcome: String?
  package let reviewer: String?
  package let because: String
}

/// A row of the keys that agents ask for.
package struct KeyRequestRow: Sendable, Hashable {
  package let digest: Digest
  package let holder: String
  /// The 32-byte public key.
  package let key: [UInt8]
  package let replaces: Digest?
  package let note: String
  package let received: Timestamp
}

/// A row of the list of agents.
package struct AgentRow: Sendable, Hashable {
  package let principal: String
  package let owner: String
  package let roles: String
  package let attributes: String
  package let activeKeys: Int
  package let allKeys: Int
  package let grants: Int
  package let lastDecision: Timestamp?
  package let pending: Int
  package let received: Timestamp
}

/// A row of the list of keys.
package struct KeyRow: Sendable, Hashable {
  package let fingerprint: Digest
  package let holder: String
  package let enrolledBy: String
  package let received: Timestamp
  package let notBefore: Timestamp?
  package let notAfter: Timestamp?
  package let tainted: Timestamp?
  package let revoked: Timestamp?
  package let reason: String?
  package let predecessor: Digest?

  package func status(at now: Timestamp) -> String {
    if revoked != nil { return "revoked" }
    if let notBefore, now < notBefore { return "prepared" }
    if let notAfter, now >= notAfter { return "expired" }
    return tainted == nil ? "active" : "tainted"
  }
}

/// A row of the list of grants.
package struct GrantRow: Sendable, Hashable {
  package let digest: Digest
  package let issuer: String
  package let holder: String
  package let parent: Digest?
  /// JSON.
  package let capabilities: String
  /// JSON.
  package let limits: String
  package let received: Timestamp
  package let revoked: Timestamp?
}

/// A row of the list of policies.
package struct PolicyRow: Sendable, Hashable {
  package let digest: Digest
  package let name: String
  package let version: Int64
  package let publisher: String
  package let received: Timestamp
  package let isActive: Bool
}

/// A row of the list of resources.
package struct ResourceRow: Sendable, Hashable {
  package let pattern: String
  package let type: String
  package let env: String?
  package let attributes: String
}

/// A row of the stream of decisions.
package struct DecisionRow: Sendable, Hashable {
  package let index: UInt64
  package let digest: Digest
  package let action: Digest
  package let agent: String
  package let name: String
  package let uri: String
  package let verdict: String
  package let code: String
  package let rule: String
  package let received: Timestamp
  package let releases: Digest?
}

/// A row of the approval queue.
package struct HoldRow: Sendable, Hashable {
  package let digest: Digest
  package let index: UInt64
  package let action: Digest
  package let agent: String
  package let name: String
  package let uri: String
  package let risk: Risk
  package let received: Timestamp
  package let expires: Timestamp
  package let places: Int
  package let approvals: Int
  /// As of its last entry; ``word(at:)`` says how it stands now.
  package let recorded: String
  package let approvedUntil: Timestamp?

  /// The hold's state at an instant: expiry is judged by the clock.
  package func word(at now: Timestamp) -> String {
    switch recorded {
    case "pending": now < expires ? "pending" : "expired"
    case "approved": approvedUntil.map { now < $0 } ?? false ? "approved" : "lapsed"
    default: recorded
    }
  }
}

// A row is not to be trusted: a value of the wrong kind reads as nothing, never as a crash. What is
// wrong with it, `log verify` says.
extension Row {
  func total(_ name: String) -> String { total(name) ?? "" }
  func total(_ name: String) -> String? { String.fromDatabaseValue(self[name] as DatabaseValue) }
  func total(_ name: String) -> Int { Int.fromDatabaseValue(self[name] as DatabaseValue) ?? 0 }
  func total(_ name: String) -> Int64 {
    Swift.max(0, Int64.fromDatabaseValue(self[name] as DatabaseValue) ?? 0)
  }
  func total(_ name: String) -> Bool {
    Bool.fromDatabaseValue(self[name] as DatabaseValue) ?? false
  }
  func total(_ name: String) -> Data {
    Data.fromDatabaseValue(self[name] as DatabaseValue) ?? Data()
  }

  func digest(_ name: String) -> Digest? {
    Data.fromDatabaseValue(self[name] as DatabaseValue).flatMap { Digest(bytes: $0) }
  }

  func time(_ name: String) -> Timestamp? {
    Int64.fromDatabaseValue(self[name] as DatabaseValue).map { Timestamp(milliseconds: $0) }
  }
}
