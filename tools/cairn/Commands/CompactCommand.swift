// CompactCommand — `cairn compact`: takes the space of overwritten, deleted and expired blobs back.
//
// By the code that does it in the background. May be interrupted at any moment: what was not finished is
// removed when the store is opened next, and no byte of a blob is given up before its copy is durable.

internal import Cairn
internal import CairnFormat
internal import CairnSystem
internal import CairnText

enum CompactCommand: ToolCommand {
    static let row = CommandRow(
        name: "compact", summary: "takes the space of overwritten, deleted and expired blobs back",
        arguments: [.directory],
        options: [
            OptionRow(
                .target, value: "RATIO",
                "until segments and hints take at most so many bytes for each live one (1.2)"),
            OptionRow(.dryRun, "says what would be done, and does nothing"), .json,
        ],
        details: [
            "Needs room for one segment. Expired blobs are destroyed an hour after their time, and "
                + "not while the wall clock is doubted: it was set, or the machine was off, since "
                + "the store was used last. Segments with damaged records are left as they are and "
                + "named; cairn fsck --repair looks after them. With --dry-run it works beside a "
                + "process that has the store open, which compacts by itself."
        ],
        examples: [
            Example("cairn compact store", "after much was deleted"),
            Example("cairn compact --target 1.05 store", "as small as it gets, for an archive"),
            Example("cairn compact --dry-run store", "what it would copy"),
        ],
        exits: [(.damage, "some segments are damaged and were left as they are; they are named")])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let target = try target(of: call)
        if call.has(.dryRun) {
            return try StoreAccess.read(call) { (store) throws(ToolFailure) in
                try plan(store, target, call, output)
            }
        }
        return try StoreAccess.write(call) { (store) throws(ToolFailure) in
            try compact(store, target, call, output)
        }
    }

    private static func target(of call: Invocation) throws(ToolFailure) -> Double {
        guard let text = call[.target]?.text else { return 1.2 }
        guard let target = Double(text), target > 1, target <= 1000 else {
            throw .usage("--target takes a number above 1 and up to 1000, not \"\(text)\"", row)
        }
        return target
    }

    private static func compact(
        _ store: Store, _ target: Double, _ call: Invocation, _ output: Output
    ) throws(ToolFailure) -> ExitCode {
        let before = store.statistics()
        let progress = ProgressLine("compacted", total: before.liveByteCount)
        let counts = try ToolFailure.store { () throws(StoreError) in
            defer { progress.finish() }
            return try store.compact(target: target) { statistics in
                progress.set(
                    done: min(statistics.compaction.copiedByteCount, before.liveByteCount),
                    total: before.liveByteCount)
                return true
            }
        }
        let after = store.statistics()
        var line = JSONLine()
        line.add("beforeByteCount", before.logicalByteCount)
        line.add("afterByteCount", after.logicalByteCount)
        line.add("liveByteCount", after.liveByteCount)
        line.add("amplification", ratio: after.spaceAmplification)
        line.add("copiedByteCount", counts.copiedByteCount)
        line.add("replacedSegmentCount", counts.replacedSegmentCount)
        line.add("destroyedBlobCount", counts.destroyedBlobCount)
        line.add("isClockDoubted", after.isClockDoubted)
        line.add("droppedDeleteCount", counts.droppedDeleteCount)
        line.add("keptDeleteCount", counts.keptDeleteCount)
        line.add("damagedSegmentCount", counts.damagedSegmentCount)
        let text =
            "\(Units.bytes(before.logicalByteCount)) before, "
            + "\(Units.bytes(after.logicalByteCount)) after, "
            + "\(Units.bytes(after.liveByteCount)) live; "
            + "\(Units.counted(counts.replacedSegmentCount, "segment")) replaced, "
            + "\(Units.bytes(counts.copiedByteCount)) copied"
        try output.line(call.has(.json) ? line.line : text)
        if after.isClockDoubted, after.expiredByteCount > 0 {
            Output.complain(
                "cairn: the wall clock is doubted: \(Units.bytes(after.expiredByteCount)) of expired "
                    + "blobs were left")
        }
        guard counts.damagedSegmentCount > 0 else { return .clean }
        for damage in after.damage { Output.complain("cairn: \(damage)") }
        return .damage
    }

    private static func plan(
        _ store: Store, _ target: Double, _ call: Invocation, _ output: Output
    ) throws(ToolFailure) -> ExitCode {
        let plans = try ToolFailure.store { () throws(StoreError) in
            try store.plannedCompactions(target: target)
        }
        let segments = try ToolFailure.store { () throws(StoreError) in
            try store.segmentStatistics()
        }
        let known = Set(segments.map(\.id))
        for plan in plans {
            // What an earlier one of them would write has no name yet.
            let ids = plan.inputIDs.map { known.contains($0) ? hexadecimal($0) : "(new)" }
            var line = JSONLine()
            line.add("segments", ids)
            line.add("reason", plan.reason.rawValue)
            line.add("copyByteCount", plan.copyByteCount)
            let text =
                "\(ids.joined(separator: " ")): \(plan.reason.rawValue), "
                + "\(Units.bytes(plan.copyByteCount)) to copy"
            try output.line(call.has(.json) ? line.line : text)
        }
        if plans.isEmpty, !call.has(.json) { try output.line("nothing to do") }
        return .clean
    }
}
