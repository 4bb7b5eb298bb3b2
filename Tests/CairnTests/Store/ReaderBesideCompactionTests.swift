// Reading while a writer compacts: what was there when the reader looked is there, once, whatever the
// writer removes meanwhile.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Reading beside compaction")
struct ReaderBesideCompactionTests {
    private let disk = SimulatedDisk()
    private var writer: Engine<SimulatedDisk>
    private let tuning: Tuning
    private var values: [Key: [UInt8]] = [:]

    /// A writer with large and small blobs in many segments, half of their records dead.
    init() throws {
        var tuning = Tuning.small
        tuning.segmentByteCountMinimum = 16 << 10
        tuning.segmentByteCountMaximum = 16 << 10
        tuning.compactionBufferByteCount = 4096
        self.tuning = tuning
        writer = try Engine.open(disk, tuning: tuning)
        for round in 0..<3 {
            for number in 0..<24 where round == 0 || number % 3 != 0 {
                try put(number, sampleBytes(number % 4 == 1 ? 3000 : 600, salt: UInt64(round)))
            }
        }
        try writer.doUrgentUntilIdle()
    }

    private mutating func put(_ number: Int, _ value: [UInt8]) throws {
        _ = try writer.put(Key.numbered(number).bytes.rawSpan, value.rawSpan)
        values[.numbered(number)] = value
    }

    /// Overwrites some blobs, and moves or removes nearly every record there is.
    private func compact() throws {
        let before = segmentNames
        for number in 0..<24 where number % 2 == 0 {
            _ = try writer.put(Key.numbered(number).bytes.rawSpan, [1, 2, 3].rawSpan)
        }
        try writer.doUrgentUntilIdle()
        try writer.makeHintsUntilIdle()
        _ = try writer.compact(target: 1.01) { _ in true }
        #expect(before.subtracting(segmentNames).count > 3)
    }

    private var segmentNames: Set<String> {
        Set(disk.fileNames(in: .segments).filter { $0.hasSuffix(".seg") })
    }

    /// Lets the writer compact when so many reads have begun.
    private func compactAtRead(_ count: Int) -> Guarded<Bool> {
        let isDone = Guarded(false)
        var left = count
        disk.countsReads = true
        disk.stepObserver = { _ in
            left -= 1
            guard left == 0 else { return }
            do { try compact() } catch { Issue.record("\(error)") }
            isDone.withLock { $0 = true }
        }
        return isDone
    }

    private func stopObserving() {
        disk.stepObserver = nil
        disk.countsReads = false
    }

    private func openReader(_ tuning: Tuning) throws -> Engine<SimulatedDisk> {
        try Engine.open(disk, options: StoreOptions(access: .readOnly), tuning: tuning)
    }

    @Test("a reader lists, reads, exports what it opened, each key once", arguments: [true, false])
    func view(hasHints: Bool) throws {
        if hasHints { try writer.makeHintsUntilIdle() }
        let reader = try openReader(tuning)
        try compact()
        let keys = values.keys.map(\.bytes).inOrder
        #expect(try reader.pagedKeys(7) == keys)
        var exported: [[UInt8]] = []
        try reader.forEachLiveKey { key in
            exported.append(key)
            return true
        }
        #expect(exported.count == keys.count && exported.inOrder == keys)
        for (key, value) in values {
            #expect(try reader.get(key.bytes.rawSpan)?.bytes == value)
        }
        try reader.close()
        try writer.close()
        #expect(disk.openHandleCount == 0)
    }

    @Test("so it is in a directory")
    func directory() throws {
        let directory = try StoreTestDirectory()
        let options = StoreOptions(durability: .os, compacts: false)
        let writer = try Store.open(at: directory.path, options: options, tuning: tuning)
        for number in 0..<120 { try writer.put(.numbered(number), sampleBytes(500)) }
        for number in 0..<120 where number % 4 > 0 { try writer.put(.numbered(number), [1]) }
        try writer.flush()
        let reader = try Store.open(
            at: directory.path, options: StoreOptions(access: .readOnly), tuning: tuning)
        let before = try Set(directory.segments())
        for number in 0..<120 where number % 5 > 0 { try writer.put(.numbered(number), [2]) }
        try writer.compact(target: 1.01)
        #expect(try before.subtracting(directory.segments()).count > 3)
        var exported: Set<[UInt8]> = []
        try reader.forEachLiveKey(prefix: []) { exported.insert($0).inserted }
        #expect(exported == Set((0..<120).map { Key.numbered($0).bytes }))
        let listing = reader.list()
        var count = 0
        while let item = try listing.next() {
            let blob = try #require(try reader.get(item.key))
            #expect(blob.bytes == [1] || blob.bytes == sampleBytes(500))
            count += 1
        }
        #expect(count == 120)
        try reader.close()
        try writer.close()
    }

    @Test("an export that is under way goes on, and loses and doubles no key")
    func exportUnderWay() throws {
        let reader = try openReader(tuning)
        var exported: [[UInt8]] = []
        try reader.forEachLiveKey { key in
            if exported.count == 5 {
                do { try compact() } catch { Issue.record("\(error)") }
            }
            exported.append(key)
            return true
        }
        #expect(exported.inOrder == values.keys.map(\.bytes).inOrder)
        try reader.close()
        try writer.close()
    }

    @Test("a file that was closed for others and is gone is an error that says what to do")
    func closedForOthers() throws {
        var few = tuning
        few.segmentFileCountMaximum = 2
        let reader = try openReader(few)
        try compact()
        var errors: [StoreError] = []
        for (key, value) in values {
            do throws(StoreError) {
                let blob = try reader.get(key.bytes.rawSpan)
                #expect(blob?.bytes == value)
            } catch {
                errors.append(error)
            }
        }
        #expect(!errors.isEmpty)
        for error in errors {
            #expect(error.kind == .inUse && error.message.contains("open it again"), "\(error)")
        }
        try reader.close()
        try writer.close()
    }

    @Test(
        "a listing and an export that want such a file say so too, and never end as if whole",
        arguments: [true, false])
    func listingClosedForOthers(hasHints: Bool) throws {
        if hasHints { try writer.makeHintsUntilIdle() }
        var few = tuning
        few.segmentFileCountMaximum = 2
        let reader = try openReader(few)
        try compact()
        for includesUncertain in [false, true] {
            let error = expectError(.inUse, naming: "removed by the writer", "open it again") {
                _ = try reader.list(includesUncertain: includesUncertain).page()
            }
            let name = try #require(error?.segmentID.map { SegmentFileName($0).description })
            #expect(!segmentNames.contains(name))
        }
        expectError(.inUse, naming: "removed by the writer", "open it again") {
            try reader.forEachLiveKey { _ in true }
        }
        try reader.close()
        // What it says to do helps.
        let again = try openReader(few)
        let keys = values.keys.map(\.bytes).inOrder
        #expect(try again.pagedKeys(7) == keys)
        try again.close()
        try writer.close()
        #expect(disk.openHandleCount == 0)
    }

    @Test("a deep check finds no damage, whenever a compaction comes between", arguments: 0..<12)
    func deepCheck(step: Int) throws {
        let isDone = compactAtRead(1 + step * 5)
        var findings: [CheckFinding] = []
        _ = try StoreCheck(disk, isDeep: true, tuning: tuning) { findings.append($0) }.run()
        stopObserving()
        #expect(isDone.withLock { $0 })
        #expect(findings.allSatisfy { $0.severity == .note }, "\(findings)")
        try writer.close()
        #expect(disk.openHandleCount == 0)
    }

    @Test("explaining a key shows its newest version, whenever a compaction comes between")
    func explain() throws {
        let key = Key.numbered(3)
        var metCount = 0
        for readCount in 1..<30 {
            let copy = try ReaderBesideCompactionTests()
            let isDone = copy.compactAtRead(readCount)
            let versions = try KeyHistory(copy.disk, tuning: tuning).versions(of: key.bytes)
            copy.stopObserving()
            let newest = try #require(versions.first, "\(readCount)")
            #expect(newest.isLive && newest.valueByteCount == UInt64(values[key]?.count ?? 0))
            try copy.writer.close()
            if !isDone.withLock({ $0 }) { break }
            metCount += 1
        }
        #expect(metCount > 5)
        try writer.close()
    }

    @Test("a dump shows every key, whenever a compaction comes between")
    func dump() throws {
        for readCount in stride(from: 1, to: 42, by: 4) {
            let copy = try ReaderBesideCompactionTests()
            let isDone = copy.compactAtRead(readCount)
            var keys: Set<Key> = []
            try StoreDump(copy.disk, tuning: tuning).store { record in
                #expect(record.damage == nil)
                if record.header?.type != .chunk { keys.insert(Key(record.key)) }
                return true
            } missing: {
                Issue.record("segment \($0) is missing")
            }
            copy.stopObserving()
            #expect(isDone.withLock { $0 })
            #expect(Set(values.keys).isSubset(of: keys))
            try copy.writer.close()
        }
        try writer.close()
    }
}
