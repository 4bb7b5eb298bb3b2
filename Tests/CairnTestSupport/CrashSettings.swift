// CrashSettings — how long the crash suites run, and from which seed, as the environment says.
//
// CAIRN_CRASH_POINTS scales, SEED begins elsewhere.
// Why this is sound: the unsafe expressions read the environment, whose strings getenv keeps valid
// while nobody calls setenv, which no test does.

internal import Glibc

/// Read anew at each call; a test binary needs no arguments.
package enum CrashSettings {
    /// How many crash points a random run has.
    package static func pointCount(ordinary: Int) -> Int {
        number("CAIRN_CRASH_POINTS") ?? scaled(ordinary)
    }

    /// `count`, or a fiftieth of it in a debug build, which is so much slower.
    package static func scaled(_ count: Int) -> Int { isDebugBuild ? count / 50 : count }

    /// `count` in a debug build, nil in a release build.
    package static func debugCount(_ count: Int) -> Int? { isDebugBuild ? count : nil }

    private static var isDebugBuild: Bool {
        #if DEBUG
            true
        #else
            false
        #endif
    }

    /// The first seed of a run; a fixed one unless SEED says otherwise.
    package static var firstSeed: UInt64 { TestRandom.environmentSeed() ?? 1 }

    /// A number in the environment.
    package static func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

    /// A text in the environment.
    package static func text(_ name: String) -> String? {
        guard let text = unsafe getenv(name) else { return nil }
        return unsafe String(cString: text)
    }
}
