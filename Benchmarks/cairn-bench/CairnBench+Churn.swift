// The workload `churn`: as many keys are deleted as new ones come, as where blobs live for a time.
//
// The store is filled first, outside of the clock. Then the oldest key is deleted and a new one put, in turn, so
// that the store keeps its size while all of its records go. Each is an operation and is timed. At the end
// the youngest keys must be there and those that went before them must not. The clock includes the final
// flush.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

extension CairnBench {
    static func churn(_ arguments: Arguments) throws(BenchFailure) -> Report {
        let filled = try FilledStore(arguments)
        let plan = ChurnPlan(filled.store, arguments)
        var report = try filled.measure(.churn, plan.progress) { _, end in plan.work(until: end) }
        // A worker may be so slow that others come to its key first; what counts is what is there.
        report.complaint = plan.check().complaint
        try filled.close()
        return report
    }
}

/// What the workers share: the number of the oldest key, which is handed out once.
private struct ChurnPlan: Sendable {
    private static let checkedCount = 1000

    let progress = Progress()
    private let store: Store
    private let values: Values
    private let keyCount: Int
    private let options: WriteOptions

    init(_ store: Store, _ arguments: Arguments) {
        self.store = store
        values = Values(arguments.valueSizes, isCompressible: arguments.compressible)
        keyCount = arguments.keyCount
        options = WriteOptions(durability: arguments.durability ?? .interval)
    }

    func work(until deadline: UInt64) -> WorkerOutcome {
        var outcome = WorkerOutcome()
        let keys = KeyBuffer()
        do {
            var now: UInt64 = 0
            while now < deadline {
                let oldest = progress.next()
                let start = Clock.monotonicNanoseconds()
                if try store.delete(keys.key(oldest), options) == nil { outcome.missingCount += 1 }
                let middle = Clock.monotonicNanoseconds()
                let value = values.value(of: oldest + keyCount)
                try store.put(keys.key(oldest + keyCount), value, options)
                now = Clock.monotonicNanoseconds()
                outcome.histogram.add(middle &- start)
                outcome.histogram.add(now &- middle)
                outcome.operationCount += 2
                outcome.byteCount += 2 * KeyBuffer.byteCount + value.byteCount
            }
        } catch {
            outcome.failure = .store(error)
        }
        return outcome
    }

    /// Reads keys at the young end, and at the end where they went.
    func check() -> WorkerOutcome {
        let plan = ReadPlan(store: store, values: values, keyCount: keyCount)
        let young = CheckingReader(plan)
        let gone = CheckingReader(plan)
        let oldest = progress.count
        for number in 0..<min(Self.checkedCount, keyCount) {
            young.read(oldest + keyCount - 1 - number)
            if number < oldest { gone.read(oldest - 1 - number) }
        }
        var outcome = young.outcome
        // What is still there is a wrong value.
        outcome.wrongCount += gone.outcome.operationCount - gone.outcome.missingCount
        return outcome
    }
}
