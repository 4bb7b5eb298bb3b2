// The workload `mixed`: random keys read and written again, in a proportion, while compaction goes on.
//
// The store is filled first, outside of the clock. Each worker has keys of its own, so that it knows the
// version that a read must find, and checks it. Reads and writes are timed apart, every eighth of each;
// the percentiles of the line are those of the reads. The clock includes the final flush.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

extension CairnBench {
    static func mixed(_ arguments: Arguments) throws(BenchFailure) -> Report {
        guard arguments.keyCount >= arguments.threadCount else {
            throw .usage("--keys is at least one for each of --threads")
        }
        let filled = try FilledStore(arguments)
        let plan = ReadPlan(
            store: filled.store,
            values: Values(arguments.valueSizes, isCompressible: arguments.compressible),
            keyCount: arguments.keyCount)
        let report = try filled.measure(.mixed, plan.progress) { worker, end in
            MixedWorker(plan, arguments, worker).work(until: end)
        }
        try filled.close()
        return report
    }
}

/// One worker and its keys: those whose number leaves its own as a remainder.
private final class MixedWorker {
    private static let stride = 64

    private let plan: ReadPlan
    private let reader: CheckingReader
    private let keys = KeyBuffer()
    private let options: WriteOptions
    private let readPercentage: UInt64
    private let first: Int
    private let step: Int
    private var picker: KeyPicker
    private var versions: [UInt32]

    init(_ plan: ReadPlan, _ arguments: Arguments, _ worker: Int) {
        self.plan = plan
        reader = CheckingReader(plan)
        options = WriteOptions(durability: arguments.durability ?? .interval)
        readPercentage = UInt64(arguments.readPercentage)
        (first, step) = (worker, arguments.threadCount)
        let count = (arguments.keyCount - worker + step - 1) / step
        picker = KeyPicker(arguments.order, count: count, seed: arguments.seed &+ UInt64(worker))
        versions = [UInt32](repeating: 0, count: count)
    }

    func work(until deadline: UInt64) -> WorkerOutcome {
        while reader.outcome.failure == nil {
            for number in 0..<Self.stride {
                let isTimed = number & 7 == 0
                let start = isTimed ? Clock.monotonicNanoseconds() : 0
                let isRead = operate()
                guard isTimed else { continue }
                let end = Clock.monotonicNanoseconds()
                let histogram = isRead ? reader.outcome.histogram : reader.outcome.writeHistogram
                histogram.add(end &- start)
                if end >= deadline { return reader.outcome }
            }
            plan.progress.add(Self.stride)
        }
        return reader.outcome
    }

    /// Reads or writes a key; true: it read.
    private func operate() -> Bool {
        let place = picker.next()
        let isRead = picker.draw() % 100 < readPercentage
        let number = place * step + first
        if isRead {
            reader.read(number, version: Int(versions[place]))
        } else {
            write(number, place)
        }
        return isRead
    }

    private func write(_ number: Int, _ place: Int) {
        versions[place] &+= 1
        let (keys, values) = (keys, plan.values)
        let value = values.value(of: number, version: Int(versions[place]))
        do {
            try plan.store.put(keys.key(number), value, options)
            reader.outcome.operationCount += 1
            reader.outcome.byteCount += KeyBuffer.byteCount + value.byteCount
        } catch {
            reader.outcome.failure = .store(error)
        }
    }
}
