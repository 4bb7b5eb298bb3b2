// swift-tools-version: 6.3
import PackageDescription

// Layers point downward only: Cairn -> CairnFormat -> CairnSystem -> the C targets, and beside them
// CairnHTTP -> CairnCrypto -> CairnSystem and the system's OpenSSL. CairnText, words and JSON for
// both tools, needs CairnSystem alone; CairnServer stands on all of them.
// `CAIRN_PLANTED_BUGS=1` builds the engine with named faults that the crash suites must find;
// an ordinary build contains none of them.
// `CAIRN_FUZZING=1` adds what tools/fuzz runs.
let plantedBugs = Context.environment["CAIRN_PLANTED_BUGS"] == "1"
let isFuzzing = Context.environment["CAIRN_FUZZING"] == "1"

// `CAIRN_SUITES` leaves only the suites that one run of CI is to see, and what they stand on, for an optimized build
// of everything takes minutes. ThreadSanitizer sees all that runs on several threads; AddressSanitizer what holds
// unsafe code, and HTTP, which uses the most of it. Under them the suites themselves are not optimized, the code
// under test is.
let suitesOfRuns: [String: Set<String>] = [
    "crash": ["CairnCrashTests"],
    // For tools/torture: of the threads those of the engine alone.
    "stress": ["CairnTests"],
    "thread": [
        "CairnSystemTests", "CairnCryptoTests", "CairnTests", "CairnHTTPTests", "CairnServerTests",
    ],
    "address": [
        "CairnSystemTests", "CairnCryptoTests", "CairnFormatTests", "CairnTests", "CairnHTTPTests",
    ],
]
let run = Context.environment["CAIRN_SUITES"]
let wantedSuites = run.map { suitesOfRuns[$0] ?? [] }

let strict: [SwiftSetting] =
    [
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        // Returning a span from a property of ours needs it; see the decision notes.
        .enableExperimentalFeature("Lifetimes"),
    ] + (plantedBugs ? [.define("CAIRN_PLANTED_BUGS")] : [])

let suite = strict + (run == nil || run == "crash" ? [] : [.unsafeFlags(["-Onone"])])

let fuzzers: [Target] =
    isFuzzing
    ? [
        .target(name: "CFuzzer", path: "Tests/CFuzzer"),
        .target(
            name: "FuzzDriver", dependencies: ["CFuzzer"], path: "Tests/FuzzDriver",
            swiftSettings: strict),
        .executableTarget(
            name: "fuzz-heads", dependencies: ["CairnHTTP", "CairnSystem", "FuzzDriver"],
            path: "Tests/FuzzHeads", exclude: ["heads.dict"], swiftSettings: strict),
        .executableTarget(
            name: "fuzz-format", dependencies: ["CairnFormat", "CairnSystem", "FuzzDriver"],
            path: "Tests/FuzzFormat", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-text", dependencies: ["CairnSystem", "CairnText", "FuzzDriver"],
            path: "Tests/FuzzText", exclude: ["Corpus"], swiftSettings: strict),
        // What the tool is made of, as a library.
        .target(
            name: "CairnTool", dependencies: ["Cairn", "CairnFormat", "CairnSystem", "CairnText"],
            path: "tools/cairn", exclude: ["cairn.1", "CairnTool.swift"],
            swiftSettings: strict + [.unsafeFlags(["-enable-testing"])]),
        .executableTarget(
            name: "fuzz-tools",
            dependencies: ["CairnServer", "CairnSystem", "CairnText", "CairnTool", "FuzzDriver"],
            path: "Tests/FuzzTools", exclude: ["Corpus"], swiftSettings: strict),
    ] : []

let targets: [Target] =
    [
        .target(
            name: "CLinux",
            cSettings: [.define("_GNU_SOURCE", .when(platforms: [.linux]))],
            linkerSettings: [.linkedLibrary("isal")]),
        .systemLibrary(
            name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .target(
            name: "COpenSSL",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(name: "CairnSystem", dependencies: ["CLinux", "CLZ4"], swiftSettings: strict),
        .target(name: "CairnFormat", dependencies: ["CairnSystem"], swiftSettings: strict),
        .target(
            name: "Cairn", dependencies: ["CairnFormat", "CairnSystem"], swiftSettings: strict),
        .target(
            name: "CairnCrypto", dependencies: ["COpenSSL", "CairnSystem"], swiftSettings: strict),
        .target(
            name: "CairnHTTP", dependencies: ["CairnCrypto", "CairnSystem"],
            swiftSettings: strict),
        .target(name: "CairnText", dependencies: ["CairnSystem"], swiftSettings: strict),
        .target(
            name: "CairnServer",
            dependencies: [
                "Cairn", "CairnCrypto", "CairnFormat", "CairnHTTP", "CairnSystem", "CairnText",
            ],
            // Within the code, so that nothing has to be found beside the program.
            resources: [.embedInCode("openapi.json"), .embedInCode("Page/page.html")],
            swiftSettings: strict),
        .target(
            name: "BenchSupport", dependencies: ["Cairn", "CairnSystem"],
            path: "Benchmarks/BenchSupport", swiftSettings: strict),
        .executableTarget(
            name: "cairn-bench", dependencies: ["BenchSupport", "Cairn", "CairnSystem"],
            path: "Benchmarks/cairn-bench", swiftSettings: strict),
        // Takes the place of malloc in the program that it is linked into: in cairn-micro alone.
        .target(
            name: "CAllocations", path: "Benchmarks/CAllocations",
            cSettings: [.define("_GNU_SOURCE", .when(platforms: [.linux]))]),
        .executableTarget(
            name: "cairn-micro",
            dependencies: [
                "BenchSupport", "CAllocations", "Cairn", "CairnFormat", "CairnHTTP", "CairnSystem",
            ],
            path: "Benchmarks/cairn-micro", swiftSettings: strict),
        .executableTarget(
            name: "cairn", dependencies: ["Cairn", "CairnFormat", "CairnSystem", "CairnText"],
            path: "tools/cairn", exclude: ["cairn.1"], swiftSettings: strict),
        .executableTarget(
            name: "cairnd",
            dependencies: ["Cairn", "CairnCrypto", "CairnServer", "CairnSystem", "CairnText"],
            path: "tools/cairnd", swiftSettings: strict),
        .target(
            name: "CairnTestSupport",
            dependencies: ["CTLSClient", "Cairn", "CairnFormat", "CairnSystem"],
            path: "Tests/CairnTestSupport", swiftSettings: strict),
        .testTarget(
            name: "CairnSystemTests", dependencies: ["CairnSystem", "CairnTestSupport"],
            swiftSettings: suite),
        .testTarget(
            name: "CairnFormatTests", dependencies: ["CairnFormat", "CairnTestSupport"],
            exclude: ["Golden"], swiftSettings: suite),
        .testTarget(
            name: "CairnTests", dependencies: ["Cairn", "CairnTestSupport"],
            swiftSettings: suite),
        .testTarget(
            name: "CairnCryptoTests",
            dependencies: ["CairnCrypto", "CairnSystem", "CairnTestSupport"],
            swiftSettings: suite),
        .target(
            name: "CTLSClient", path: "Tests/CTLSClient",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .testTarget(
            name: "CairnHTTPTests",
            dependencies: ["CairnCrypto", "CairnHTTP", "CairnTestSupport"],
            swiftSettings: suite),
        .testTarget(
            name: "CairnTextTests", dependencies: ["CairnText", "CairnTestSupport"],
            swiftSettings: suite),
        .testTarget(
            name: "CairnServerTests",
            dependencies: [
                "Cairn", "CairnCrypto", "CairnHTTP", "CairnServer", "CairnSystem",
                "CairnTestSupport", "CairnText",
            ],
            swiftSettings: suite),
        .testTarget(
            name: "CairnCrashTests", dependencies: ["Cairn", "CairnTestSupport"],
            exclude: ["README.md"], swiftSettings: suite),
        .testTarget(
            name: "CairnToolTests", dependencies: ["cairn", "cairn-bench", "CairnTestSupport"],
            swiftSettings: suite),
        .testTarget(
            name: "CairnDaemonTests",
            dependencies: [
                "cairn", "cairnd", "CairnCrypto", "CairnHTTP", "CairnSystem", "CairnTestSupport",
                "CairnText",
            ],
            swiftSettings: suite),
        .testTarget(name: "TidyTests", swiftSettings: suite),
    ] + fuzzers

/// Sources belong to one target: where the tool is a library, it is no program, and nothing that runs it is built.
func isOfTool(_ target: Target) -> Bool {
    ["cairn", "CairnToolTests", "CairnDaemonTests"].contains(target.name)
}

/// What these targets stand on, and they themselves.
func ground(of names: Set<String>, among targets: [Target]) -> Set<String> {
    var found = names
    for target in targets where names.contains(target.name) {
        let below = target.dependencies.compactMap { dependency -> String? in
            if case .byNameItem(let name, _) = dependency { name } else { nil }
        }
        found.formUnion(ground(of: Set(below), among: targets))
    }
    return found
}

let neededTargets = wantedSuites.map { ground(of: $0, among: targets) }
let builtTargets = targets.filter { target in
    !(isFuzzing && isOfTool(target)) && neededTargets?.contains(target.name) != false
}

let programs = ["cairn", "cairnd", "cairn-bench", "cairn-micro"].filter {
    !isFuzzing || $0 != "cairn"
}

let package = Package(
    name: "cairn",
    products: [.library(name: "Cairn", targets: ["Cairn"])]
        + (wantedSuites == nil ? programs.map { .executable(name: $0, targets: [$0]) } : []),
    targets: builtTargets,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
