// Every version of a key, and every key that counts: the same with hints and without, and where keys
// share their hashes.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

/// All bits of the hash, or so few that keys collide.
private let masks: [UInt64] = [.max, 0x7]

@Suite("Check: versions and live keys")
struct KeyHistoryTests {
    @Test(
        "the newest version is live when the key has a blob, with hints and without",
        arguments: masks)
    func versions(mask: UInt64) throws {
        let store = try HintStore(seed: 21, mask: mask)
        let bare = store.withoutHints()
        for key in Array(store.model.keys) + Array(store.deleted) {
            let versions = try KeyHistory(store.disk, tuning: store.tuning).versions(of: key)
            #expect(try KeyHistory(bare, tuning: store.tuning).versions(of: key) == versions)
            #expect(versions.map(\.sequence) == versions.map(\.sequence).sorted(by: >))
            #expect(versions.first?.isLive == (store.model[key] != nil))
            #expect(versions.dropFirst().allSatisfy { !$0.isLive })
            let size = store.model[key].map { UInt64($0.count) }
            #expect(versions.first?.valueByteCount == size)
            #expect(versions.allSatisfy { !$0.reason.isEmpty && !$0.reclaim.isEmpty })
        }
        let none = try KeyHistory(store.disk, tuning: store.tuning).versions(of: [0, 1, 2])
        #expect(none == [])
        #expect(store.disk.openHandleCount == 0 && bare.openHandleCount == 0)
    }

    @Test("each live key comes once, and by prefix", arguments: masks)
    func liveKeys(mask: UInt64) throws {
        let store = try HintStore(seed: 22, mask: mask)
        let engine = try store.open(SimulatedDisk(copying: store.disk))
        var keys: [[UInt8]] = []
        try engine.forEachLiveKey { key in
            keys.append(key)
            return true
        }
        #expect(keys.count == store.model.count && Set(keys) == Set(store.model.keys))
        let prefix = Array("key 1".utf8)
        var some: Set<[UInt8]> = []
        try engine.forEachLiveKey(prefix: prefix) { key in
            some.insert(key)
            return true
        }
        #expect(some == Set(store.model.keys.filter { $0.starts(with: prefix) }))
        var count = 0
        try engine.forEachLiveKey { _ in
            count += 1
            return count < 3
        }
        #expect(count == 3)
        try engine.close()
    }

    private func dumped(_ disk: SimulatedDisk, _ tuning: Tuning) throws -> [DumpedRecord] {
        var records: [DumpedRecord] = []
        try StoreDump(disk, tuning: tuning).store { record in
            records.append(record)
            return true
        } missing: {
            Issue.record("segment \($0) is missing")
        }
        return records
    }

    @Test("a dump shows every record, and where one is damaged")
    func dump() throws {
        let store = try HintStore(seed: 23)
        let disk = store.copy()
        disk.flipBit(4, at: 4096 + 42, of: store.segmentNames[0], in: .segments)
        let records = try dumped(disk, store.tuning)
        #expect(records.filter { $0.header?.type == .seal }.count == store.segmentNames.count)
        #expect(records.filter { $0.damage != nil }.map(\.offset) == [4096])
        let types = Set(records.compactMap { $0.header?.type })
        #expect(types.isSuperset(of: [.put, .delete, .chunk]))
        var rows: [DumpedRow] = []
        try StoreDump(disk, tuning: store.tuning).hint(store.hintNames[0], in: .segments) { row in
            rows.append(row)
            return true
        }
        let keyed = records.filter { $0.segmentID == 1 && !$0.key.isEmpty }
        #expect(Set(rows.map(\.row.offset)) == Set(keyed.map(\.offset)))
        #expect(rows.allSatisfy { ($0.key == nil) == ($0.row.type == .chunk) })
    }

    @Test("a dump tells of a span in which no record stands, and goes on behind it")
    func dumpOfGap() throws {
        let store = try HintStore(seed: 23)
        let disk = store.copy()
        disk.zeroSector(at: 4096 + 512, of: store.segmentNames[0], in: .segments)
        let records = try dumped(disk, store.tuning)
        let gaps = records.filter { $0.header == nil }
        #expect(gaps.map(\.segmentID) == [1] && gaps.first?.damage == "no intact record")
        let gap = try #require(gaps.first)
        #expect(gap.offset < 4096 + 1024 && gap.offset + gap.byteCount > 4096 + 512)
        #expect(records.contains { $0.segmentID == 1 && $0.offset >= gap.offset + gap.byteCount })
    }

    @Test("without a store there is nothing to dump, and no key has versions")
    func noStore() throws {
        let disk = SimulatedDisk()
        expectError(.noStore) {
            try StoreDump(disk, tuning: .small).store { _ in
                true
            } missing: { _ in
            }
        }
        expectError(.noStore) { _ = try KeyHistory(disk, tuning: .small).versions(of: [1]) }
        #expect(disk.fileNames(in: .root) == [])
    }
}
