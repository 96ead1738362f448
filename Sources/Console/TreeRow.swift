package import Keys
package import Statements

/// One line of the delegation tree.
package struct TreeRow: Sendable, Hashable {
  /// The path of grants to it: a grant stands in one place only, a user in one.
  package let id: String
  package let grant: Digest?
  package let name: String
  package let prefix: String
  package let scope: String
  package let expires: Timestamp?
  package let status: String
  /// Rows hidden below it.
  package let hidden: Int

  static func rows(_ grants: [Snapshot.GrantItem], folded: Set<Digest>) -> [TreeRow] {
    var children: [Digest: [Snapshot.GrantItem]] = [:]
    var roots: [String: [Snapshot.GrantItem]] = [:]
    for grant in grants {
      if let parent = grant.parent {
        children[parent, default: []].append(grant)
      } else {
        roots[grant.issuer, default: []].append(grant)
      }
    }
    func below(_ digest: Digest) -> Int {
      (children[digest] ?? []).reduce(0) { $0 + 1 + below($1.digest) }
    }
    var rows: [TreeRow] = []
    func add(_ grant: Snapshot.GrantItem, _ lead: String, isLast: Bool) {
      let below = below(grant.digest)
      let isFolded = folded.contains(grant.digest) && below > 0
      rows.append(
        TreeRow(
          id: grant.digest.hex, grant: grant.digest, name: grant.holder,
          prefix: lead + (isLast ? "\u{2514}\u{2500}" : "\u{251C}\u{2500}")
            + (below == 0 ? "\u{2500} " : isFolded ? "\u{25B8} " : "\u{25BE} "),
          scope: grant.scope, expires: grant.expires, status: grant.status,
          hidden: isFolded ? below : 0))
      guard !isFolded else { return }
      let kids = children[grant.digest] ?? []
      for (index, kid) in kids.enumerated() {
        add(kid, lead + (isLast ? "  " : "\u{2502} "), isLast: index == kids.count - 1)
      }
    }
    for (root, grants) in roots.sorted(by: { $0.key < $1.key }) {
      rows.append(
        TreeRow(
          id: root, grant: nil, name: root, prefix: "", scope: "", expires: nil, status: "root",
          hidden: 0))
      for (index, grant) in grants.enumerated() {
        add(grant, "", isLast: index == grants.count - 1)
      }
    }
    return rows
  }
}
