// Damage to what was durable. In a release build every bit of the store is flipped; a debug build
// takes a sample. SEED chooses the sample, CAIRN_ROT_CASES its size.

import Cairn
import CairnFormat
import CairnTestSupport
import Testing

@Suite("Rot")
struct CrashRotTests {
    /// All cases, or a sample when the build is slow.
    private func chosen(_ cases: [RotCase]) -> [RotCase] {
        guard let count = CrashSettings.number("CAIRN_ROT_CASES") ?? CrashSettings.debugCount(800),
            count < cases.count
        else { return cases }
        var random = TestRandom.reported("rot", fallback: 1)
        return (0..<count).map { _ in cases[random.below(cases.count)] }
    }

    @Test("the store that is damaged holds segments in every state, and every kind of record")
    func subject() throws {
        let rot = try CrashRot()
        #expect(rot.segmentStates == [.open, .recovered, .sealed])
        #expect(rot.recordTypes == [.put, .delete, .chunk, .composite, .mark, .seal])
        #expect(rot.hasBatch && rot.hasBlocks)
    }

    @Test("no flipped bit is ever served: it is refused, reported, or harmless")
    func flippedBits() throws {
        let rot = try CrashRot()
        for (number, item) in chosen(rot.flips).enumerated() {
            try rot.check(item, acceptingLoss: number % 16 == 0)
        }
        print("flipped bits: \(rot.count)")
        #expect(rot.count.detected > 0 && rot.count.refused > 0)
    }

    @Test("nor are torn, zeroed, swapped, foreign or missing parts")
    func otherDamage() throws {
        let rot = try CrashRot()
        for item in chosen(rot.others) { try rot.check(item, acceptingLoss: true) }
        print("other damage: \(rot.count)")
        #expect(rot.count.detected > 0)
    }

    @Test("a damaged MANIFEST, STORE or hint refuses the store or changes nothing of what it shows")
    func drawnStores() throws {
        let first = CrashSettings.firstSeed
        var refused = 0
        var harmless = 0
        for seed in first..<first + UInt64(CrashSettings.scaled(1000)) {
            let count = try CrashDrawnRot(seed: seed, marks: MarkBoard()).run(cases: 20)
            refused += count.refused
            harmless += count.harmless
        }
        print("drawn stores: \(refused) refused, \(harmless) harmless")
        #expect(refused > 0 && harmless > 0)
    }

    @Test("compaction spreads no damage: what was whole stays whole, and nothing is absent")
    func compacted() throws {
        let rot = try CrashRot()
        let places = rot.flipsWhileOpen.enumerated().filter { $0.offset % 8 == $0.offset / 8 % 8 }
        for (number, item) in chosen(places.map(\.element)).enumerated() {
            try rot.checkCompaction(item, whileOpen: number % 2 == 0)
        }
        let parts = rot.others.filter { $0.directory == .segments }
        for item in chosen(parts) { try rot.checkCompaction(item, whileOpen: false) }
        print("compacted: \(rot.count)")
        #expect(rot.count.compacted > 0 && rot.count.leftAlone > 0)
    }

    @Test("a bit that flips while the store is open is found by the read, and healed by a write")
    func whileOpen() throws {
        let rot = try CrashRot()
        for item in chosen(rot.flipsWhileOpen) { try rot.checkWhileOpen(item) }
        print("flipped while open: \(rot.count)")
        #expect(rot.count.detected > 0)
    }
}
