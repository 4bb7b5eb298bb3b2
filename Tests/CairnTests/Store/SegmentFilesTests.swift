// Segment files beyond the most that may be open: closed, opened again, never mixed up, never lost.
// CAIRN_STRESS scales the number of concurrent reads, in percent.

import Cairn
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

@Suite("Segment files")
struct SegmentFilesTests {
    private var tuning: Tuning {
        var tuning = Tuning.small
        tuning.segmentFileCountMaximum = 3
        return tuning
    }

    private func value(_ number: Int) -> [UInt8] { sampleBytes(500, salt: UInt64(number) * 2) }

    private func filled(_ disk: SimulatedDisk, _ count: Int) throws -> Engine<SimulatedDisk> {
        let engine = try Engine.open(disk, tuning: tuning)
        for number in 0..<count {
            _ = try engine.put(Key.numbered(number).bytes.rawSpan, value(number).rawSpan)
        }
        return engine
    }

    @Test("no more than the maximum are open, while writing, opening and reading in any order")
    func bounded() throws {
        let disk = SimulatedDisk()
        // Three of ended segments, the active one, RESERVE, and one that is closed for another.
        let limit = 6
        let engine = try filled(disk, 200)
        #expect(engine.statistics().segmentCount > 20)
        #expect(disk.openHandleCount <= limit)
        try engine.close()
        #expect(disk.openHandleCount == 0)
        for access in [StoreOptions.Access.readOnly, .existing] {
            let again = try Engine.open(
                disk, options: StoreOptions(access: access), tuning: tuning)
            var random = TestRandom(seed: 7)
            for _ in 0..<600 {
                let number = random.below(200)
                #expect(
                    try again.get(Key.numbered(number).bytes.rawSpan)?.bytes == value(number))
                #expect(disk.openHandleCount <= limit)
            }
            try again.close()
            #expect(disk.openHandleCount == 0)
        }
    }

    @Test("a file that is read again and again stays open while others come and go")
    func leastWanted() throws {
        let disk = SimulatedDisk()
        try filled(disk, 100).close()
        let engine = try Engine.open(disk, tuning: tuning)
        _ = try engine.get(Key.numbered(0).bytes.rawSpan)
        disk.isTracing = true
        for number in 20..<100 {
            _ = try engine.get(Key.numbered(number).bytes.rawSpan)
            _ = try engine.get(Key.numbered(0).bytes.rawSpan)
        }
        let opened = disk.trace.count { $0.contains("open segments/0000000000000001.seg") }
        #expect(disk.trace.count { $0.contains("open segments/") } > 10)
        #expect(opened <= 1)
        try engine.close()
    }

    @Test("of segments whose files were closed for others, hints are made and opening loads them")
    func hints() throws {
        let disk = SimulatedDisk()
        let engine = try filled(disk, 200)
        let endedCount = engine.statistics().segmentCount - 1
        var mostOpen = 0
        while try engine.backgroundStep() { mostOpen = max(mostOpen, disk.openHandleCount) }
        let hintCount = disk.fileNames(in: .segments).count { $0.hasSuffix(".hint") }
        #expect(hintCount == endedCount && endedCount > 20)
        // One more than without hints, whether it is a segment that is read or a hint, and a spare.
        #expect(mostOpen <= 8)
        try engine.close()
        #expect(disk.openHandleCount == 0)
        let again = try Engine.open(disk, tuning: tuning)
        #expect(again.hintedSegmentCount == endedCount + 1 && again.refusedHintCount == 0)
        for number in 0..<200 {
            #expect(try again.get(Key.numbered(number).bytes.rawSpan)?.bytes == value(number))
        }
        try again.close()
        #expect(disk.openHandleCount == 0)
    }

    @Test("a segment file that cannot be opened again is an error of that read, never an absence")
    func failing() throws {
        let disk = SimulatedDisk()
        try filled(disk, 100).close()
        let engine = try Engine.open(disk, tuning: tuning)
        disk.inject(Fault(.open, isSticky: true, directory: .segments))
        var failureCount = 0
        for number in 0..<100 {
            let error = try storeError {
                let blob = try engine.get(Key.numbered(number).bytes.rawSpan)
                #expect(blob?.bytes == value(number))
            }
            if let error {
                #expect(error.kind == .inputOutput && error.errno == 5, "\(error)")
                failureCount += 1
            }
        }
        #expect(failureCount > 50)
        disk.clearFaults()
        for number in 0..<100 {
            #expect(try engine.get(Key.numbered(number).bytes.rawSpan)?.bytes == value(number))
        }
        try engine.close()
    }

    private final class Shared: Sendable {
        let engine: Engine<SimulatedDisk>
        let wrongCount = Atomic<Int>(0)

        init(engine: Engine<SimulatedDisk>) { self.engine = engine }

        func read(_ seed: Int, _ count: Int, _ value: (Int) -> [UInt8]) {
            var random = TestRandom(seed: UInt64(seed))
            for _ in 0..<count {
                let number = random.below(100)
                let blob = try? engine.get(Key.numbered(number).bytes.rawSpan)
                if blob?.bytes != value(number) { wrongCount.add(1, ordering: .relaxed) }
            }
        }
    }

    @Test("threads that read at random beside a writer find every blob")
    func threads() throws {
        let disk = SimulatedDisk()
        let shared = Shared(engine: try filled(disk, 100))
        let count = 10_000 * scaled("CAIRN_STRESS", ordinary: 100, quick: 12) / 100
        let threads = try (0..<4).map { number in
            try ServiceThread.start(name: "reader \(number)") { shared.read(number, count, value) }
        }
        for number in 100..<200 {
            _ = try shared.engine.put(Key.numbered(number).bytes.rawSpan, value(number).rawSpan)
        }
        for thread in threads { thread.join() }
        #expect(shared.wrongCount.load(ordering: .relaxed) == 0)
        try shared.engine.close()
        #expect(disk.openHandleCount == 0)
    }
}
