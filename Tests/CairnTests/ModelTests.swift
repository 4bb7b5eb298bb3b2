// Random operations against a dictionary, on the simulated disk and in a directory, with ordinary
// hashes and with hashes that collide. Seeds are printed; SEED repeats a run.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Model")
struct ModelTests {
    private func tuning(hashMask: UInt64, random: inout TestRandom) -> Tuning {
        var tuning = CrashWorld.tinyTuning(random: &random)
        tuning.hashMask = hashMask
        return tuning
    }

    @Test(
        "on the simulated disk a store is a dictionary, whatever its hashes",
        arguments: [UInt64.max, 0x1F, 0x3, 0])
    func simulated(hashMask: UInt64) throws {
        var random = TestRandom.reported("model on the simulated disk, mask \(hashMask)")
        for _ in 0..<12 {
            let disk = SimulatedDisk(seed: random.next())
            var run = try ModelRun(
                random.fork(), tuning(hashMask: hashMask, random: &random),
                keyCount: [3, 10, 60][random.below(3)], syncedShare: 30
            ) { disk }
            run.advance = { disk.advance(nanoseconds: $0 * 1_000_000_000) }
            run.unhinted = { disk.withoutHints() }
            try run.run(400)
            #expect(disk.openHandleCount == 0)
        }
    }

    @Test("in a directory too", arguments: [UInt64.max, 0x3])
    func directory(hashMask: UInt64) throws {
        var random = TestRandom.reported("model in a directory, mask \(hashMask)")
        let directory = try TemporaryDirectory()
        var run = try ModelRun(
            random.fork(), tuning(hashMask: hashMask, random: &random), keyCount: 20,
            syncedShare: 2
        ) { SystemStorage(path: directory.path) }
        try run.run(800)
    }

    @Test("and with the product's own sizes")
    func ordinary() throws {
        var random = TestRandom.reported("model with the product's sizes")
        let disk = SimulatedDisk(seed: random.next())
        var tuning = Tuning()
        tuning.chunkByteCount = 64 << 10
        tuning.lingerNanoseconds = 0
        var run = try ModelRun(random.fork(), tuning, keyCount: 30, syncedShare: 30) { disk }
        try run.run(200)
    }

    @Test("two keys with one hash are put, overwritten and deleted apart, also after reopening")
    func collidingKeys() throws {
        for deletesFirst in [true, false] {
            var random = TestRandom(seed: 1)
            let disk = SimulatedDisk()
            let tuning = tuning(hashMask: 0, random: &random)
            let keys: [[UInt8]] = [[1], [2]]
            var engine = try Engine.open(disk, tuning: tuning)
            for round in UInt8(0)..<3 {
                for key in keys { _ = try engine.put(key.rawSpan, (key + [round]).rawSpan) }
                for key in keys { #expect(try engine.get(key.rawSpan)?.bytes == key + [round]) }
            }
            let (gone, left) = deletesFirst ? (keys[0], keys[1]) : (keys[1], keys[0])
            #expect(try engine.delete(gone.rawSpan) != nil)
            for _ in 0..<2 {
                #expect(try engine.get(gone.rawSpan) == nil)
                #expect(try engine.get(left.rawSpan)?.bytes == left + [2])
                #expect(engine.statistics().keyCount == 1)
                try engine.close()
                engine = try Engine.open(disk, tuning: tuning)
            }
            try engine.close()
        }
    }
}
