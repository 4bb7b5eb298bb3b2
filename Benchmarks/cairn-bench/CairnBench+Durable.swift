// The workload `durable`: puts that return, or call back, after their bytes are on the disk.
//
// Blocking: each thread has one put under way. With callbacks one thread submits and keeps a fixed
// number in flight: their slots form a ring, and since results come in log order, a submitter that
// finds the next slot busy sleeps until that one is done. Every put is timed, from its submission
// to its answer. Keys come again after all have been written, with other values.

internal import BenchSupport
internal import Cairn
internal import CairnSystem
internal import Synchronization

extension CairnBench {
    static func durable(_ arguments: Arguments) throws(BenchFailure) -> Report {
        let seconds = arguments.seconds ?? 4
        let directory = try BenchDirectory(
            emptying: arguments, byteCount: spaceForDurable(arguments, seconds: seconds))
        let store = try openStore(directory, arguments)
        var plan = WritePlan(store, arguments, durability: .synced)
        plan.timesAll = true
        let measurement = Measurement()
        plan.deadline = deadline(after: seconds)
        let shared = plan
        let outcome = try plan.progress.show(until: plan.deadline) { () throws(BenchFailure) in
            try Workers.run(arguments.threadCount) { _ in
                arguments.callbackCount > 0
                    ? Submitter(shared, slotCount: arguments.callbackCount).work()
                    : shared.work()
            }
        }
        var report = Report(.durable)
        report.finish(measurement)
        report.take(outcome)
        report.bytesPerKey = indexBytesPerKey(store)
        try BenchFailure.store { () throws(StoreError) in try store.close() }
        return report
    }

    /// Nobody knows how many there will be: at most a gigabyte a second, and a million records.
    private static func spaceForDurable(_ arguments: Arguments, seconds: Double) -> Int {
        let recordByteCount = arguments.valueSizes.average + KeyBuffer.byteCount + 64
        let rate = min(1e9, Double(recordByteCount) * 1e6)
        return Int(min(rate * seconds, 1e18)) + 512 << 20
    }
}

/// A put in flight. The submitter owns it until the put, and again once `answeredAt` is not zero.
private final class Slot: Sendable {
    let answeredAt = Atomic<UInt64>(1)
    let hasFailed = Atomic<Bool>(false)
}

/// Where the submitter sleeps; callbacks wake it only when it does.
private final class Gate: Sendable {
    private let parker = Parker()
    private let isWaiting = Atomic<Bool>(false)

    /// Returns when the slot is answered.
    func wait(for slot: Slot) {
        while slot.answeredAt.load(ordering: .acquiring) == 0 {
            isWaiting.store(true, ordering: .sequentiallyConsistent)
            if slot.answeredAt.load(ordering: .sequentiallyConsistent) != 0 { break }
            parker.park()
        }
        isWaiting.store(false, ordering: .relaxed)
    }

    func answer(_ slot: Slot) {
        slot.answeredAt.store(Clock.monotonicNanoseconds(), ordering: .sequentiallyConsistent)
        guard isWaiting.load(ordering: .sequentiallyConsistent) else { return }
        if isWaiting.exchange(false, ordering: .acquiringAndReleasing) { parker.unpark() }
    }
}

/// Submits from one thread. Closures and slots are made once: a put allocates nothing here.
private final class Submitter {
    private typealias Callback = @Sendable (Result<WriteReceipt, StoreError>) -> Void

    private let plan: WritePlan
    private let gate = Gate()
    private let slots: [Slot]
    private let callbacks: [Callback]
    private var submittedAt: [UInt64]

    init(_ plan: WritePlan, slotCount: Int) {
        self.plan = plan
        let gate = gate
        slots = (0..<slotCount).map { _ in Slot() }
        callbacks = slots.map { slot in
            { outcome in
                if case .failure = outcome { slot.hasFailed.store(true, ordering: .relaxed) }
                gate.answer(slot)
            }
        }
        submittedAt = [UInt64](repeating: 0, count: slotCount)
    }

    func work() -> WorkerOutcome {
        var outcome = WorkerOutcome()
        let keys = KeyBuffer()
        do {
            while true {
                let number = plan.progress.next()
                let place = number % slots.count
                collect(place, into: &outcome)
                let now = Clock.monotonicNanoseconds()
                if now >= plan.deadline || outcome.failure != nil { break }
                submittedAt[place] = now
                slots[place].answeredAt.store(0, ordering: .relaxed)
                try submit(number, keys, callbacks[place])
            }
        } catch {
            outcome.failure = .store(error)
        }
        for place in slots.indices { collect(place, into: &outcome) }
        return outcome
    }

    private func submit(
        _ number: Int, _ keys: KeyBuffer, _ callback: @escaping Callback
    ) throws(StoreError) {
        let plan = plan
        let id = plan.permutation(number % plan.keyCount)
        let value = plan.values.value(of: id, version: number / plan.keyCount)
        try plan.store.put(keys.key(id), value, plan.options, completion: callback)
    }

    /// Waits for the put in a slot, if there is one, and counts it.
    private func collect(_ place: Int, into outcome: inout WorkerOutcome) {
        guard submittedAt[place] != 0 else { return }
        let slot = slots[place]
        gate.wait(for: slot)
        if slot.hasFailed.load(ordering: .relaxed) {
            outcome.failure = outcome.failure ?? .refused("a write was answered with an error")
        }
        outcome.histogram.add(slot.answeredAt.load(ordering: .relaxed) &- submittedAt[place])
        outcome.operationCount += 1
        submittedAt[place] = 0
    }
}
