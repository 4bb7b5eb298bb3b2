// CrashSearch — runs all drivers in turn until a promise is broken or time is up.
//
// For planted bugs: nothing here knows which bug is planted, or that one is.

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
        var round = 0
        while elapsed < limit {
            for driver in Driver.allCases {
                do {
                    try run(driver, round)
                } catch {
                    return CrashFinding(
                        failure: error, driver: driver.rawValue,
                        milliseconds: elapsed / 1_000_000, points: points)
                }
            }
            round += 1
        }
        return nil
    }

    private enum Driver: String, CaseIterable {
        case random = "random lives"
        case exhaustive = "every step"
        case failures = "every failure"
        case pairs = "cuts inside recovery"
        case rot = "rot"
    }

    private var elapsed: UInt64 { Clock.monotonicNanoseconds() - start }

    private mutating func run(_ driver: Driver, _ round: Int) throws(CrashFailure) {
        switch driver {
        case .random:
            for _ in 0..<400 where elapsed < limit {
                points += try CrashRun(seed: seed, marks: marks).run()
                seed += 1
            }
        case .exhaustive:
            let scripts = CrashExhaustive.all
            points += try scripts[round % scripts.count].run(
                variants: PowerCutVariant.variants(randomCount: 4, seed: seed), marks: marks
            ).cuts
        case .failures:
            let scripts = CrashExhaustive.all
            points += try scripts[round % scripts.count].runFailing(marks: marks)
        case .pairs: points += try CrashPairs(seed: seed, marks: marks).run()
        case .rot:
            let rot = try CrashRot()
            var random = TestRandom(seed: seed)
            for item in rot.sample(2000, random: &random) {
                try rot.check(item, acceptingLoss: false)
                if item.canStrikeOpenStore { try rot.checkWhileOpen(item) }
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
