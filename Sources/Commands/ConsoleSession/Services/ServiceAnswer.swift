import CanonicalJSON
import Statements

/// What a service answers to one that watches it, read from the bytes of a response.
enum ServiceAnswer {
  enum Line: Equatable {
    case deciding(service: String, registry: String)
    case stopped(at: Timestamp, by: String)
  }

  /// The status of a response whose first line has come.
  static func status(_ bytes: [UInt8]) -> Int? {
    guard bytes.starts(with: "HTTP/1.1 ".utf8), bytes.count >= 12 else { return nil }
    return Int(String(decoding: bytes[9..<12], as: UTF8.self))
  }

  /// The lines of JSON that have come whole; what is between them frames the chunks.
  static func lines(_ bytes: [UInt8]) -> [Line] {
    guard status(bytes) == 200, let head = bytes.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) else {
      return []
    }
    let whole = bytes[head.upperBound...].split(
      separator: 0x0A, omittingEmptySubsequences: true)
    return whole.compactMap { line in
      guard line.first == 0x7B, let json = try? JSONParser.parse(Array(line)) else { return nil }
      return Line(json)
    }
  }
}

extension ServiceAnswer.Line {
  init?(_ json: JSONValue) {
    switch json["state"]?.string?.text {
    case "deciding":
      guard let service = json["service"]?.string.flatMap({ Principal($0) }),
        service.kind == .service, let registry = json["registry"]?.string
      else { return nil }
      self = .deciding(service: service.description, registry: registry.text)
    case "stopped":
      guard let at = json["at"]?.string.flatMap({ Timestamp($0) }) else { return nil }
      self = .stopped(at: at, by: (json["by"]?.string?.text ?? "").signalName)
    default: return nil
    }
  }
}
