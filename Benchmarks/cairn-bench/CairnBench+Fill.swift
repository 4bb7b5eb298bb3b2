// The workload `fill`: puts every key once; ends when everything is durable.
//
// Every eighth put is timed. The clock includes the final flush, not the opening and closing of the
// store. Several threads take their numbers from one counter.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

/// What the workers of a writing workload share.
struct WritePlan: Sendable {
    let store: Store
    let values: Values
    let permutation: Permutation
    let keyCount: Int
    let options: WriteOptions
    let progress = Progress()
    /// Clock time at which the workers stop, if they do not run out of numbers.
    var deadline = UInt64.max
    var operationLimit = Int.max
    /// Whether each operation takes any key, or each its own.
    var picksAtRandom = false
    /// Whether every operation is timed, or every eighth.
    var timesAll = false

    init(_ store: Store, _ arguments: Arguments, durability: Durability) {
        self.store = store
        values = Values(
            arguments.valueSizes, isCompressible: arguments.compressible)
        permutation = Permutation(count: arguments.keyCount)
        keyCount = arguments.keyCount
        options = WriteOptions(durability: arguments.durability ?? durability)
    }

    /// Puts until the numbers or the time run out.
    func work() -> WorkerOutcome { work(until: deadline) }

    /// The same with another time.
    func work(until deadline: UInt64) -> WorkerOutcome {
        var outcome = WorkerOutcome()
        let keys = KeyBuffer()
        do {
            while true {
                let number = progress.next()
                if number >= operationLimit { break }
                if timesAll || number & 7 == 0 {
                    let start = Clock.monotonicNanoseconds()
                    outcome.byteCount += try put(number, keys)
                    let end = Clock.monotonicNanoseconds()
                    outcome.histogram.add(end &- start)
                    outcome.operationCount += 1
                    if end >= deadline { break }
                } else {
                    outcome.byteCount += try put(number, keys)
                    outcome.operationCount += 1
                }
            }
        } catch {
            outcome.failure = .store(error)
        }
        return outcome
    }

    @inline(__always)
    private func put(_ number: Int, _ keys: KeyBuffer) throws(StoreError) -> Int {
        let id =
            picksAtRandom
            ? Int(truncatingIfNeeded: mix(UInt64(number)) % UInt64(keyCount))
            : permutation(number % keyCount)
        let value = values.value(of: id, version: number / keyCount)
        try store.put(keys.key(id), value, options)
        return KeyBuffer.byteCount + value.byteCount
    }
}

extension CairnBench {
    static func fill(_ arguments: Arguments) throws(BenchFailure) -> Report {
        let directory = try BenchDirectory(
            emptying: arguments, byteCount: spaceForFill(arguments))
        let store = try openStore(directory, arguments)
        var plan = WritePlan(store, arguments, durability: .interval)
        plan.operationLimit = arguments.keyCount
        let measurement = Measurement()
        plan.deadline = deadline(after: arguments.seconds)
        let shared = plan
        let outcome = try plan.progress.show(until: plan.deadline, total: plan.keyCount) {
            () throws(BenchFailure) in
            let outcome = try Workers.run(arguments.threadCount) { _ in shared.work() }
            try BenchFailure.store { () throws(StoreError) in try store.flush() }
            return outcome
        }
        var report = Report(.fill)
        report.finish(measurement)
        report.take(outcome)
        report.bytesPerKey = indexBytesPerKey(store)
        try BenchFailure.store { () throws(StoreError) in try store.close() }
        if outcome.operationCount == arguments.keyCount { try directory.noteFilled(arguments) }
        return report
    }

    /// The store of a benchmark, made if it is not there.
    static func openStore(
        _ directory: BenchDirectory, _ arguments: Arguments
    ) throws(BenchFailure) -> Store {
        var options = StoreOptions(compresses: arguments.compresses)
        options.mapsSegments = arguments.maps
        return try BenchFailure.store { () throws(StoreError) in
            try Store.open(at: directory.storePath, options: options)
        }
    }

    static func deadline(after seconds: Double?) -> UInt64 {
        guard let seconds else { return .max }
        return Clock.monotonicNanoseconds() + UInt64(seconds * 1e9)
    }

    static func indexBytesPerKey(_ store: Store) -> Double {
        let statistics = store.statistics()
        guard statistics.keyCount > 0 else { return 0 }
        return Double(statistics.indexByteCount) / Double(statistics.keyCount)
    }

    /// Records with their headers, one segment that is made ahead, the reserve.
    static func spaceForFill(_ arguments: Arguments) -> Int {
        let recordByteCount = arguments.valueSizes.average + KeyBuffer.byteCount + 64
        let records = arguments.keyCount.multipliedReportingOverflow(by: recordByteCount)
        return records.overflow ? .max : records.partialValue / 100 * 102 + 512 << 20
    }
}

extension Report {
    /// What the workers did, with the bytes that went through them.
    mutating func take(_ outcome: WorkerOutcome) {
        operationCount = outcome.operationCount
        byteCount = outcome.byteCount
        take(outcome.histogram)
    }
}
