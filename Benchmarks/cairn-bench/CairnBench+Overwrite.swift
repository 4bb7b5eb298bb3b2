// The workload `overwrite`: random keys of a full store written again, while compaction keeps its size.
//
// The store is filled first, outside of the clock. Ten times a second what the files take on the disk is
// compared with the live bytes: the greatest ratio is reported, and how many bytes the kernel wrote for
// each byte of a key or value. The clock includes the final flush.

internal import BenchSupport
internal import Cairn
internal import CairnSystem
internal import Synchronization

extension CairnBench {
    static func overwrite(_ arguments: Arguments) throws(BenchFailure) -> Report {
        let directory = try BenchDirectory(
            emptying: arguments, byteCount: 3 * spaceForFill(arguments))
        let store = try openStore(directory, arguments)
        var plan = WritePlan(store, arguments, durability: .interval)
        plan.operationLimit = arguments.keyCount
        _ = try Workers.run(1) { [plan] _ in plan.work() }
        try BenchFailure.store { () throws(StoreError) in try store.flush() }

        let written = try ProcessFigure.writtenBytes()
        let writtenBefore = written.value()
        let sampler = try SpaceSampler(store, directory)
        let measurement = Measurement()
        plan.operationLimit = .max
        plan.picksAtRandom = true
        plan.timesAll = arguments.durability == .synced
        plan.deadline = deadline(after: arguments.seconds ?? 20)
        let shared = plan
        let outcome = try plan.progress.show(total: nil) { () throws(BenchFailure) in
            let outcome = try Workers.run(arguments.threadCount) { _ in shared.work() }
            try BenchFailure.store { () throws(StoreError) in try store.flush() }
            return outcome
        }
        var report = Report(.overwrite)
        report.finish(measurement)
        sampler.stop()
        report.take(outcome, arguments)
        report.bytesPerKey = indexBytesPerKey(store)
        let space = sampler.maximum
        let writtenCount = written.value() - writtenBefore
        report.extras.append(("spaceAmplificationMaximum", space))
        report.extras.append(
            ("writeAmplification", Double(writtenCount) / Double(max(report.byteCount, 1))))
        let compaction = store.statistics().compaction
        report.extras.append(("compactions", Double(compaction.compactionCount)))
        report.extras.append(("copiedBytes", Double(compaction.copiedByteCount)))
        try BenchFailure.store { () throws(StoreError) in try store.close() }
        return report
    }
}

/// Looks ten times a second how much the store takes.
private final class SpaceSampler: Sendable {
    private let greatest = Guarded(0.0)
    private let isStopping = Atomic<Bool>(false)
    private let bell = Parker()
    private let thread = Guarded<ServiceThread?>(nil)

    init(_ store: Store, _ directory: BenchDirectory) throws(BenchFailure) {
        let directory = Guarded(directory)
        let started = try BenchFailure.file { () throws(FileError) in
            try ServiceThread.start(name: "bench-space") { [self] in
                while !isStopping.load(ordering: .acquiring) {
                    let live = store.statistics().liveByteCount
                    let taken = directory.withLock { $0.segmentsByteCount() }
                    let ratio = Double(taken) / Double(max(live, 1))
                    greatest.withLock { $0 = max($0, ratio) }
                    _ = bell.park(nanoseconds: 100_000_000)
                }
            }
        }
        thread.withLock { $0 = started }
    }

    /// The greatest ratio of bytes on disk to live bytes.
    var maximum: Double { greatest.withLock { $0 } }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        bell.unpark()
        thread.withLock { $0?.join() }
    }
}
