// The check beyond single bytes: files that are gone, strange or short, hints as witnesses, a lost
// MANIFEST, a live writer; nothing it does changes the store.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Check: the store")
struct StoreCheckTests {
    private func run(
        _ disk: SimulatedDisk, _ tuning: Tuning, isDeep: Bool = true
    ) throws -> [CheckFinding] {
        var findings: [CheckFinding] = []
        _ = try StoreCheck(disk, isDeep: isDeep, tuning: tuning) { findings.append($0) }.run()
        #expect(disk.openHandleCount == 0)
        return findings
    }

    @Test("a sound store has no findings, and the check leaves it as it was", arguments: 1...6)
    func sound(seed: UInt64) throws {
        let store = try HintStore(seed: seed)
        let before = store.segmentNames.map { store.disk.bytes(of: $0, in: .segments) }
        #expect(try run(store.disk, store.tuning) == [])
        #expect(try run(store.disk, store.tuning, isDeep: false) == [])
        #expect(store.segmentNames.map { store.disk.bytes(of: $0, in: .segments) } == before)
    }

    @Test("a killed store has notes at most", arguments: 1...6)
    func killed(seed: UInt64) throws {
        let store = try HintStore(seed: seed, closes: false)
        let findings = try run(store.disk, store.tuning)
        #expect(findings.allSatisfy { $0.severity == .note }, "\(findings)")
    }

    @Test(
        "behind a torn record a spare segment full of zeros makes no damage of it", arguments: 1...6
    )
    func spare(seed: UInt64) throws {
        let store = try HintStore(seed: seed, closes: false)
        let disk = store.copy()
        let names = store.segmentNames
        let spare = try #require(names.last)
        let active = try #require(names.dropLast().last)
        let zeros = try #require(disk.bytes(of: spare, in: .segments)).dropFirst(
            SegmentHeader.byteCount)
        try #require(zeros.allSatisfy { $0 == 0 })
        disk.setByteCount(1 << 16, of: spare, in: .segments)
        let bytes = try #require(disk.bytes(of: active, in: .segments))
        let end = try #require(bytes.lastIndex { $0 != 0 })
        disk.flipBit(0, at: UInt64(end), of: active, in: .segments)
        let findings = try run(disk, store.tuning)
        #expect(findings.contains { $0.kind == .tail })
        #expect(findings.allSatisfy { $0.severity == .note }, "\(findings)")
    }

    @Test("a crash that took the padding of the last record took nothing", arguments: [1, 5])
    func paddingLost(valueByteCount: Int) throws {
        let disk = SimulatedDisk(seed: 1)
        let key: [UInt8] = [1]
        let value = sampleBytes(valueByteCount)
        let killed = try Engine.open(disk, tuning: .small)
        _ = try killed.put(key.rawSpan, value.rawSpan, WriteOptions(durability: .synced))
        let name = SegmentFileName(1).description
        disk.kill()
        let bytes = try #require(disk.bytes(of: name, in: .segments))
        let end = try #require(bytes.lastIndex { $0 != 0 }) + 1
        try #require(end < (end + 7) / 8 * 8)
        disk.setByteCount(UInt64(end), of: name, in: .segments)
        // It is recovered, and gets its hint.
        try Engine.open(disk, tuning: .small).close()
        try #require(disk.bytes(of: SegmentFileName(1, .hint).description, in: .segments) != nil)
        #expect(try run(disk, .small) == [])
    }

    @Test("records in a ruined sector are named by the hint, and without it the span is told")
    func hintNames() throws {
        let store = try HintStore(seed: 4)
        let disk = store.copy()
        let name = store.segmentNames[0]
        disk.zeroSector(at: 4096 + 512, of: name, in: .segments)
        let named = try run(disk, store.tuning).filter { $0.severity == .damage }
        #expect(named.contains { $0.key != nil && $0.what.contains("hint") }, "\(named)")
        #expect(!named.contains { $0.kind == .span })
        for key in named.compactMap(\.key) {
            #expect(String(decoding: key, as: UTF8.self).hasPrefix("key "))
        }
        disk.deleteFile(store.hintNames[0], in: .segments)
        let unnamed = try run(disk, store.tuning)
        #expect(unnamed.contains { $0.kind == .span && $0.segmentID == 1 })
    }

    @Test("segments that are missing, short or another's are told in the quick form, too")
    func wrongFiles() throws {
        let store = try HintStore(seed: 5)
        let names = store.segmentNames
        let disk = store.copy()
        disk.deleteFile(names[0], in: .segments)
        disk.setByteCount(5000, of: names[1], in: .segments)
        disk.copyFile(names[3], in: .segments, to: names[2], in: .segments)
        disk.copyFile(names[3], in: .segments, to: "00000000000000ff.seg", in: .segments)
        for isDeep in [false, true] {
            let findings = try run(disk, store.tuning, isDeep: isDeep)
            #expect(findings.contains { $0.kind == .missingSegment && $0.file.hasSuffix(names[0]) })
            #expect(findings.contains { $0.kind == .shortSegment && $0.file.hasSuffix(names[1]) })
            #expect(findings.contains { $0.kind == .missingSegment && $0.file.hasSuffix(names[2]) })
            let unlisted = findings.first { $0.kind == .unlistedFile }
            #expect(unlisted?.severity == .note)
        }
    }

    @Test("without MANIFEST the segments are read by what they say themselves")
    func lostManifest() throws {
        let store = try HintStore(seed: 6)
        let disk = store.copy()
        disk.deleteFile("MANIFEST", in: .root)
        let findings = try run(disk, store.tuning)
        #expect(findings.map(\.kind) == [.manifest], "\(findings)")
        let name = store.segmentNames[1]
        disk.flipBit(1, at: 4100, of: name, in: .segments)
        #expect(try run(disk, store.tuning).contains { $0.segmentID == 2 && $0.key != nil })
    }

    @Test("MANIFEST of another store is told, and whose it is")
    func foreignManifest() throws {
        let (store, other) = (try HintStore(seed: 6), try HintStore(seed: 7))
        let disk = store.copy()
        let bytes = try #require(other.disk.bytes(of: "MANIFEST", in: .root))
        disk.replaceBytes(of: "MANIFEST", in: .root, with: bytes)
        let foreign = try Manifest(decoding: bytes.rawSpan).uuid
        for isDeep in [false, true] {
            let findings = try run(disk, store.tuning, isDeep: isDeep)
            #expect(
                findings.contains {
                    $0.kind == .manifest && $0.severity == .damage
                        && $0.what.contains("belongs to the store \(foreign)")
                }, "\(findings)")
        }
        expectError(.storeDamaged) { _ = try store.open(disk) }
    }

    @Test("records beside those that MANIFEST counted are told, by the seal and by reading them")
    func miscounted() throws {
        let store = try HintStore(seed: 4)
        let disk = store.copy()
        var manifest = try disk.manifest
        manifest.entries[0].digest ^= 1
        disk.replaceBytes(of: "MANIFEST", in: .root, with: manifest.encoded())
        let quick = try run(disk, store.tuning, isDeep: false).filter { $0.kind == .seal }
        #expect(quick.map(\.segmentID) == [1])
        #expect(quick.first?.what.contains("disagree") == true)
        let deep = try run(disk, store.tuning).filter { $0.kind == .seal }
        #expect(deep.map(\.segmentID) == [1, 1])
        #expect(deep.last?.what.contains("not those that MANIFEST counted") == true)
    }

    @Test("a seal that is damaged is told in the quick form, too")
    func missingSeal() throws {
        let store = try HintStore(seed: 4)
        let disk = store.copy()
        let name = store.segmentNames[1]
        let bytes = try #require(disk.bytes(of: name, in: .segments))
        let last = try #require(bytes.lastIndex { $0 != 0 })
        disk.flipBit(0, at: UInt64(last), of: name, in: .segments)
        for isDeep in [false, true] {
            let damage = try run(disk, store.tuning, isDeep: isDeep).filter {
                $0.severity == .damage
            }
            #expect(!damage.isEmpty && damage.allSatisfy { $0.segmentID == 2 }, "\(damage)")
            #expect(isDeep || damage.map(\.kind) == [.seal])
        }
    }

    @Test("a segment that cannot be read is told, and the others are checked")
    func unreadable() throws {
        let store = try HintStore(seed: 5)
        let disk = store.copy()
        let name = store.segmentNames[0]
        disk.flipBit(1, at: 4100, of: store.segmentNames[1], in: .segments)
        disk.inject(Fault(.read, isSticky: true, namePrefix: name))
        let findings = try run(disk, store.tuning)
        let unreadable = findings.filter { $0.kind == .unreadable }
        #expect(unreadable.map(\.segmentID) == [1] && unreadable.first?.severity == .damage)
        #expect(findings.contains { $0.segmentID == 2 && $0.severity == .damage }, "\(findings)")
    }

    @Test("what a crash or a stranger left among the segments is a note")
    func leftovers() throws {
        let store = try HintStore(seed: 5)
        let disk = store.copy()
        let hint = store.hintNames[0]
        for name in [hint + StoreNames.unfinished, "notes.txt"] {
            disk.copyFile(hint, in: .segments, to: name, in: .segments)
        }
        let findings = try run(disk, store.tuning)
        #expect(findings.map(\.severity) == [.note, .note])
        #expect(findings.map(\.kind) == [.leftover, .unlistedFile])
        #expect(
            findings.map(\.file) == [
                "segments/\(hint)\(StoreNames.unfinished)", "segments/notes.txt",
            ])
    }

    @Test("a store of a newer program is refused as that, and not called damaged")
    func newer() throws {
        let store = try HintStore(seed: 6)
        let disk = store.copy()
        var manifest = try disk.manifest
        manifest.incompatibleFeatures = 1 << 31
        disk.replaceBytes(of: "MANIFEST", in: .root, with: manifest.encoded())
        for isDeep in [false, true] {
            expectError(.unsupportedVersion, naming: "MANIFEST", "newer program") {
                _ = try run(disk, store.tuning, isDeep: isDeep)
            }
        }
    }

    @Test("a loss that was accepted is a note from then on")
    func acceptedLoss() throws {
        let store = try HintStore(seed: 4)
        let disk = store.copy()
        disk.zeroSector(at: 4096 + 512, of: store.segmentNames[0], in: .segments)
        disk.deleteFile(store.hintNames[0], in: .segments)
        func spans() throws -> [CheckFinding] {
            try run(disk, store.tuning).filter { $0.kind == .span }
        }
        #expect(try spans().map(\.severity) == [.damage])
        let options = StoreOptions(acceptLoss: true, compacts: false)
        try Engine.open(disk, options: options, tuning: store.tuning).close()
        let accepted = try spans()
        #expect(accepted.map(\.severity) == [.note], "\(accepted)")
        #expect(accepted.first?.matters.contains("accepted") == true)
    }

    @Test("a directory without a store is no store, and stays empty")
    func noStore() throws {
        let disk = SimulatedDisk()
        expectError(.noStore) { _ = try run(disk, .small) }
        #expect(disk.fileNames(in: .root) == [])
    }

    @Test("records that are written while their segment is checked are no damage, whenever it is")
    func writtenMeanwhile() throws {
        var metCount = 0
        for readNumber in 1..<40 {
            let isMet = try whileWritten(atRead: readNumber) { disk, tuning in
                var findings: [CheckFinding] = []
                _ = try StoreCheck(disk, isDeep: true, tuning: tuning) { findings.append($0) }.run()
                #expect(
                    findings.allSatisfy { $0.severity == .note }, "\(readNumber): \(findings)")
            }
            if isMet { metCount += 1 }
        }
        #expect(metCount > 20)
    }

    @Test("beside a writer there is no damage")
    func besideWriter() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: .small)
        for number in 0..<60 {
            let key = Array("key \(number % 20)".utf8)
            _ = try engine.put(key.rawSpan, sampleBytes(300, salt: UInt64(number)).rawSpan)
            try engine.doUrgentUntilIdle()
            var findings: [CheckFinding] = []
            _ = try StoreCheck(disk, isDeep: number % 2 == 0, tuning: .small) {
                findings.append($0)
            }.run()
            #expect(findings.allSatisfy { $0.severity == .note }, "\(findings)")
        }
        try engine.close()
    }
}
