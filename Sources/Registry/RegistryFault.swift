/// Why a registry file could not be used.
package enum RegistryFault: Error, Sendable, Equatable {
  case missing(path: String)
  case exists(path: String)
  case unwritable(path: String, reason: String)
  case full(path: String)
  case busy(path: String)
  case damaged(path: String, reason: String)
  case newer(path: String)
  /// The file was moved away while this process had it open.
  case replaced(path: String)
  /// An entry that cannot even be unpacked.
  case damagedEntry(index: UInt64)
  /// A row has a value that this program never writes, such as an index below zero.
  case tampered(table: String, column: String, value: Int64)

  /// Whether someone changed what this program wrote.
  package var isTampering: Bool {
    switch self {
    case .damagedEntry, .tampered: true
    default: false
    }
  }

  /// The stable name of the fault.
  package var code: String {
    switch self {
    case .missing: "registry_missing"
    case .exists: "registry_exists"
    case .unwritable: "registry_unwritable"
    case .full: "registry_disk_full"
    case .busy: "registry_busy"
    case .damaged: "registry_damaged"
    case .newer: "registry_newer"
    case .damagedEntry, .tampered: "registry_tampered"
    case .replaced: "registry_replaced"
    }
  }
}

extension RegistryFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .missing(let path):
      "there is no registry at \(path); make one with `countersign init`, or name it with --registry"
    case .exists(let path): "a registry is at \(path) already and is left as it is"
    case .unwritable(let path, let reason): "the registry \(path) cannot be written: \(reason)"
    case .full(let path):
      "the disk that holds \(path) is full; nothing was recorded; free some space and try again"
    case .busy(let path):
      "another process has held \(path) locked for 5 s; see who with: fuser \(path)"
    case .damaged(let path, let reason):
      "the registry \(path) is damaged (\(reason)); restore a backup"
    case .replaced(let path):
      "the registry \(path) was replaced or moved while this process had it open; nothing was "
        + "recorded; start the process again"
    case .damagedEntry(let index):
      "entry \(index) of the log was altered; run `countersign log verify`"
    case .tampered(let table, let column, let value):
      "table \(table) was altered: its column \(column) holds \(value), which no entry of the log calls "
        + "for; run `countersign log verify`"
    case .newer(let path):
      "the registry \(path) was written by a newer countersign; install that version"
    }
  }
}
