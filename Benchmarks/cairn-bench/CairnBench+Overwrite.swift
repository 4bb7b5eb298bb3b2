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
        let filled = try FilledStore(arguments)
        var plan = WritePlan(filled.store, arguments, durability: .interval)
        plan.picksAtRandom = true
        plan.timesAll = arguments.durability == .synced
        let report = try filled.measure(.overwrite, plan.progress) { [plan] _, end in
            plan.work(until: end)
        }
        try filled.close()
        return report
    }
}
