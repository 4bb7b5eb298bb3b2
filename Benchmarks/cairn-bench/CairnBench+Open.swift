// The workload `open`: from cold files to the first value.
//
// The kernel forgets the cached pages of all segments; then the store is opened and one key read.
// That time is the result. Afterwards a few thousand random reads prove that the index is whole; the
// store is opened once more, warm; and the segments are read through, cold and in sequence, to say
// what the disk could do.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

extension CairnBench {
    private static let checkedReadCount = 2000

    static func open(_ arguments: Arguments) throws(BenchFailure) -> Report {
        let directory = try BenchDirectory(filled: arguments)
        let memory = try ProcessFigure.anonymousBytes()
        let values = Values(
            arguments.valueSizes, isCompressible: arguments.compressible)
        let byteCount = try directory.dropCache()
        let before = memory.value()
        let measurement = Measurement()
        let store = try openStore(directory, arguments)
        let openSeconds = measurement.seconds
        let plan = ReadPlan(store: store, values: values, keyCount: arguments.keyCount)
        let first = plan.readSome(count: 1, seed: arguments.seed)
        var report = Report(.open)
        report.finish(measurement)
        report.operationCount = 1
        report.byteCount = Int(byteCount)
        let grown = memory.value() - before
        report.bytesPerKey = Double(grown) / Double(arguments.keyCount)
        let rest = plan.readSome(count: checkedReadCount, seed: arguments.seed &+ 1)
        if let failure = first.failure ?? rest.failure { throw failure }
        report.complaint = first.complaint ?? rest.complaint
        report.take(rest.histogram)
        report.extras.append(("openSeconds", openSeconds))
        report.extras.append(("indexBytesPerKey", indexBytesPerKey(store)))
        try BenchFailure.store { () throws(StoreError) in try store.close() }
        report.extras.append(("warmOpenSeconds", try warmOpenSeconds(directory, arguments)))
        report.extras.append(("coldReadSeconds", try coldReadSeconds(directory)))
        return report
    }

    /// Once more, with what the first opening read still in the page cache.
    private static func warmOpenSeconds(
        _ directory: BenchDirectory, _ arguments: Arguments
    ) throws(BenchFailure) -> Double {
        let measurement = Measurement()
        let store = try openStore(directory, arguments)
        let seconds = measurement.seconds
        try BenchFailure.store { () throws(StoreError) in try store.close() }
        return seconds
    }

    private static func coldReadSeconds(_ directory: BenchDirectory) throws(BenchFailure) -> Double
    {
        _ = try directory.dropCache()
        let measurement = Measurement()
        _ = try directory.readThrough()
        return measurement.seconds
    }
}

extension ReadPlan {
    /// Reads so many random keys, each timed.
    func readSome(count: Int, seed: UInt64) -> WorkerOutcome {
        let reader = CheckingReader(self)
        var random = seed
        for _ in 0..<count {
            random = mix(random)
            let start = Clock.monotonicNanoseconds()
            reader.read(Int(truncatingIfNeeded: random % UInt64(keyCount)))
            reader.outcome.histogram.add(Clock.monotonicNanoseconds() &- start)
        }
        return reader.outcome
    }
}
