extension Consent {
  /// What `W` and `J` show whole from this dialog, where its lines tell it in groups.
  var contents: Target? {
    switch request {
    case .reviews(let group): .reviewGroup(group)
    case .owed(let subject): .owed(subject)
    case .keyRequest(let request): .keyRequest(request)
    case .activate(let policy): .policy(policy)
    default: nil
    }
  }
}
