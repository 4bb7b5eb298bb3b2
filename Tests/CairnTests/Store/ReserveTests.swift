// RESERVE: how long it is, when that changes, and what becomes of it when the disk is full.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Reserve")
struct ReserveTests {
    private let disk = SimulatedDisk()

    /// Segments of 8 to 64 KiB, as the product's are of 16 to 256 MiB; all else is small.
    private var tuning: Tuning {
        var tuning = Tuning.small
        tuning.segmentByteCountMaximum = 65_536
        tuning.reserveByteCounts = 8192...65_536
        tuning.zeroAheadByteCount = 0
        tuning.compactionBufferByteCount = 4096
        tuning.compactionStepByteCount = 65_536
        return tuning
    }

    private let large = StoreOptions(segmentByteCount: 65_536)

    private var reserveByteCount: UInt64? { disk.byteCount(of: "RESERVE", in: .root) }

    private func open(_ options: StoreOptions = StoreOptions()) throws -> Engine<SimulatedDisk> {
        try Engine.open(disk, options: options, tuning: tuning)
    }

    private func put(
        _ engine: Engine<SimulatedDisk>, _ numbers: Range<Int>, byteCount: Int = 940
    ) throws {
        for number in numbers {
            _ = try engine.put(
                Key.numbered(number).bytes.rawSpan, sampleBytes(byteCount).rawSpan)
        }
    }

    // MARK: Its length

    @Test("it is as long as a segment, in steps of the least, and follows the live bytes")
    func length() throws {
        var engine = try open()
        #expect(reserveByteCount == 8192)
        // A blob takes 1,000 bytes and something.
        for (count, steps) in [(200, 1), (500, 2), (1000, 4), (2400, 8)] {
            try put(engine, max(0, Int(engine.statistics().keyCount))..<count)
            try engine.compactUntilIdle()
            #expect(reserveByteCount == UInt64(steps) * 8192, "\(count) blobs")
        }
        try engine.close()
        disk.powerCut(.loseAll)
        engine = try open()
        #expect(reserveByteCount == 65_536)
        // A half and a quarter of it would be enough.
        for (count, byteCount) in [(1000, 65_536), (500, 65_536), (50, 8192)] as [(Int, UInt64)] {
            for number in count..<Int(engine.statistics().keyCount) {
                _ = try engine.delete(Key.numbered(number).bytes.rawSpan)
            }
            try engine.compactUntilIdle()
            #expect(reserveByteCount == byteCount, "\(count) blobs")
        }
        try engine.close()
    }

    @Test("opening makes a shorter one, as older programs left it, as long as a segment")
    func older() throws {
        try open().close()
        #expect(reserveByteCount == 8192)
        try open(StoreOptions(segmentByteCount: 30_000)).close()
        #expect(reserveByteCount == 32_768)
    }

    @Test("one that a copy made a hole of is allocated, or given up where there is no room")
    func hole() throws {
        for room in [1 << 20, 32_768] as [UInt64] {
            let disk = SimulatedDisk()
            try Engine.open(disk, options: large, tuning: tuning).close()
            _ = try disk.openDirectories(creating: false)
            let opened = try disk.open("RESERVE", in: .root, writable: true)
            let file = try #require(opened)
            try disk.truncate(file, to: 0)
            try disk.truncate(file, to: 65_536)
            disk.close(file)
            let used = disk.usedByteCount
            disk.capacity = used + room
            let engine = try Engine.open(disk, options: large, tuning: tuning)
            let isThere = room > 65_536
            #expect(disk.usedByteCount >= used + (isThere ? 65_536 : 0))
            #expect(disk.byteCount(of: "RESERVE", in: .root) == (isThere ? 65_536 : 0))
            let error = try storeError { try put(engine, 0..<1) }
            #expect(error?.kind == (isThere ? nil : .diskFull))
            try engine.close()
        }
    }

    @Test("it takes a sixteenth of the disk at most", arguments: [1 << 18, 1 << 19, 1 << 30])
    func sixteenth(size: UInt64) throws {
        disk.size = size
        try open(large).close()
        #expect(reserveByteCount == min(size / 16, 65_536))
    }

    @Test("it grows only as far as as much is left over, and on when there is room")
    func leavesAsMuch() throws {
        let engine = try open(StoreOptions(segmentByteCount: 8192))
        try engine.close()
        #expect(reserveByteCount == 8192)
        disk.capacity = disk.usedByteCount + 73_728
        let again = try open(large)
        let length = try #require(reserveByteCount)
        let free = try disk.freeByteCount()
        #expect(free >= length && length > 32_768)
        disk.capacity = disk.usedByteCount + 40_960
        _ = try again.compactionStep()
        #expect(reserveByteCount == length)
        disk.capacity = disk.usedByteCount + 131_072
        _ = try again.compactionStep()
        #expect(reserveByteCount == 65_536)
        try again.close()
    }

    @Test("a disk that shows room and gives none is left alone for a minute; what was there stays")
    func quota() throws {
        let engine = try open()
        try put(engine, 0..<500)
        disk.inject(
            Fault(.allocate, failure: .quotaExceeded, isSticky: true, namePrefix: "RESERVE"))
        for _ in 0..<50 { _ = try engine.compactionStep() }
        #expect(disk.pendingFaults.first?.matchCount == 1)
        #expect(reserveByteCount == 8192)
        // That is no full disk.
        try put(engine, 500..<501)
        disk.clearFaults()
        _ = try engine.compactionStep()
        #expect(reserveByteCount == 8192)
        disk.advance(nanoseconds: 60_000_000_000)
        _ = try engine.compactionStep()
        #expect(reserveByteCount == 16_384)
        try engine.close()
    }

    // MARK: The full disk

    /// How a store comes to a full disk, or back to one.
    enum FullDisk: CaseIterable {
        case openAllTheTime, closed, killed, powerCut
        /// By somebody else's files, while the store was closed; to the last byte.
        case filledByOthers
    }

    /// Half of each segment is dead, and what lives in it is longer than the least RESERVE. Returns how many
    /// blobs were put.
    private func fill(_ engine: Engine<SimulatedDisk>) throws -> (count: Int, StoreError?) {
        var count = 0
        let error = try storeError {
            while count < 500 {
                try put(engine, count..<count + 1)
                count += 1
                _ = try engine.put(Key("x").bytes.rawSpan, sampleBytes(940).rawSpan)
            }
        }
        return (count, error)
    }

    private func reopened(
        _ engine: Engine<SimulatedDisk>, _ way: FullDisk
    ) throws -> Engine<SimulatedDisk> {
        switch way {
        case .openAllTheTime: return engine
        case .killed: disk.kill()
        case .powerCut: disk.powerCut(.keepAll)
        case .closed, .filledByOthers: try engine.close()
        }
        // Of what was given up others took some, too.
        disk.capacity = disk.usedByteCount + (way == .filledByOthers ? 0 : 61_440)
        let again = try open(large)
        #expect((reserveByteCount == 0) == (way != .filledByOthers))
        return again
    }

    @Test(
        "on a full disk large segments are compacted until puts go on, after opening again too",
        arguments: FullDisk.allCases)
    func fullDisk(way: FullDisk) throws {
        var engine = try open(large)
        if way != .filledByOthers { disk.capacity = disk.usedByteCount + (1 << 20) }
        let (count, error) = try fill(engine)
        #expect(error?.kind == (way == .filledByOthers ? nil : .diskFull))
        engine = try reopened(engine, way)
        // Into the last page of a file.
        let last = try storeError { try put(engine, 1000..<1010) }
        #expect(last?.kind == .diskFull)
        #expect(reserveByteCount == 0)
        let refusal = try storeError { try put(engine, 1010..<1011) }
        #expect(refusal?.message.contains("131072 bytes are free") == true)
        #expect(try engine.delete(Key.numbered(0).bytes.rawSpan) != nil)
        #expect(try engine.errorsUntilIdle().allSatisfy { $0.kind == .diskFull })
        #expect(engine.statistics().compaction.copiedByteCount > 0)
        #expect(reserveByteCount == 65_536)
        try put(engine, 1010..<1011)
        for number in Array(1..<count) + [1010] {
            let blob = try engine.get(Key.numbered(number).bytes.rawSpan)
            #expect(blob?.bytes == sampleBytes(940), "\(number)")
        }
        #expect(try engine.get(Key.numbered(0).bytes.rawSpan) == nil)
        try engine.close()
    }

    @Test("what was given up is not taken by the first puts of the next openings")
    func staysForCompaction() throws {
        var engine = try open(large)
        disk.capacity = disk.usedByteCount + (1 << 20)
        _ = try fill(engine)
        for _ in 0..<20 {
            try engine.close()
            engine = try open(large)
            let error = try storeError { try put(engine, 1000..<1001) }
            #expect(error?.kind == .diskFull)
        }
        #expect(try disk.freeByteCount() > 48 << 10)
        // A page short of it, and then not.
        let short = try 65_536 - disk.freeByteCount()
        disk.capacity = disk.capacity.map { $0 + short + 4096 * 3 }
        try engine.close()
        engine = try open(large)
        #expect(reserveByteCount == 65_536)
        try put(engine, 1000..<1001)
        try engine.close()
    }

    @Test("while the store is open it comes back whole, with as much left over, or not at all")
    func comesBackWhole() throws {
        let engine = try open(large)
        disk.capacity = disk.usedByteCount + (1 << 20)
        _ = try fill(engine)
        disk.capacity = disk.usedByteCount + 126_976
        let error = try storeError { try put(engine, 1000..<1001) }
        #expect(error?.kind == .diskFull)
        #expect(reserveByteCount == 0)
        disk.capacity = disk.usedByteCount + 131_072
        try put(engine, 1000..<1001)
        #expect(reserveByteCount == 65_536)
        try engine.close()
    }

    @Test("a store that never had one takes half of what is free, and is not full")
    func neverHadOne() throws {
        disk.capacity = 40_960
        let engine = try open(large)
        let length = try #require(reserveByteCount)
        let free = try disk.freeByteCount()
        #expect(length > 12_288 && length <= free)
        try put(engine, 0..<1)
        try engine.close()
    }
}
