// CrashSearch — runs all drivers in turn until a promise is broken or time is up.
//
// For planted bugs: nothing here knows which bug is planted, or that one is.

internal import Cairn
internal import CairnSystem

/// A broken promise and how long it took to find.
package struct CrashFinding: Sendable, Equatable {
    package let failure: CrashFailure
    package let driver: String
    package let milliseconds: UInt64
    /// How many crash points, failed calls and damages were tried before.
    package let points: Int

    package static func == (left: CrashFinding, right: CrashFinding) -> Bool {
        left.failure.seed == right.failure.seed && left.driver == right.driver
    }
}

/// Looks for a seed under which a planted fault shows.
package struct CrashSearch {
    private let start = Clock.monotonicNanoseconds()
    private let limit: UInt64
    private let marks = MarkBoard()
    private var seed: UInt64
    private var points = 0

    package init(seconds: UInt64, seed: UInt64) {
        limit = seconds * 1_000_000_000
        self.seed = seed
    }

    /// The first broken promise; nil when none was found in time.
    package mutating func find() -> CrashFinding? {
        while elapsed < limit {
            for driver in Driver.allCases {
                do {
                    try run(driver)
                } catch {
                    return CrashFinding(
                        failure: error, driver: driver.rawValue,
                        milliseconds: elapsed / 1_000_000, points: points)
                }
            }
        }
        return nil
    }

    private enum Driver: String, CaseIterable {
        case random = "random lives"
        case exhaustive = "every step"
        case failures = "every failure"
        case pairs = "cuts inside recovery"
        case rot = "rot"
        case rotDrawn = "rot of drawn stores"
        case rotCompacted = "rot, compacted"
    }

    private var elapsed: UInt64 { Clock.monotonicNanoseconds() - start }

    private mutating func run(_ driver: Driver) throws(CrashFailure) {
        var random = TestRandom(seed: seed)
        switch driver {
        case .random:
            for _ in 0..<400 where elapsed < limit {
                points += try CrashRun(seed: seed, marks: marks).run()
                seed += 1
            }
        case .exhaustive:
            let variants = PowerCutVariant.variants(randomCount: 4, seed: seed)
            for script in CrashExhaustive.all where elapsed < limit {
                points += try script.sample(
                    8, variants: variants, marks: marks, random: &random)
            }
        case .failures:
            for script in CrashExhaustive.all where elapsed < limit {
                points += try script.sampleFailing(24, marks: marks, random: &random)
            }
        case .pairs: points += try CrashPairs(seed: seed, marks: marks).run()
        case .rot:
            let rot = try CrashRot()
            for item in rot.sample(2000, random: &random) {
                try rot.check(item, acceptingLoss: false)
                if item.canStrikeOpenStore { try rot.checkWhileOpen(item) }
                points += 1
            }
        case .rotDrawn:
            for number in 0..<40 where elapsed < limit {
                let rot = CrashDrawnRot(seed: seed &+ UInt64(number), marks: marks)
                points += try rot.run(cases: 20).total
            }
        case .rotCompacted:
            let rot = try CrashRot()
            for item in rot.sample(2000, random: &random) where item.directory == .segments {
                let whileOpen = item.canStrikeOpenStore && random.coin()
                try rot.checkCompaction(item, whileOpen: whileOpen)
                points += 1
            }
        }
    }
}

extension CrashRot {
    /// Some of all cases, drawn without regard to kind.
    package func sample(_ count: Int, random: inout TestRandom) -> [RotCase] {
        let cases = flips + others
        return (0..<count).map { _ in cases[random.below(cases.count)] }
    }
}
