// CompactionSubject — a store on the simulated disk whose segments hold a few records, to be compacted.
//
// Nothing happens by itself: `compact` compacts alone, `work` does all that a store does in the
// background. The clocks stand but for the steps of the disk, and are moved by hand.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

extension Tuning {
    /// Small sizes, and segments that end behind so many records.
    static func segments(ofRecords recordCount: UInt64) -> Tuning {
        var tuning = Tuning.small
        tuning.segmentRecordCountMaximum = recordCount
        tuning.segmentByteCountMinimum = 64 << 10
        tuning.segmentByteCountMaximum = 64 << 10
        tuning.compactionBufferByteCount = 4096
        return tuning
    }

    /// Segments that end by their length, behind two pages.
    mutating func endSegmentsByLength() {
        segmentRecordCountMaximum = 1_000_000
        segmentByteCountMinimum = 8192
        segmentByteCountMaximum = 8192
    }
}

extension SimulatedDisk {
    /// The list of segments as it is now.
    var manifest: Manifest {
        get throws {
            let list = try #require(self.bytes(of: "MANIFEST", in: .root))
            return try Manifest(decoding: list.rawSpan)
        }
    }
}

struct CompactionSubject {
    static let hour: UInt64 = 3_600_000_000_000

    let disk: SimulatedDisk
    let tuning: Tuning
    var engine: Engine<SimulatedDisk>

    /// Four records make a segment, unless `change` says otherwise.
    init(seed: UInt64 = 1, change: (inout Tuning) -> Void = { _ in }) throws {
        disk = SimulatedDisk(seed: seed)
        var tuning = Tuning.segments(ofRecords: 4)
        change(&tuning)
        self.tuning = tuning
        disk.setWallClock(500_000 * Self.hour)
        engine = try Engine.open(disk, tuning: tuning)
    }

    // MARK: Blobs

    func put(_ name: String, _ value: [UInt8], expiry: WallTime? = nil) throws {
        _ = try engine.put(Key(name).bytes.rawSpan, value.rawSpan, WriteOptions(expiry: expiry))
    }

    /// Puts bytes that do not compress.
    func put(_ names: String..., byteCount: Int = 900, expiry: WallTime? = nil) throws {
        let value = sampleBytes(byteCount, salt: 2)
        for name in names { try put(name, value, expiry: expiry) }
    }

    func delete(_ names: String...) throws {
        for name in names { _ = try engine.delete(Key(name).bytes.rawSpan) }
    }

    func get(_ name: String) throws -> [UInt8]? {
        try engine.get(Key(name).bytes.rawSpan)?.bytes
    }

    // MARK: Time

    /// The last moment before a whole hour, where a bucket of a histogram ends.
    func time(inHours hours: Int) -> WallTime {
        let hour = Int(disk.wallClock() / Self.hour) + hours
        return WallTime(nanosecondsSince1970: UInt64(hour) * Self.hour - 1)
    }

    func pass(hours: UInt64) { disk.advance(nanoseconds: hours * Self.hour) }

    /// The wall clock alone goes so far.
    func jump(days: Int) {
        let jump = UInt64(days.magnitude) * 24 * Self.hour
        let wall = disk.wallClock()
        disk.setWallClock(days < 0 ? wall - jump : wall + jump)
    }

    // MARK: Work

    /// Ends the segment that takes records.
    mutating func reopen() throws {
        try engine.close()
        engine = try Engine.open(disk, tuning: tuning)
    }

    func makeHints() throws { try engine.makeHintsUntilIdle() }

    func compact() throws { try engine.compactUntilIdle() }

    func work() throws { try engine.workUntilIdle() }

    var counts: CompactionCounts { engine.statistics().compaction }
    var keyCount: UInt64 { engine.statistics().keyCount }

    // MARK: What is on the disk

    var segmentNames: [String] {
        disk.fileNames(in: .segments).filter { $0.hasSuffix(".seg") }
    }

    func removeHints() {
        for name in disk.fileNames(in: .segments) where name.hasSuffix(".hint") {
            disk.deleteFile(name, in: .segments)
        }
    }

    var manifest: Manifest { get throws { try disk.manifest } }

    /// Whether a compaction's output, or that there is none, is listed.
    func isCommitted() throws -> Bool {
        try counts.compactionCount > 0
            || manifest.entries.contains { $0.state == .retired || $0.kind == .compacted }
    }

    /// The deletes in all listed segments.
    func deletes() throws -> [RecordHeader] {
        var found: [RecordHeader] = []
        for entry in try manifest.entries where entry.state != .retired {
            let name = SegmentFileName(entry.id).description
            let bytes = try #require(disk.bytes(of: name, in: .segments))
            var offset = SegmentHeader.byteCount
            while offset < Int(entry.logicalByteCount) {
                let record = Array(bytes[offset...])
                let header = try RecordHeader(decoding: record.rawSpan)
                if header.type == .delete { found.append(header) }
                offset += header.recordByteCount
            }
        }
        return found
    }

    /// The counters are those of a store that is opened by scanning every record, and by hints.
    mutating func checkAccounts() throws {
        try engine.close()
        let scanned = try Engine.open(disk.withoutHints(), tuning: tuning)
        let before = engine.liveByteCounts().filter { $0.value > 0 }
        #expect(scanned.liveByteCounts().filter { $0.value > 0 } == before)
        #expect(scanned.statistics().keyCount == keyCount)
        let statistics = scanned.statistics()
        try scanned.close()
        engine = try Engine.open(disk, tuning: tuning)
        #expect(engine.liveByteCounts().filter { $0.value > 0 } == before)
        #expect(keyCount == statistics.keyCount)
        #expect(engine.statistics().expiredByteCount == statistics.expiredByteCount)
        #expect(engine.findings == [])
    }
}
