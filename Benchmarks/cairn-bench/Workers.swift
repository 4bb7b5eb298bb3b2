// Workers — the threads that call the store, and what each brings back.
//
// One worker runs on the calling thread, several on threads of their own. Workers share nothing but
// the store, the values and the count of operations.

internal import BenchSupport
internal import CairnSystem

/// What one worker did.
struct WorkerOutcome: @unchecked Sendable {
    // Sendable: the histogram goes from the worker to its owner, never to both.
    var operationCount = 0
    /// Key and value bytes that went through.
    var byteCount = 0
    var missingCount = 0
    var wrongCount = 0
    let histogram = Histogram()
    /// Of writes, where others are timed apart.
    let writeHistogram = Histogram()
    var failure: BenchFailure?
}

extension WorkerOutcome {
    /// What another one did as well.
    mutating func add(_ other: WorkerOutcome) {
        operationCount += other.operationCount
        byteCount += other.byteCount
        missingCount += other.missingCount
        wrongCount += other.wrongCount
        histogram.merge(other.histogram)
        writeHistogram.merge(other.writeHistogram)
    }
}

enum Workers {
    /// Runs `body` with 0 ..< count, at the same time, and returns the sum of what they did.
    static func run(
        _ count: Int, _ body: @escaping @Sendable (_ worker: Int) -> WorkerOutcome
    ) throws(BenchFailure) -> WorkerOutcome {
        let outcomes = count == 1 ? [body(0)] : try parallel(count, body)
        var total = WorkerOutcome()
        for outcome in outcomes {
            if let failure = outcome.failure { throw failure }
            total.add(outcome)
        }
        return total
    }

    private static func parallel(
        _ count: Int, _ body: @escaping @Sendable (_ worker: Int) -> WorkerOutcome
    ) throws(BenchFailure) -> [WorkerOutcome] {
        let outcomes = Guarded<[WorkerOutcome]>([])
        var threads: [ServiceThread] = []
        defer { for thread in threads { thread.join() } }
        for worker in 0..<count {
            threads.append(
                try BenchFailure.file { () throws(FileError) in
                    try ServiceThread.start(name: "bench-\(worker)") {
                        let outcome = body(worker)
                        outcomes.withLock { $0.append(outcome) }
                    }
                })
        }
        for thread in threads { thread.join() }
        return outcomes.withLock { $0 }
    }
}
