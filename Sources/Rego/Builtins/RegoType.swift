/// A type as OPA's compiler knows and prints it.
package indirect enum RegoType: Sendable, Hashable {
  case any
  case null
  case boolean
  case number
  case string
  /// Items at known places, then any number of `rest`.
  case array([RegoType], rest: RegoType?)
  case object([Property], rest: Rest?)
  case set(RegoType)
  case anyOf([RegoType])

  package struct Property: Sendable, Hashable {
    package let key: Value
    package let type: RegoType

    package init(key: Value, type: RegoType) {
      self.key = key
      self.type = type
    }
  }

  package struct Rest: Sendable, Hashable {
    package let key: RegoType
    package let value: RegoType

    package init(key: RegoType, value: RegoType) {
      self.key = key
      self.value = value
    }
  }

  /// An array of any length.
  package static func array(of element: RegoType) -> RegoType { .array([], rest: element) }

  /// An object of any keys.
  package static func object(_ key: RegoType, _ value: RegoType) -> RegoType {
    .object([], rest: Rest(key: key, value: value))
  }
}
