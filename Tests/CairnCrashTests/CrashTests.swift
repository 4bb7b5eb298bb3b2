// What survives power cuts and kills: random lives by seed, every step of some scripts, and cuts
// inside recovery. CAIRN_CRASH_POINTS scales the random run, SEED begins it elsewhere; the seed of a
// failure repeats it. Spec: Engine.md, "The rules of order".

import Cairn
import CairnTestSupport
import Testing

@Suite("Power cuts and kills")
struct CrashTests {
    @Test("nothing acknowledged is lost, nothing else appears, whatever a life was doing")
    func randomLives() throws {
        let wanted = CrashSettings.pointCount(ordinary: 100_000)
        let first = CrashSettings.firstSeed
        let marks = MarkBoard()
        var points = 0
        var seed = first
        while points < wanted {
            points += try CrashRun(seed: seed, marks: marks).run()
            seed += 1
        }
        print("\(points) crash points: seeds \(first)..<\(seed) (SEED, CAIRN_CRASH_POINTS)")
        for (name, count) in marks.sortedCounts() { print("  \(name): \(count)") }
        if wanted >= 50_000 {
            #expect(marks.missing() == [], "these were never seen")
        }
    }

    @Test("at every step of a script, in every variant", arguments: CrashExhaustive.all)
    func everyStep(of script: CrashExhaustive) throws {
        let variants = PowerCutVariant.variants(
            randomCount: 4, seed: CrashSettings.firstSeed)
        let count = try script.run(variants: variants, marks: MarkBoard())
        print("\(script.name): \(count.steps) steps, \(count.cuts) different cuts")
        #expect(count.steps > 10 && count.cuts > count.steps * variants.count)
    }

    @Test(
        "any call may fail, once for any reason, or for ever", arguments: CrashExhaustive.all)
    func everyFailure(of script: CrashExhaustive) throws {
        let count = try script.runFailing(marks: MarkBoard())
        print("\(script.name): \(count) endings of failed calls")
        #expect(count > 100)
    }

    @Test("recovery may be cut at every step, and the recovery from that too")
    func insideRecovery() throws {
        let wanted = CrashSettings.number("CAIRN_CRASH_PAIRS") ?? CrashSettings.scaled(2000)
        let first = CrashSettings.firstSeed
        var seed = first
        var pairs = 0
        while pairs < wanted {
            pairs += try CrashPairs(seed: seed, marks: MarkBoard()).run()
            seed += 1
        }
        print("\(pairs) pairs of cuts inside recovery: seeds \(first)..<\(seed)")
    }

    @Test("the same seed lives the same life")
    func reproducible() throws {
        for seed in UInt64(1)...20 {
            let (first, second) = (MarkBoard(), MarkBoard())
            let points = try CrashRun(seed: seed, marks: first).run()
            #expect(try CrashRun(seed: seed, marks: second).run() == points)
            #expect(first.sortedCounts().map(\.count) == second.sortedCounts().map(\.count))
        }
    }
}
