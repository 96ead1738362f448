/// A count with its noun: `1 hold`, `2 holds`.
package enum Plural {
  package static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(number) \(word(number, one, many))"
  }

  /// The noun alone, as it goes with the number.
  package static func word(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    number == 1 ? one : many ?? one + "s"
  }
}
