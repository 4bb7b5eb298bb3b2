// StatsCommand — `cairn stats`: a store in figures, as a whole and by segment.
//
// Amplification is what the segments and hints take on disk, over the bytes of live records. Bars
// are drawn on a terminal only.

internal import Cairn
internal import CairnFormat
internal import CairnSystem
internal import CairnText

enum StatsCommand: ToolCommand {
    static let row = CommandRow(
        name: "stats", summary: "shows keys, live and dead bytes, and the segments of a store",
        arguments: [.directory],
        options: [
            OptionRow(.segments, "also each segment; on a terminal as a bar of live and dead"),
            .json,
        ],
        details: [
            "Expired is what of the live bytes belongs to blobs that have expired, about, by whole "
                + "hours; compaction destroys it an hour after its time. Works beside a process "
                + "that has the store open."
        ],
        examples: [
            Example("cairn stats store", "for people"),
            Example("cairn stats --segments store", "where the dead bytes are"),
            Example("cairn stats --json store", "for programs"),
        ],
        exits: [(.damage, "something is missing or damaged, and the figures lack it")])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        try StoreAccess.read(call) { (store) throws(ToolFailure) in
            let statistics = store.statistics()
            let segments = try ToolFailure.store { () throws(StoreError) in
                try store.segmentStatistics()
            }
            let figures = Figures(statistics: statistics, segments: segments)
            if call.has(.json) {
                try output.line(figures.json)
                for segment in segments where call.has(.segments) {
                    try output.line(json(segment))
                }
            } else {
                for line in figures.lines { try output.line(line) }
                if call.has(.segments) { try show(segments, output) }
            }
            return store.lacksRecords ? .damage : .clean
        }
    }

    private struct Figures {
        let statistics: Statistics
        let segments: [SegmentStatistics]

        var hintByteCount: UInt64 { segments.reduce(0) { $0 + ($1.hintByteCount ?? 0) } }
        var diskByteCount: UInt64 { statistics.logicalByteCount + hintByteCount }
        var amplification: Double {
            let live = statistics.liveByteCount
            return live > 0 ? Double(diskByteCount) / Double(live) : 0
        }

        var json: String {
            var line = JSONLine()
            line.add("keyCount", statistics.keyCount)
            line.add("segmentCount", statistics.segmentCount)
            line.add("liveByteCount", statistics.liveByteCount)
            line.add("expiredByteCount", statistics.expiredByteCount)
            line.add("deadByteCount", statistics.deadByteCount)
            line.add("hintByteCount", hintByteCount)
            line.add("diskByteCount", diskByteCount)
            line.add("amplification", ratio: amplification)
            line.add("indexByteCount", statistics.indexByteCount)
            line.add("damage", statistics.damage)
            return line.line
        }

        var lines: [String] {
            [
                "keys           \(Units.grouped(statistics.keyCount))",
                "segments       \(Units.grouped(statistics.segmentCount))",
                "live           \(Units.bytes(statistics.liveByteCount))",
                "expired        \(Units.bytes(statistics.expiredByteCount)) of that",
                "dead           \(Units.bytes(statistics.deadByteCount))",
                "hints          \(Units.bytes(hintByteCount))",
                "on disk        \(Units.bytes(diskByteCount))",
                "amplification  "
                    + (statistics.liveByteCount > 0
                        ? Units.decimal(amplification, places: 2) : "-"),
                "index          \(Units.bytes(UInt64(statistics.indexByteCount))) of memory",
            ]
        }
    }

    private static func json(_ segment: SegmentStatistics) -> String {
        var line = JSONLine()
        line.add("segment", hexadecimal(segment.id))
        line.add("state", "\(segment.state)")
        line.add("kind", "\(segment.kind)")
        line.add("recordCount", segment.recordCount)
        line.add("byteCount", segment.logicalByteCount)
        line.add("liveByteCount", segment.liveByteCount)
        line.add("deadByteCount", segment.deadByteCount)
        line.add("hintByteCount", segment.hintByteCount)
        return line.line
    }

    private static func show(
        _ segments: [SegmentStatistics], _ output: Output
    ) throws(ToolFailure) {
        let width = output.isTerminal ? 30 : 0
        try output.line("")
        try output.line(
            "segment           state      kind            live        dead"
                + (width > 0 ? "  live" : ""))
        for segment in segments {
            var line = "\(hexadecimal(segment.id))  \(padded("\(segment.state)", 9))"
            line += "  \(padded("\(segment.kind)", 9))"
            line += "  \(padded(Units.bytes(segment.liveByteCount), -10))"
            line += "  \(padded(Units.bytes(segment.deadByteCount), -10))"
            if width > 0 {
                let total = segment.liveByteCount + segment.deadByteCount
                line += "  " + Units.bar(segment.liveByteCount, of: total, width: width)
            }
            try output.line(line)
        }
    }

    /// Filled up with spaces, in front when the width is negative.
    private static func padded(_ text: String, _ width: Int) -> String {
        let space = String(repeating: " ", count: max(0, abs(width) - text.count))
        return width < 0 ? space + text : text + space
    }
}
