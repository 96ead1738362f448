package import Approvals
package import CanonicalJSON
package import Delegations
package import Keys
package import Statements

/// Why the log does not take a statement.
package enum AdmissionFault: Error, Sendable, Equatable {
  case wrongRegistry(ByteString)
  case genesisMisplaced
  case stale(at: Timestamp, received: Timestamp)
  case repeatedID(ByteString)
  case wrongHead(size: UInt64)
  case unknownSigner(Principal)
  case wrongKey(signer: Principal, key: Fingerprint)
  case keyNotActive(Fingerprint, KeyRecord.Status)
  case wrongSignatures(expected: String)
  case missingRole(Principal, OperatorRole)
  case needsProposal(StatementType)
  case unknownSubject(what: String, name: String)
  case exists(what: String, name: String)
  case invalid(what: String, why: String)
  case pattern(PatternFault)
  case capabilities(ScopeFault)
  case chain(ChainFault)
  case notGrantable(Principal, action: ByteString, resource: ByteString)
  case vote(VoteFault)
  case missingBody(Digest)
  case proposalVoid(String)
  case locked(String)
  case unsupportedEntry(UInt64)
  /// A version of the rules that this program does not judge by.
  case rulesUnsupported(Int64)
  case noSpare(quorum: Int)
  case lockLimited(String)

  init(_ fault: ScopeFault) {
    self = if case .pattern(let fault) = fault { .pattern(fault) } else { .capabilities(fault) }
  }

  /// The stable name of the fault.
  package var code: String {
    switch self {
    case .wrongRegistry: "wrong_registry"
    case .genesisMisplaced: "genesis_misplaced"
    case .stale: "statement_stale"
    case .repeatedID: "statement_repeated"
    case .wrongHead: "wrong_head"
    case .unknownSigner: "signer_unknown"
    case .wrongKey: "signer_wrong_key"
    case .keyNotActive(_, let status): "key_\(status.rawValue)"
    case .wrongSignatures: "signatures_wrong"
    case .missingRole: "role_missing"
    case .needsProposal: "needs_admin_quorum"
    case .unknownSubject: "unknown_subject"
    case .exists: "exists"
    case .invalid: "invalid"
    case .pattern(let fault): fault.code
    case .capabilities(let fault): fault.code
    case .chain(let fault): fault.code
    case .notGrantable: "not_grantable"
    case .vote(let fault): fault.code
    case .missingBody: "body_missing"
    case .proposalVoid: "proposal_void"
    case .locked: "locked"
    case .unsupportedEntry: "unsupported_entry"
    case .rulesUnsupported: "rules_unsupported"
    case .noSpare: "no_spare_admin"
    case .lockLimited: "lock_limited"
    }
  }
}

extension AdmissionFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .wrongRegistry(let id):
      "the statement is for registry \(id.text.isEmpty ? "(none)" : id.text), not for this one"
    case .genesisMisplaced: "registry.created must be the first entry, and only that"
    case .stale(let at, let received):
      "the statement says it was signed at \(at.text), more than 5 minutes from \(received.text)"
    case .repeatedID(let id): "a statement with id \(id.text) was admitted already"
    case .wrongHead(let size):
      "the tree head its signer saw, of size \(size), is not one this log ever had"
    case .unknownSigner(let signer): "\(signer) is not enrolled here"
    case .wrongKey(let signer, let key): "key \(key) is not \(signer)'s"
    case .keyNotActive(let key, let status): "key \(key) is \(status.rawValue)"
    case .wrongSignatures(let expected): "the statement must be signed by \(expected)"
    case .missingRole(let signer, let role):
      "\(signer) does not have the role \(role.rawValue), which this takes"
    case .needsProposal(let type): "\(type.rawValue) takes the admin quorum: open a proposal"
    case .unknownSubject(let what, let name): "no \(what) \(name) is on record"
    case .exists(let what, let name): "\(what) \(name) is on record already"
    case .invalid(let what, let why): "\(what) \(why)"
    case .pattern(let fault): "\(fault)"
    case .capabilities(let fault): "\(fault)"
    case .chain(let fault): "\(fault)"
    case .notGrantable(let issuer, let action, let resource):
      "\(issuer) may not grant \(action.text) on \(resource.text)"
    case .vote(let fault): "\(fault)"
    case .missingBody(let digest): "the bytes of \(digest.hex), which it names, are missing"
    case .proposalVoid(let why): "the proposal is void: \(why)"
    case .locked(let what): "a lock on \(what) forbids it"
    case .unsupportedEntry(let index):
      "entry \(index) is of a kind this version does not know; install the newer countersign"
    case .rulesUnsupported(let version):
      version < RulesVersion.newest
        ? "the registry follows version \(version) of the rules, which was never released: this "
          + "countersign judges by version \(RulesVersion.newest); make a new registry with "
          + "countersign init"
        : "the registry follows version \(version) of the rules, and this countersign knows none "
          + "above \(RulesVersion.newest); install the newer countersign"
    case .noSpare(let quorum):
      "the admin quorum would be all \(quorum) admins there are: with one of them away or their key "
        + "lost, nobody could change who is trusted, nor replace that admin; enrol one more admin, "
        + "lower the quorum, or ask for it by name with --no-spare"
    case .lockLimited(let why): why
    }
  }
}

/// What an admitted statement changed, for the projection.
package enum Change: Sendable {
  /// A body took effect: the statement's own, or a proposal's inner one.
  case enacted(StatementBody)
  /// A hold moved: a vote, a release, a void.
  case hold(Digest)
  /// One more admin signed a proposal.
  case proposalSigned(Digest)
  /// A proposal took effect or was rejected.
  case proposalEnded(Digest)
}
