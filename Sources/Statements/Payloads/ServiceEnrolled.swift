package import CanonicalJSON
package import Keys

/// The key of a service's daemon on one host.
package struct ServiceHost: Sendable, Hashable {
  package let host: ByteString
  package let key: PublicKey

  package init(host: ByteString, key: PublicKey) {
    self.host = host
    self.key = key
  }

  init(_ json: JSONValue, path: String) throws(FieldFault) {
    var fields = try JSONFields(json, path: path)
    host = try fields.string("host")
    guard (1...253).contains(host.count), host.bytes.allSatisfy(ServiceHost.isNameByte) else {
      throw fields.fault(
        "host", "is \"\(host.text)\"; it is 1 to 253 of a-z A-Z 0-9 . _ - as gw-1.example.org")
    }
    key = try fields.publicKey("key")
    try fields.finish()
  }

  package static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }

  package var json: JSONValue { ["host": JSONValue(host), "key": JSONValue(key.hex)] }
}

/// `service.enrolled`: a service's keys, one for each host its daemons run on.
///
/// Of a service already enrolled it says the whole list anew: keys it leaves out are retired.
package struct ServiceEnrolled: Sendable, Hashable {
  package let service: Principal
  package let hosts: [ServiceHost]
  /// Agents whose requests it may put into actions itself.
  package let mayAttest: [Principal]

  package static let hostLimit = 64

  package init(service: Principal, hosts: [ServiceHost], mayAttest: [Principal] = []) {
    self.service = service
    self.hosts = hosts
    self.mayAttest = mayAttest
  }

  /// A service with one daemon.
  package init(
    service: Principal, key: PublicKey, host: ByteString = "localhost",
    mayAttest: [Principal] = []
  ) {
    self.init(
      service: service, hosts: [ServiceHost(host: host, key: key)], mayAttest: mayAttest)
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    service = try fields.principal("service", .service)
    var hosts: [ServiceHost] = []
    for (index, element) in try fields.array("keys", limit: ServiceEnrolled.hostLimit).enumerated()
    {
      hosts.append(try ServiceHost(element, path: "\(fields.place("keys"))[\(index)]"))
    }
    guard !hosts.isEmpty else { throw fields.fault("keys", "is empty") }
    guard Set(hosts.map(\.host)).count == hosts.count, Set(hosts.map(\.key)).count == hosts.count
    else { throw fields.fault("keys", "names a host or a key twice; each host has its own key") }
    self.hosts = hosts
    var agents: [Principal] = []
    for text in try fields.strings("may_attest") {
      guard let agent = Principal(text), agent.kind == .agent else {
        throw fields.fault("may_attest", "holds \"\(text.text)\", which is no agent:NAME")
      }
      agents.append(agent)
    }
    mayAttest = agents
  }

  package var json: JSONValue {
    [
      "service": service.json, "keys": .array(hosts.map(\.json)),
      "may_attest": .array(mayAttest.map(\.json)),
    ]
  }
}
