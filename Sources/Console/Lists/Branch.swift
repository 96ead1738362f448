package import Keys
package import Statements

/// One node of the delegation tree, as it is loaded.
package struct TreeNode: Sendable, Hashable {
  package let target: Target
  package let name: String
  package let scope: String
  package let expires: Timestamp?
  /// What is wrong with this link itself, in a word; empty if nothing.
  package let fault: String
  /// Links right below it.
  package let children: Int
  /// Whether there are more children than counted.
  package let isFloor: Bool
  /// In how many other places of the tree the same holder stands.
  package let elsewhere: Int
  package let pending: Int
  package let isEnded: Bool
  /// Whether its holder has no key to act with now; what it passed on may stand all the same.
  package let isKeyless: Bool

  package init(
    target: Target, name: String, scope: String, expires: Timestamp?, fault: String,
    children: Int, isFloor: Bool, elsewhere: Int, pending: Int, isEnded: Bool,
    isKeyless: Bool = false
  ) {
    self.target = target
    self.name = name
    self.scope = scope
    self.expires = expires
    self.fault = fault
    self.children = children
    self.isFloor = isFloor
    self.elsewhere = elsewhere
    self.pending = pending
    self.isEnded = isEnded
    self.isKeyless = isKeyless
  }
}

/// Which part of which branch of the tree is to be loaded: of the roots, of a user's links, or of a
/// link's children.
package struct BranchRequest: Sendable, Hashable {
  package enum Anchor: Sendable, Hashable {
    case first
    case last
    case after(TreeNode)
    case before(TreeNode)
    /// A child that must be among them: they begin with it where it stands beyond the first page.
    case containing(Target)
  }

  package let parent: Target?
  package let anchor: Anchor
  package let showsEnded: Bool
  package let serial: Int
  package static let limit = 200
}

/// Children of one branch.
package struct Branch: Sendable {
  package let request: BranchRequest
  package let nodes: [TreeNode]
  package let hasMore: Bool
  /// Whether children before these are left out.
  package let hasBefore: Bool

  package init(
    request: BranchRequest, nodes: [TreeNode], hasMore: Bool, hasBefore: Bool = false
  ) {
    self.request = request
    self.nodes = nodes
    self.hasMore = hasMore
    self.hasBefore = hasBefore
  }
}

/// A match of the tree's filter, with the way to it from the root.
package struct TreeMatch: Sendable, Hashable {
  package let path: [Target]

  package init(path: [Target]) { self.path = path }
}

extension TreeNode {
  /// Whether it stands before another child of the same branch: by holder, then by link.
  func precedes(_ other: TreeNode) -> Bool {
    guard name == other.name else { return name < other.name }
    guard let one = target.digest, let another = other.target.digest else { return false }
    return one < another
  }
}

extension Target {
  /// The digest it goes by, if it goes by one.
  package var digest: Digest? {
    switch self {
    case .hold(let digest), .key(let digest), .grant(let digest), .policy(let digest),
      .proposal(let digest), .owed(let digest), .keyRequest(let digest), .lock(let digest):
      digest
    default: nil
    }
  }
}
