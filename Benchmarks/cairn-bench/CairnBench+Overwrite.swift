// The workload `overwrite`: random keys of a full store written again, while compaction keeps its size.
//
// The store is filled first, outside of the clock. Ten times a second what the files take on the disk is
// compared with the live bytes: the greatest ratio is reported, and how many bytes the kernel wrote for
// each byte of a key or value. The clock includes the final flush.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

extension CairnBench {
    static func overwrite(_ arguments: Arguments) throws(BenchFailure) -> Report {
        let (directory, store) = try filledStore(arguments)
        var plan = WritePlan(store, arguments, durability: .interval)

        let space = try SpaceMeasurement(store, directory)
        let measurement = Measurement()
        plan.picksAtRandom = true
        plan.timesAll = arguments.durability == .synced
        plan.deadline = deadline(after: arguments.seconds ?? 20)
        let shared = plan
        let outcome = try plan.progress.show(until: plan.deadline) { () throws(BenchFailure) in
            let outcome = try Workers.run(arguments.threadCount) { _ in shared.work() }
            try BenchFailure.store { () throws(StoreError) in try store.flush() }
            return outcome
        }
        var report = Report(.overwrite)
        report.finish(measurement)
        report.take(outcome)
        report.bytesPerKey = indexBytesPerKey(store)
        try report.take(space, store)
        try BenchFailure.store { () throws(StoreError) in try store.close() }
        return report
    }
}
