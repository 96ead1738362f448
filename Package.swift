// swift-tools-version:6.2
import PackageDescription

// A program offers its symbols to nobody: without their table it starts sooner and stays smaller.
let lean: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-use-ld=lld", "-Xlinker", "--exclude-libs=ALL", "-Xlinker", "--no-export-dynamic",
      // Relocations in a thousandth of the space (glibc 2.36 and later).
      "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
    ],
    .when(configuration: .release))
]

let package = Package(
  name: "countersign",
  products: [
    .executable(name: "countersign", targets: ["countersign"]),
    .executable(name: "countersignd", targets: ["countersignd"]),
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: [
    // C: module maps and shims
    .systemLibrary(
      name: "CSodium", path: "Sources/CSodium", providers: [.apt(["libsodium-dev"])]),
    .target(
      name: "CNCurses",
      linkerSettings: [.linkedLibrary("ncursesw"), .linkedLibrary("tinfo")]),

    // L0: bytes, keys, cells
    .target(name: "CanonicalJSON"),
    .target(
      name: "Documents", dependencies: ["CanonicalJSON", .product(name: "Yams", package: "Yams")]),
    .target(name: "Keys", dependencies: ["CanonicalJSON", "CSodium"]),
    .target(name: "Cells"),

    // L1: the pure domain: no I/O, no clock, no randomness
    .target(name: "Statements", dependencies: ["CanonicalJSON", "Keys"]),
    .target(name: "Delegations", dependencies: ["Statements", "CanonicalJSON", "Keys"]),
    .target(name: "TransparencyLog", dependencies: ["Keys", "CanonicalJSON"]),
    .target(name: "Rego", dependencies: ["CanonicalJSON"]),
    .target(name: "Approvals", dependencies: ["Statements", "CanonicalJSON", "Keys"]),
    .target(
      name: "Decisions",
      dependencies: ["Delegations", "Approvals", "Rego", "Statements", "CanonicalJSON", "Keys"]),

    // L2: the file, the one writer, the pure console
    .target(
      name: "PolicyFunctions",
      dependencies: [
        "Rego", "CanonicalJSON", "Documents", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
      ]),
    .target(
      name: "Registry",
      dependencies: [
        "Decisions", "TransparencyLog", "Statements", "Delegations", "Approvals", "CanonicalJSON",
        "Keys", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),
    .target(
      name: "Authority",
      dependencies: [
        "Registry", "Decisions", "TransparencyLog", "Statements", "Delegations", "Approvals",
        "PolicyFunctions", "Rego", "CanonicalJSON", "Keys",
      ]),
    .target(
      name: "Console",
      dependencies: [
        "Cells", "Decisions", "TransparencyLog", "Statements", "Delegations", "Approvals", "Rego",
        "CanonicalJSON", "Keys", "Documents",
      ]),

    // L3: the outside world
    .target(name: "Terminal", dependencies: ["Console", "Cells", "Statements", "CNCurses"]),
    .target(
      name: "Gateway",
      dependencies: [
        "Authority", "Decisions", "Statements", "TransparencyLog", "CanonicalJSON", "Keys",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "Enforcement",
      dependencies: [
        "Statements", "TransparencyLog", "CanonicalJSON", "Keys",
      ]),
    .target(
      name: "Fixtures",
      dependencies: [
        "Authority", "Documents", "Enforcement", "Statements", "Delegations", "Approvals",
        "Decisions", "CanonicalJSON", "Keys",
      ]),
    .target(
      name: "Commands",
      dependencies: [
        "Authority", "Console", "Terminal", "Enforcement", "Fixtures", "Registry", "Decisions",
        "TransparencyLog", "Statements", "Delegations", "Approvals", "PolicyFunctions", "Rego",
        "Documents", "Cells", "CanonicalJSON", "Keys",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(
      name: "DaemonCommands",
      dependencies: [
        "Gateway", "Authority", "Registry", "Statements", "Keys", "CanonicalJSON", "Cells",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ]),

    // L4: thin main files
    .executableTarget(name: "countersign", dependencies: ["Commands"], linkerSettings: lean),
    .executableTarget(
      name: "countersignd", dependencies: ["DaemonCommands"], linkerSettings: lean),

    // Tests mirror the sources
    .target(
      name: "TestSupport",
      dependencies: [
        "Console", "Cells", "Rego",
        "Authority", "Registry", "Decisions", "Delegations", "Statements", "TransparencyLog",
        "CanonicalJSON", "Keys", .product(name: "GRDB", package: "GRDB.swift"),
      ], path: "Tests/TestSupport"),
    .executableTarget(
      name: "soak",
      dependencies: [
        "TestSupport", "Authority", "Registry", "Decisions", "Approvals", "Statements",
        "CanonicalJSON", "Keys", "Console", "Terminal", "Enforcement",
      ], path: "Tests/Soak", exclude: ["hostile_agents.py"]),
    .executableTarget(
      name: "conformance",
      dependencies: ["Fixtures", "PolicyFunctions", "Rego", "CanonicalJSON"],
      path: "Tests/Conformance", exclude: ["known-failures.tsv", "known-differences.tsv"]),
    .testTarget(name: "CanonicalJSONTests", dependencies: ["TestSupport", "CanonicalJSON"]),
    .testTarget(name: "KeysTests", dependencies: ["TestSupport", "Keys", "CanonicalJSON"]),
    .testTarget(
      name: "StatementsTests", dependencies: ["TestSupport", "Statements", "Keys", "CanonicalJSON"]),
    .testTarget(
      name: "TransparencyLogTests",
      dependencies: ["TestSupport", "TransparencyLog", "Keys", "CanonicalJSON"]),
    .testTarget(
      name: "DelegationsTests",
      dependencies: ["TestSupport", "Delegations", "Statements", "CanonicalJSON", "Keys"]),
    .testTarget(
      name: "PolicyFunctionsTests",
      dependencies: ["TestSupport", "PolicyFunctions", "Rego", "CanonicalJSON"]),
    .testTarget(
      name: "RegoTests", dependencies: ["TestSupport", "Rego", "CanonicalJSON"],
      exclude: ["Cases"]),
    .testTarget(
      name: "ApprovalsTests",
      dependencies: ["TestSupport", "Approvals", "Statements", "Keys", "CanonicalJSON"]),
    .testTarget(
      name: "AuthorityTests",
      dependencies: [
        "TestSupport", "Authority", "Registry", "Decisions", "Delegations", "Statements",
        "TransparencyLog", "CanonicalJSON", "Keys", "Approvals", "PolicyFunctions",
      ]),
    .testTarget(
      name: "EnforcementTests",
      dependencies: [
        "TestSupport", "Enforcement", "Authority", "Statements", "TransparencyLog",
        "CanonicalJSON", "Keys",
      ]),
    .testTarget(
      name: "ConsoleTests",
      dependencies: [
        "TestSupport", "Delegations", "Console", "Cells", "Documents", "Authority", "Registry",
        "Decisions",
        "Approvals", "Statements", "CanonicalJSON", "Keys",
      ], exclude: ["Screens"]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "TestSupport", "Authority", "Registry", "Decisions", "Approvals", "Delegations",
        "Statements", "Keys", "CanonicalJSON", "Cells", "Console", "Commands", "Terminal",
        "countersign", "countersignd", "soak",
      ],
      exclude: ["proof_check.py", "Tasks"]),
  ],
  swiftLanguageModes: [.v6]
)

let strict: [SwiftSetting] =
  [
    "ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility",
    "NonisolatedNonsendingByDefault",
  ]
  .map { .enableUpcomingFeature($0) } + [.treatAllWarnings(as: .error)]
for target in package.targets where target.type != .system {
  target.swiftSettings = (target.swiftSettings ?? []) + strict
}
