/// How much one query may cost.
package struct EvaluationLimits: Sendable {
  package var steps: Int
  /// Rules and functions within each other.
  package var depth: Int
  /// Bytes of values made.
  package var bytes: Int

  package init(steps: Int = 2_000_000, depth: Int = 100, bytes: Int = 256_000_000) {
    self.steps = steps
    self.depth = depth
    self.bytes = bytes
  }
}
