// SpaceMeasurement — what a store takes on the disk while a workload runs, and what is written for it.
//
// Ten times a second the files' bytes are compared with the live bytes. Reported: the greatest ratio, the greatest
// of each second, and how many bytes the kernel wrote for each byte of a key or value.

internal import BenchSupport
internal import Cairn
internal import CairnSystem
internal import Synchronization

/// From its making to `end`.
final class SpaceMeasurement: Sendable {
    private static let samplesPerSecond = 10

    private let samples = Guarded<[Double]>([])
    private let isStopping = Atomic<Bool>(false)
    private let bell = Parker()
    private let thread = Guarded<ServiceThread?>(nil)
    private let writtenBefore: Int

    init(_ store: Store, _ directory: BenchDirectory) throws(BenchFailure) {
        writtenBefore = try ProcessFigure.writtenBytes().value()
        let directory = Guarded(directory)
        let started = try BenchFailure.file { () throws(FileError) in
            try ServiceThread.start(name: "bench-space") { [self] in
                while !isStopping.load(ordering: .acquiring) {
                    let live = store.statistics().liveByteCount
                    let taken = directory.withLock { $0.segmentsByteCount() }
                    samples.withLock { $0.append(Double(taken) / Double(max(live, 1))) }
                    _ = bell.park(nanoseconds: UInt64(1_000_000_000 / Self.samplesPerSecond))
                }
            }
        }
        thread.withLock { $0 = started }
    }

    /// The ratios, sample by sample. Nothing is sampled afterwards.
    func end() -> [Double] {
        isStopping.store(true, ordering: .releasing)
        bell.unpark()
        thread.withLock { $0?.join() }
        return samples.withLock { $0 }
    }

    /// The greatest of each second.
    static func perSecond(_ samples: [Double]) -> [Double] {
        stride(from: 0, to: samples.count, by: samplesPerSecond).map { start in
            samples[start..<min(start + samplesPerSecond, samples.count)].max() ?? 0
        }
    }

    /// Bytes that the kernel wrote since.
    func writtenByteCount() throws(BenchFailure) -> Int {
        try ProcessFigure.writtenBytes().value() - writtenBefore
    }
}

extension Report {
    /// What a writing workload cost beside time; `byteCount` is known.
    mutating func take(_ space: SpaceMeasurement, _ store: Store) throws(BenchFailure) {
        let samples = space.end()
        extras.append(("spaceAmplificationMaximum", samples.max() ?? 0))
        extras.append(
            (
                "writeAmplification",
                Double(try space.writtenByteCount()) / Double(max(byteCount, 1))
            ))
        let compaction = store.statistics().compaction
        extras.append(("compactions", Double(compaction.compactionCount)))
        extras.append(("copiedBytes", Double(compaction.copiedByteCount)))
        series.append(("spaceAmplificationPerSecond", SpaceMeasurement.perSecond(samples)))
    }
}
