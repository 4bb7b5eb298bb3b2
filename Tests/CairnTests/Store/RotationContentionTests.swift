// Room that was made for one record is not taken by another: whoever writes past the buffers rotates
// once, however many small records come in between, and no segment outgrows its size by that.
// CAIRN_STRESS scales the number of batches, in percent.

import Cairn
import CairnSystem
import CairnTestSupport
import Synchronization
import Testing

/// Appends small records whenever the engine has laid the lead down, until it has done so often.
private final class Intruder: Sendable {
    static let roundMaximum = 50

    private let engine = Guarded<Engine<SimulatedDisk>?>(nil)
    private let isInside = Atomic<Bool>(false)
    let roundCount = Atomic<Int>(0)

    func arm(_ engine: Engine<SimulatedDisk>?) { self.engine.withLock { $0 = engine } }

    /// One record that leaves the segment too little room, and one whose callback rings again.
    func intrude() {
        guard let engine = engine.withLock({ $0 }),
            roundCount.load(ordering: .relaxed) < Self.roundMaximum,
            !isInside.exchange(true, ordering: .relaxed)
        else { return }
        defer { isInside.store(false, ordering: .relaxed) }
        roundCount.add(1, ordering: .relaxed)
        do {
            _ = try engine.put(
                Key("small").bytes.rawSpan, sampleBytes(600).rawSpan,
                WriteOptions(durability: .interval))
            try engine.put(Key("called").bytes.rawSpan, [1].rawSpan, WriteOptions()) { _ in }
        } catch {
            Issue.record("\(error)")
        }
    }
}

@Suite("Rotation under contention")
struct RotationContentionTests {
    /// A segment of 4 KiB behind its header has room for one large record and little else.
    private var tuning: Tuning {
        var tuning = Tuning.small
        tuning.directByteCount = 2500
        tuning.chunkByteCount = 4096
        tuning.bufferByteCount = 4096
        return tuning
    }

    private func expectSegmentsInBounds(_ disk: SimulatedDisk) {
        for name in disk.fileNames(in: .segments) {
            let byteCount = disk.byteCount(of: name, in: .segments) ?? 0
            // Only the seal stands behind the target.
            #expect(byteCount <= 8192 + 512, "\(name)")
        }
    }

    @Test("a large record rotates once, although small ones fill the new segment at once")
    func largeRecord() throws {
        let disk = SimulatedDisk()
        let intruder = Intruder()
        let engine = try Engine.open(disk, tuning: tuning, wake: { intruder.intrude() })
        _ = try engine.put(Key("first").bytes.rawSpan, sampleBytes(600).rawSpan)
        intruder.arm(engine)
        intruder.intrude()
        _ = try engine.put(Key("large").bytes.rawSpan, sampleBytes(3500).rawSpan)
        intruder.arm(nil)
        #expect(intruder.roundCount.load(ordering: .relaxed) < 10)
        #expect(try engine.get(Key("large").bytes.rawSpan)?.bytes == sampleBytes(3500))
        try engine.close()
        expectSegmentsInBounds(disk)
    }

    @Test("a batch never goes into a segment that others filled since it made room there")
    func batch() throws {
        let disk = SimulatedDisk()
        let engine = try Engine.open(disk, tuning: tuning)
        let shared = Shared(engine: engine)
        let threads = try (0..<2).map { number in
            try ServiceThread.start(name: "small \(number)") { shared.putSmall(number) }
        }
        var batch = Batch()
        batch.put("a", sampleBytes(1500))
        batch.put("b", sampleBytes(1500))
        for _ in 0..<2000 * scaled("CAIRN_STRESS", ordinary: 100, quick: 50) / 100 {
            _ = try engine.apply(batch, durability: .interval)
        }
        shared.isOver.store(true, ordering: .relaxed)
        for thread in threads { thread.join() }
        #expect(shared.failure.withLock { $0 } == nil)
        try engine.close()
        expectSegmentsInBounds(disk)
    }

    private final class Shared: Sendable {
        let engine: Engine<SimulatedDisk>
        let isOver = Atomic<Bool>(false)
        let failure = Guarded<String?>(nil)

        init(engine: Engine<SimulatedDisk>) { self.engine = engine }

        func putSmall(_ number: Int) {
            do {
                while !isOver.load(ordering: .relaxed) {
                    _ = try engine.put(
                        Key.numbered(number).bytes.rawSpan, sampleBytes(100).rawSpan,
                        WriteOptions(durability: .interval))
                }
            } catch {
                failure.withLock { $0 = "\(error)" }
            }
        }
    }
}
