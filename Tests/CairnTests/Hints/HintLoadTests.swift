// Opening by hints: it shows what a scan shows, exactly, whatever the hints are worth.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Opening by hints")
struct HintLoadTests {
    @Test("a closed store leaves a whole hint for every segment, and is opened without a scan")
    func everySegment() throws {
        let store = try HintStore(seed: 1)
        #expect(store.segmentNames.count > 3)
        #expect(store.hintNames.map { $0.dropLast(5) } == store.segmentNames.map { $0.dropLast(4) })
        for name in store.hintNames {
            let bytes = try store.hint(name)
            try Hint(decoding: bytes.rawSpan).checkAll()
        }
        let disk = store.copy()
        // Damage that a scan would find.
        for name in store.segmentNames { disk.flipBit(1, at: 4096 + 20, of: name, in: .segments) }
        let engine = try store.open(disk)
        #expect(engine.hintedSegmentCount == store.segmentNames.count)
        #expect(engine.findings == [] && !engine.statistics().isReadOnly)
        try engine.close()
        #expect(disk.openHandleCount == 0)
    }

    @Test(
        "by hints, by scanning, by some of both, on any number of threads: the same store",
        arguments: [UInt64.max, 0xFF, 0x3, 0], [1, 2, 3])
    func sameStore(mask: UInt64, threads: Int) throws {
        var random = TestRandom.reported("by hints and by scanning, mask \(mask)")
        for _ in 0..<6 {
            let store = try HintStore(
                seed: random.next(), operations: 150 + random.below(200),
                keyCount: [5, 60, 300][random.below(3)], mask: mask, closes: random.coin())
            let scanned = try store.open(store.withoutHints())
            try store.check(scanned)
            let mixed = store.copy()
            for name in store.hintNames where random.coin() {
                mixed.deleteFile(name, in: .segments)
            }
            for disk in [store.copy(), mixed] {
                let engine = try store.open(disk, threads: threads)
                try store.check(engine)
                #expect(engine.liveByteCounts() == scanned.liveByteCounts())
                #expect(engine.statistics().deadByteCount == scanned.statistics().deadByteCount)
                try engine.close()
                #expect(disk.openHandleCount == 0)
            }
            try scanned.close()
        }
    }

    @Test(
        "whatever read of a segment fails while keys of one hash are told apart, nothing is guessed"
    )
    func failedRead() throws {
        let store = try HintStore(seed: 2, mask: 0x3)
        var (struck, occurrence, failureCount) = (true, 1, 0)
        while struck {
            let disk = store.copy()
            disk.inject(Fault(.read, occurrence: occurrence, nameSuffix: ".seg"))
            let error = try storeError { try store.check(try store.open(disk)) }
            struck = (disk.pendingFaults.first?.matchCount ?? 0) >= occurrence
            if let error {
                failureCount += 1
                #expect(error.kind == .inputOutput, "read \(occurrence): \(error)")
                #expect(disk.openHandleCount == 0, "read \(occurrence)")
                disk.clearFaults()
                try store.check(try store.open(disk))
            }
            occurrence += 1
        }
        #expect(failureCount > 10)
    }

    @Test("keys of one hash that differ behind hundreds of equal bytes are told apart by opening")
    func longKeys() throws {
        let disk = SimulatedDisk(seed: 3)
        var tuning = Tuning.small
        tuning.hashMask = 0
        let start = [UInt8](repeating: 7, count: 600)
        let engine = try Engine.open(disk, tuning: tuning)
        for number in 0..<UInt8(40) {
            _ = try engine.put((start + [number]).rawSpan, [number].rawSpan)
            if number % 4 == 3 { _ = try engine.delete((start + [number - 3]).rawSpan) }
        }
        try engine.close()
        let again = try Engine.open(disk, tuning: tuning)
        #expect(again.hintedSegmentCount == again.statistics().segmentCount)
        for number in 0..<UInt8(40) {
            let value = try again.get((start + [number]).rawSpan)?.bytes
            #expect(value == (number % 4 == 0 ? nil : [number]))
        }
        try again.close()
    }

    /// A row of a hint, with its key unless it is a chunk's.
    private struct Known {
        let segmentID: UInt64
        let row: HintRow
        var key: [UInt8]?
    }

    private func rows(of store: HintStore) throws -> [Known] {
        var known: [Known] = []
        for name in store.hintNames {
            let bytes = try store.hint(name)
            let hint = try Hint(decoding: bytes.rawSpan)
            let start = known.count
            for number in 0..<hint.header.rowCount {
                let row = try hint.row(number)
                known.append(Known(segmentID: hint.header.binding.segmentID, row: row))
            }
            try hint.forEachKey(from: RawSpan()) { key, number in
                known[start + number].key = key.copyBytes()
                return true
            }
        }
        return known
    }

    @Test("live bytes are those of the records that count, to the byte")
    func accounts() throws {
        let store = try HintStore(seed: 5)
        let rows = try rows(of: store)
        var newest: [[UInt8]: Known] = [:]
        for known in rows {
            guard let key = known.key else { continue }
            if known.row.sequence >= newest[key]?.row.sequence ?? 0 { newest[key] = known }
        }
        let winners = newest.values.filter { $0.row.type != .delete }
        let blobs = Set(winners.filter { $0.row.type == .composite }.map(\.row.blobID))
        let chunks = rows.filter { $0.row.type == .chunk && blobs.contains($0.row.blobID) }
        #expect(!chunks.isEmpty && chunks.count < rows.count { $0.row.type == .chunk })
        let engine = try store.open(store.copy())
        var expected = engine.liveByteCounts().mapValues { _ in UInt64(0) }
        for known in winners + chunks {
            expected[known.segmentID]? += UInt64(known.row.recordByteCount)
        }
        #expect(engine.liveByteCounts() == expected)
        try engine.close()
    }

    // MARK: Memory and the disk

    /// A closed store of small puts: of so many keys in turn, then some of them deleted.
    private func plainStore(
        _ tuning: Tuning, keyCount: Int, putCount: Int, deleted: [Int]
    ) throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: 12)
        let engine = try Engine.open(disk, tuning: tuning)
        let options = WriteOptions(durability: .os)
        for number in 0..<putCount {
            let key = Array("key \(number % keyCount)".utf8)
            _ = try engine.put(key.rawSpan, key.rawSpan, options)
            try engine.doUrgentUntilIdle()
        }
        for number in deleted {
            _ = try engine.delete(Array("key \(number)".utf8).rawSpan, options)
        }
        try engine.close()
        return disk
    }

    @Test(
        "an opened index takes memory for its keys alone, however they fall into shards",
        arguments: [UInt64.max, 0x3FFF_FFFF], [(40, 3000), (1600, 1600)])
    func memory(mask: UInt64, size: (keyCount: Int, putCount: Int)) throws {
        let (keyCount, putCount) = size
        // Once memory is too much for overwritten records alone, once for deleted ones.
        let deleted = putCount > keyCount ? [] : Array(stride(from: 0, to: keyCount, by: 4))
        var tuning = Tuning.small
        tuning.indexShardCount = 8
        tuning.hashMask = mask
        let disk = try plainStore(
            tuning, keyCount: keyCount, putCount: putCount, deleted: deleted)
        var options = StoreOptions()
        options.compacts = false
        let engine = try Engine.open(disk, options: options, tuning: tuning)
        #expect(engine.hintedSegmentCount > 0 && engine.findings == [])
        for number in 0..<keyCount {
            let key = Array("key \(number)".utf8)
            #expect(try engine.get(key.rawSpan)?.bytes == (deleted.contains(number) ? nil : key))
        }
        // A third more slots than keys, at least 16 in each shard, whole pages; what leads there.
        let slotByteCount = (keyCount - deleted.count) * 4 / 3 * 16
        let bound = slotByteCount * 17 / 16 + 4096 + 8 * 16 * 16 + 8 * 5 * 8
        #expect(engine.statistics().indexByteCount <= bound)
        try engine.close()
    }

    @Test("the disk is asked for the beginnings of all files before the first of them is read")
    func asksAhead() throws {
        let store = try HintStore(seed: 13)
        let disk = store.copy()
        disk.isTracing = true
        let engine = try store.open(disk)
        let trace = disk.trace
        try engine.close()
        let firstRead = try #require(
            trace.firstIndex { $0.contains(" read segments/") && !$0.contains("ahead: ") })
        let asked = trace[..<firstRead].filter { $0.contains("ahead: read segments/") }
        for name in store.segmentNames + store.hintNames {
            #expect(asked.contains { $0.contains("segments/\(name) at 0 ") })
        }
    }

    // MARK: Hints that are not what they claim to be

    /// Opens a store one of whose hints is replaced: it shows the same, and the hint is built
    /// again when `isRead`.
    private func expectRebuilt(
        _ store: HintStore, _ name: String, _ bytes: [UInt8]?, isRead: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let disk = store.copy(replacing: name, by: bytes)
        let engine = try store.open(disk)
        try store.check(engine, sourceLocation: sourceLocation)
        let hintedCount = store.segmentNames.count - (isRead ? 1 : 0)
        #expect(engine.hintedSegmentCount == hintedCount, sourceLocation: sourceLocation)
        try engine.workUntilIdle()
        if isRead {
            let isSame = try disk.bytes(of: name, in: .segments) == store.hint(name)
            #expect(isSame, sourceLocation: sourceLocation)
        }
        try engine.close()
    }

    @Test("one flipped byte anywhere that is read: refused, scanned, built again")
    func flipped() throws {
        let store = try HintStore(seed: 2, operations: 60)
        let name = try #require(store.hintNames.first)
        let sound = try store.hint(name)
        let header = try Hint(decoding: sound.rawSpan).header
        let read =
            [0..<UInt64(HintHeader.byteCount), header.range(of: .locations)]
            + (header.hasColumn(.blobIDs) ? [header.range(of: .blobIDs)] : [])
        #expect(header.hasColumn(.blobIDs) && header.blockCount(.locations) > 2)
        for offset in sound.indices {
            var bytes = sound
            bytes[offset] ^= 1 << UInt8(offset % 8)
            // A block of ids that no chunk or composite stands in is not read.
            let isRead = read.dropLast().contains { $0.contains(UInt64(offset)) }
            let isUnsure = read.last?.contains(UInt64(offset)) ?? false
            if isUnsure {
                let engine = try store.open(store.copy(replacing: name, by: bytes))
                try store.check(engine)
                try engine.close()
            } else {
                try expectRebuilt(store, name, bytes, isRead: isRead)
            }
        }
    }

    @Test("a hint cut anywhere, empty, longer or missing is refused")
    func cut() throws {
        let store = try HintStore(seed: 3, operations: 60)
        let name = try #require(store.hintNames.last)
        let sound = try store.hint(name)
        for count in stride(from: 0, to: sound.count, by: 7) {
            try expectRebuilt(store, name, Array(sound.prefix(count)))
        }
        try expectRebuilt(store, name, sound + [0])
        try expectRebuilt(store, name, nil)
    }

    @Test("a hint of another segment, of another store, of the past or the future is refused")
    func foreign() throws {
        let store = try HintStore(seed: 4)
        let name = try #require(store.hintNames.first)
        try expectRebuilt(store, name, try store.hint(store.hintNames[1]))
        let other = try HintStore(seed: 40)
        try expectRebuilt(store, name, try other.hint(name))
        for version in [0, 1, 3] as [UInt32] {
            var bytes = try store.hint(name)
            bytes.store(version, at: 8)
            let front = Array(bytes.prefix(252))
            bytes.store(Checksum.crc32c(front.rawSpan), at: 252)
            try expectRebuilt(store, name, bytes)
        }
    }

    /// The sound hint with its block of rows changed and every checksum right again.
    private func forged(
        _ sound: [UInt8], _ change: (inout [UInt8], Range<Int>) -> Void
    ) throws -> [UInt8] {
        let header = try Hint(decoding: sound.rawSpan).header
        let range = header.range(ofBlock: 0, of: .locations)
        let place = Int(range.lowerBound)..<Int(range.upperBound) - 4
        var bytes = sound
        change(&bytes, place)
        let block = Array(bytes[place])
        let crc = header.binding.seed.checksum(of: block.rawSpan, at: range.lowerBound)
        bytes.store(crc, at: place.upperBound)
        return bytes
    }

    @Test("rows out of order or impossible are refused, though their checksums are right")
    func forgedRows() throws {
        let store = try HintStore(seed: 6)
        let name = try #require(store.hintNames.first)
        let sound = try store.hint(name)
        try expectRebuilt(
            store, name,
            try forged(sound) { bytes, place in
                let first = place.lowerBound..<place.lowerBound + 28
                let last = place.upperBound - 28..<place.upperBound
                let row = Array(bytes[first])
                bytes.replaceSubrange(first, with: bytes[last])
                bytes.replaceSubrange(last, with: row)
            })
        // Offset, length, type and key length of the first row.
        for (offset, value) in [(16, 0xFFFF_FFFF), (20, 0), (20, 0xFFFF_FFFF), (24, 9), (24, 1)] {
            try expectRebuilt(
                store, name,
                try forged(sound) { bytes, place in
                    bytes.store(UInt32(value), at: place.lowerBound + offset)
                })
        }
    }

    @Test("a segment that is shorter than listed is scanned, and its hint is left alone")
    func shortSegment() throws {
        let store = try HintStore(seed: 7)
        let disk = store.copy()
        let name = try #require(store.segmentNames.first)
        let byteCount = try #require(disk.byteCount(of: name, in: .segments))
        disk.setByteCount(byteCount - 500, of: name, in: .segments)
        let engine = try store.open(disk)
        #expect(engine.statistics().isReadOnly)
        #expect(engine.hintedSegmentCount == store.segmentNames.count - 1)
        try engine.close()
        #expect(
            try disk.bytes(of: store.hintNames[0], in: .segments) == store.hint(store.hintNames[0]))
    }
}
