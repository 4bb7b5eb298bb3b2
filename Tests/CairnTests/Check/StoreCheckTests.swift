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
