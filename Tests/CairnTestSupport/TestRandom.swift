// TestRandom — the dice of every randomized test.
//
// A seed is all it takes to repeat a run: xoshiro256** seeded through splitmix64. A test takes its
// dice from `TestRandom.reported(_:)`, which prints the seed and obeys the environment's SEED. It
// is a value: copies roll the same numbers, and each thread needs its own (`fork()`).
//
// Why this is sound: the only unsafe expression reads the environment's SEED, a string that getenv
// keeps valid while nobody calls setenv, which no test does.

internal import Glibc

/// Seedable random numbers for tests.
package struct TestRandom: RandomNumberGenerator, Sendable {
    /// What this sequence was seeded with; a failure message quotes it.
    package let seed: UInt64
    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// The sequence of `seed`.
    package init(seed: UInt64) {
        self.seed = seed
        var state = seed
        words = (
            Self.splitmix(&state), Self.splitmix(&state),
            Self.splitmix(&state), Self.splitmix(&state)
        )
    }

    /// Dice for the test called `title`: from SEED if it is set, else from `fallback`, else new
    /// every time. Prints the seed.
    package static func reported(_ title: String, fallback: UInt64? = nil) -> TestRandom {
        let seed = environmentSeed() ?? fallback ?? UInt64.random(in: 0..<1_000_000_000)
        print("SEED=\(seed) repeats \"\(title)\"")
        return TestRandom(seed: seed)
    }

    /// The environment's SEED, if it is a number.
    package static func environmentSeed() -> UInt64? {
        guard let text = unsafe getenv("SEED") else { return nil }
        return unsafe UInt64(String(cString: text))
    }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        let result = Self.rotate(words.1 &* 5, by: 7) &* 9
        let shifted = words.1 << 17
        words.2 ^= words.0
        words.3 ^= words.1
        words.1 ^= words.2
        words.0 ^= words.3
        words.2 ^= shifted
        words.3 = Self.rotate(words.3, by: 45)
        return result
    }

    /// A number in `0..<bound`; nearly uniform, by one multiplication.
    package mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: below(UInt64(bound)))
    }

    /// A number in `0..<bound`; nearly uniform, by one multiplication.
    package mutating func below(_ bound: UInt64) -> UInt64 {
        precondition(bound > 0, "there is no number below zero")
        return next().multipliedFullWidth(by: bound).high
    }

    /// True `count` times in `total`.
    package mutating func chance(_ count: Int, in total: Int) -> Bool { below(total) < count }

    /// A fair coin.
    package mutating func coin() -> Bool { next() >> 63 == 1 }

    /// `byteCount` random bytes.
    package mutating func bytes(_ byteCount: Int) -> [UInt8] {
        var result = [UInt8]()
        result.reserveCapacity(byteCount + 7)
        while result.count < byteCount { appendWord(to: &result) }
        result.removeLast(result.count - byteCount)
        return result
    }

    /// Independent dice that this sequence determines.
    package mutating func fork() -> TestRandom { TestRandom(seed: next()) }

    /// A number that looks random and depends on `value` alone.
    package static func mix(_ value: UInt64) -> UInt64 {
        var state = value
        return splitmix(&state)
    }

    private mutating func appendWord(to bytes: inout [UInt8]) {
        var word = next()
        for _ in 0..<8 {
            bytes.append(UInt8(truncatingIfNeeded: word))
            word >>= 8
        }
    }

    private static func splitmix(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private static func rotate(_ word: UInt64, by count: UInt64) -> UInt64 {
        (word << count) | (word >> (64 - count))
    }
}
