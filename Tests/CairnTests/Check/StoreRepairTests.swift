// Repair: what is good stays, what is lost is named and never comes back older, nothing is destroyed,
// and a crash anywhere in it leaves a store that opens.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Check: repair")
struct StoreRepairTests {
    private func check(_ disk: SimulatedDisk, _ tuning: Tuning) throws -> [CheckFinding] {
        var findings: [CheckFinding] = []
        _ = try StoreCheck(disk, isDeep: true, tuning: tuning) { findings.append($0) }.run()
        return findings.filter { $0.severity == .damage }
    }

    @discardableResult
    private func repair(
        _ disk: SimulatedDisk, _ tuning: Tuning, _ findings: [CheckFinding],
        acceptsLoss: Bool = false
    ) throws -> [RepairStep] {
        var steps: [RepairStep] = []
        let outcome = try disk.lock()
        #expect(outcome == .acquired)
        defer { disk.unlock() }
        try StoreRepair(disk, acceptsLoss: acceptsLoss, tuning: tuning) { steps.append($0) }
            .run(findings)
        return steps
    }

    /// Every key reads as it should, or is among the lost and shows nothing; none shows anything else.
    private func expectRightOrLost(
        _ store: HintStore, _ engine: Engine<SimulatedDisk>, _ lost: Set<[UInt8]>,
        mayFail: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for key in Array(store.model.keys) + Array(store.deleted) {
            let shown: [UInt8]?
            do {
                shown = try engine.get(key.rawSpan)?.bytes
            } catch {
                #expect(mayFail, "\(error)", sourceLocation: sourceLocation)
                continue
            }
            let isRight = shown == store.model[key] || shown == nil && lost.contains(key)
            #expect(isRight, "\(Key(key))", sourceLocation: sourceLocation)
        }
    }

    private func damage(_ disk: SimulatedDisk, _ store: HintStore, _ random: inout TestRandom) {
        for _ in 0..<1 + random.below(4) {
            let name = store.segmentNames[random.below(store.segmentNames.count)]
            let byteCount = Int(disk.byteCount(of: name, in: .segments) ?? 0)
            let offset = 4096 + random.below(byteCount - 4096)
            if random.chance(1, in: 3) {
                disk.zeroSector(at: UInt64(offset), of: name, in: .segments)
            } else {
                disk.flipBit(random.below(8), at: UInt64(offset), of: name, in: .segments)
            }
        }
        if random.coin() {
            let hint = store.hintNames[random.below(store.hintNames.count)]
            disk.flipBit(3, at: 300, of: hint, in: .segments)
        }
    }

    @Test(
        "after a repair every key is right or named as lost, and the store is clean",
        arguments: 1...12)
    func random(seed: UInt64) throws {
        var random = TestRandom(seed: seed)
        let store = try HintStore(seed: seed)
        for _ in 0..<6 {
            let disk = store.copy()
            damage(disk, store, &random)
            let names = disk.fileNames(in: .segments)
            let before = names.map { disk.bytes(of: $0, in: .segments) }
            let findings = try check(disk, store.tuning)
            let steps = try repair(disk, store.tuning, findings)
            let lost = Set(steps.filter { $0.kind == .lost }.compactMap(\.key))
            let isLeft = steps.contains { $0.kind == .left }
            let engine = try store.open(disk)
            let hasLostChunk = steps.contains { $0.kind == .lost && $0.key == nil }
            expectRightOrLost(store, engine, lost, mayFail: isLeft || hasLostChunk)
            try engine.close()
            if !isLeft {
                let left = try check(disk, store.tuning)
                #expect(left.allSatisfy { $0.kind == .missingChunk }, "\(left)")
                #expect(left.isEmpty || hasLostChunk)
            }
            // Nothing is destroyed: each file is where it was, or in quarantine.
            for (name, bytes) in zip(names, before) {
                let there = disk.bytes(of: name, in: .segments)
                let moved = disk.fileNames(in: .quarantine).contains {
                    disk.bytes(of: $0, in: .quarantine) == bytes
                }
                #expect(there == bytes || moved, "\(name)")
            }
        }
    }

    @Test("a byte of a record's front is put back, and nothing is lost")
    func putBack() throws {
        let store = try HintStore(seed: 3)
        let disk = store.copy()
        disk.flipBit(2, at: 4096 + 45, of: store.segmentNames[0], in: .segments)
        let steps = try repair(disk, store.tuning, try check(disk, store.tuning))
        #expect(!steps.contains { $0.kind == .lost || $0.kind == .left }, "\(steps)")
        let engine = try store.open(disk)
        try store.check(engine)
        try engine.close()
        #expect(try check(disk, store.tuning) == [])
    }

    @Test("STORE and MANIFEST come back, by one byte or from the segments")
    func files() throws {
        let store = try HintStore(seed: 8)
        for name in ["STORE", "MANIFEST"] {
            let disk = store.copy()
            let right = try #require(disk.bytes(of: name, in: .root))
            disk.flipBit(5, at: 40, of: name, in: .root)
            let wrong = disk.bytes(of: name, in: .root)
            try repair(disk, store.tuning, try check(disk, store.tuning))
            #expect(disk.bytes(of: name, in: .root) == right)
            #expect(disk.bytes(of: name, in: .quarantine) == wrong)
            try store.check(try store.open(disk))
        }
        let disk = store.copy()
        disk.zeroSector(at: 0, of: "MANIFEST", in: .root)
        try repair(disk, store.tuning, try check(disk, store.tuning))
        let engine = try store.open(disk)
        try store.check(engine)
        _ = try engine.put(Key("new").bytes.rawSpan, [1].rawSpan)
        try engine.close()
        #expect(try check(disk, store.tuning) == [])
    }

    @Test("records that nobody can name are left alone, with everything else repaired")
    func unnamed() throws {
        let store = try HintStore(seed: 9)
        let disk = store.copy()
        disk.zeroSector(at: 4096 + 1024, of: store.segmentNames[0], in: .segments)
        disk.deleteFile(store.hintNames[0], in: .segments)
        disk.flipBit(2, at: 4096 + 45, of: store.segmentNames[1], in: .segments)
        let steps = try repair(disk, store.tuning, try check(disk, store.tuning))
        #expect(steps.contains { $0.kind == .left && $0.file.hasSuffix(store.segmentNames[0]) })
        #expect(disk.bytes(of: store.segmentNames[1], in: .segments) == nil)
        let left = try check(disk, store.tuning)
        #expect(left.allSatisfy { $0.segmentID == 1 }, "\(left)")
    }

    /// Blobs that lost a chunk excepted.
    private func expectNothingLeft(
        _ store: HintStore, _ disk: SimulatedDisk, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let left = try check(disk, store.tuning)
        #expect(
            left.allSatisfy { $0.kind == .missingChunk }, "\(left)",
            sourceLocation: sourceLocation)
    }

    /// Of all records that are not chunks, behind `end` of a segment.
    private func keys(
        _ store: HintStore, _ disk: SimulatedDisk, segmentID: UInt64, behind end: UInt64
    ) throws -> Set<[UInt8]> {
        var keys: Set<[UInt8]> = []
        try StoreDump(disk, tuning: store.tuning).store { record in
            let type = record.header?.type
            let isBlob = type == .put || type == .composite
            if isBlob, record.segmentID == segmentID, record.offset + record.byteCount > end {
                keys.insert(record.key)
            }
            return true
        } missing: {
            Issue.record("segment \($0) is missing")
        }
        return keys
    }

    @Test("of a segment that was cut every blob that is missing is named, and lost as removed")
    func cut() throws {
        let store = try HintStore(seed: 11)
        let name = store.segmentNames[1]
        let whole = store.copy()
        let byteCount = try #require(whole.byteCount(of: name, in: .segments))
        for end in [0, 2000, 4096, 4200, byteCount / 2, byteCount - 300, byteCount - 10] {
            let disk = store.copy()
            disk.setByteCount(end, of: name, in: .segments)
            let missing = try keys(store, whole, segmentID: 2, behind: end)
            let findings = try check(disk, store.tuning)
            #expect(findings.contains { $0.kind == .shortSegment && $0.matters.hasPrefix("now") })
            #expect(missing.isSubset(of: Set(findings.compactMap(\.key))), "\(end)")
            let steps = try repair(disk, store.tuning, findings)
            #expect(!steps.contains { $0.kind == .left }, "\(end): \(steps)")
            let lost = Set(steps.filter { $0.kind == .lost }.compactMap(\.key))
            #expect(lost == missing, "\(end)")
            let engine = try store.open(disk)
            let hasLostChunk = steps.contains { $0.kind == .lost && $0.key == nil }
            expectRightOrLost(store, engine, lost, mayFail: hasLostChunk)
            try engine.close()
            try expectNothingLeft(store, disk)
        }
    }

    @Test("what nobody can name is given up only when that is accepted, and is told")
    func acceptedLoss() throws {
        let store = try HintStore(seed: 12)
        let disk = store.copy()
        let name = store.segmentNames[1]
        disk.setByteCount(5000, of: name, in: .segments)
        disk.deleteFile(store.hintNames[1], in: .segments)
        let findings = try check(disk, store.tuning)
        #expect(try repair(disk, store.tuning, findings).contains { $0.kind == .left })
        #expect(disk.byteCount(of: name, in: .segments) == 5000)
        let steps = try repair(disk, store.tuning, findings, acceptsLoss: true)
        #expect(steps.contains { $0.kind == .lost && $0.key == nil && $0.what.contains("nobody") })
        #expect(!steps.contains { $0.kind == .left }, "\(steps)")
        try store.open(disk).close()
        try expectNothingLeft(store, disk)
    }

    @Test("a segment without a file is given up only when that is accepted; its hint names all")
    func missingFile() throws {
        let store = try HintStore(seed: 13)
        let disk = store.copy()
        let name = store.segmentNames[1]
        let missing = try keys(store, disk, segmentID: 2, behind: 0)
        disk.deleteFile(name, in: .segments)
        let findings = try check(disk, store.tuning)
        #expect(missing.isSubset(of: Set(findings.compactMap(\.key))))
        #expect(try repair(disk, store.tuning, findings).map(\.kind) == [.left])
        let steps = try repair(disk, store.tuning, findings, acceptsLoss: true)
        let lost = Set(steps.filter { $0.kind == .lost }.compactMap(\.key))
        #expect(lost == missing)
        let engine = try store.open(disk)
        expectRightOrLost(store, engine, lost, mayFail: true)
        try engine.close()
    }

    @Test(
        "a power cut at any step of a repair leaves a store that opens, with nothing older or wrong"
    )
    func powerCut() throws {
        let store = try HintStore(seed: 10)
        let damaged = store.copy()
        damaged.flipBit(2, at: 4096 + 45, of: store.segmentNames[0], in: .segments)
        damaged.zeroSector(at: 4096 + 2048, of: store.segmentNames[1], in: .segments)
        let findings = try check(damaged, store.tuning)
        #expect(Set(findings.compactMap(\.segmentID)) == [1, 2])
        let accused = Set(findings.compactMap(\.key))
        var cutCount = 0
        for step in 0..<2000 {
            let disk = SimulatedDisk(copying: damaged)
            disk.crash(atStep: disk.stepCount + 1 + step)
            let isWhole = (try? repair(disk, store.tuning, findings)) != nil
            if isWhole {
                disk.cancelCrash()
            } else {
                cutCount += 1
                disk.powerCut(step % 2 == 0 ? .keepAll : .loseAll)
            }
            let engine = try store.open(disk)
            expectRightOrLost(store, engine, accused, mayFail: true)
            try engine.close()
            if isWhole { break }
        }
        #expect(cutCount > 20)
    }

    @Test(
        "MANIFEST of a killed store comes back, with the segment that took records",
        arguments: 1...3)
    func killedManifest(seed: UInt64) throws {
        let store = try HintStore(seed: seed, closes: false)
        let disk = store.copy()
        disk.zeroSector(at: 0, of: "MANIFEST", in: .root)
        let findings = try check(disk, store.tuning)
        #expect(findings.map(\.kind) == [.manifest], "\(findings)")
        let steps = try repair(disk, store.tuning, findings)
        #expect(!steps.contains { $0.kind == .lost || $0.kind == .left }, "\(steps)")
        let engine = try store.open(disk)
        try store.check(engine)
        _ = try engine.put(Key("new").bytes.rawSpan, [1].rawSpan)
        try engine.close()
        #expect(try check(disk, store.tuning) == [])
    }

    @Test("STORE beyond mending is left, and a backup too, with what to do instead")
    func left() throws {
        let store = try HintStore(seed: 8)
        let disk = store.copy()
        disk.zeroSector(at: 0, of: "STORE", in: .root)
        let ruined = disk.bytes(of: "STORE", in: .root)
        let steps = try repair(disk, store.tuning, try check(disk, store.tuning))
        #expect(steps.map(\.kind) == [.left] && steps.map(\.file) == ["STORE"])
        #expect(steps.first?.what.contains("restore it from a backup") == true)
        #expect(disk.bytes(of: "STORE", in: .root) == ruined)

        var subject = try BackupSubject()
        try subject.fill()
        try subject.backUp()
        let backup = subject.destination
        backup.flipBit(1, at: 4100, of: subject.segments[0], in: .segments)
        let files = BackupSubject.files(of: backup)
        let refusals = try repair(backup, subject.tuning, try check(backup, subject.tuning))
        #expect(refusals.map(\.kind) == [.left])
        #expect(refusals.first?.what.contains("make the backup again") == true)
        #expect(BackupSubject.files(of: backup) == files)
    }
}
