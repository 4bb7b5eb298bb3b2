// FilledStore — the store that workloads of writes go on with: all keys put, durable, outside of the clock.
//
// `measure` is what they share: the work of all workers until the time is over, the final flush inside the
// clock, and what it took of the disk. Main thread.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

struct FilledStore {
    private static let seconds = 20.0

    let store: Store
    private let directory: BenchDirectory
    private let arguments: Arguments

    init(_ arguments: Arguments) throws(BenchFailure) {
        self.arguments = arguments
        directory = try BenchDirectory(
            emptying: arguments, byteCount: 3 * CairnBench.spaceForFill(arguments))
        store = try CairnBench.openStore(directory, arguments)
        var plan = WritePlan(store, arguments, durability: .interval)
        plan.operationLimit = arguments.keyCount
        _ = try Workers.run(1) { [plan] _ in plan.work() }
        try BenchFailure.store { [store] () throws(StoreError) in try store.flush() }
    }

    /// Runs `work` on each thread until the time that it is given.
    func measure(
        _ workload: WorkloadName, _ progress: Progress,
        _ work: @escaping @Sendable (_ worker: Int, _ end: UInt64) -> WorkerOutcome
    ) throws(BenchFailure) -> Report {
        let space = try SpaceMeasurement(store, directory)
        let measurement = Measurement()
        let end = CairnBench.deadline(after: arguments.seconds ?? Self.seconds)
        let outcome = try progress.show(until: end) { () throws(BenchFailure) in
            let outcome = try Workers.run(arguments.threadCount) { work($0, end) }
            try BenchFailure.store { () throws(StoreError) in try store.flush() }
            return outcome
        }
        var report = Report(workload)
        report.finish(measurement)
        report.take(outcome)
        report.bytesPerKey = CairnBench.indexBytesPerKey(store)
        report.complaint = outcome.complaint
        if workload == .mixed { report.takeWrites(outcome) }
        try report.take(space, store)
        return report
    }

    func close() throws(BenchFailure) {
        try BenchFailure.store { () throws(StoreError) in try store.close() }
    }
}
