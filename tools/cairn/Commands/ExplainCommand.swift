// ExplainCommand — `cairn explain`: every physical version of a key, and why each is live or dead.
//
// By the hints where there are any, so that it is quick in a large store.

internal import Cairn
internal import CairnFormat
internal import CairnSystem
internal import CairnText

enum ExplainCommand: ToolCommand {
    static let row = CommandRow(
        name: "explain", summary: "shows every version of a key that is on the disk, and why",
        arguments: [.directory, .key], options: [.escaped, .hex, .json],
        details: [
            "Newest first: where the record lies, whether the key shows it, why, and when its "
                + "bytes can be taken back. Works beside a process that has the store open."
        ],
        examples: [
            Example("cairn explain store greeting", "for people"),
            Example("cairn explain --json store greeting", "for programs"),
        ],
        exits: [
            (.absent, "no version of the key is on the disk"),
            (.damage, "something is missing, and versions in it are not shown"),
        ])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let key = try call.key(call.arguments[1])
        let versions = try ToolFailure.store { () throws(StoreError) in
            try SystemStorage(path: call.directory).versions(of: key)
        }
        for version in versions {
            if call.has(.json) {
                try output.line(json(version))
            } else {
                for line in lines(version) { try output.line(line) }
            }
        }
        if try lacksRecords(call) { return .damage }
        guard versions.isEmpty else { return .clean }
        Output.complain("cairn: no version of \"\(KeyText.escaped(key))\" is on the disk")
        return .absent
    }

    /// Says which segments lack records that may be versions of any key.
    private static func lacksRecords(_ call: Invocation) throws(ToolFailure) -> Bool {
        var lacking: [CheckFinding] = []
        _ = try ToolFailure.store { () throws(StoreError) in
            try SystemStorage(path: call.directory).check(isDeep: false, progress: { _ in }) {
                if $0.kind == .missingSegment || $0.kind == .shortSegment { lacking.append($0) }
            }
        }
        for finding in lacking {
            Output.complain(
                "cairn: warning: \(finding.file) \(finding.what): versions in it are not shown, and one "
                    + "may be the newest; cairn fsck --deep names what it held")
        }
        return !lacking.isEmpty
    }

    private static func json(_ version: PhysicalVersion) -> String {
        var line = JSONLine()
        line.add("version", version.sequence)
        line.add("type", "\(version.type)")
        line.add("segment", hexadecimal(version.segmentID))
        line.add("offset", version.offset)
        line.add("recordByteCount", version.recordByteCount)
        line.add("byteCount", version.valueByteCount)
        line.add("chunkCount", version.chunkCount)
        line.add("expiry", version.expiry)
        line.add("isLive", version.isLive)
        line.add("reason", version.reason)
        line.add("reclaim", version.reclaim)
        line.add("reclaimTime", version.reclaimTime)
        return line.line
    }

    private static func lines(_ version: PhysicalVersion) -> [String] {
        var text = "\(version.isLive ? "live" : "dead")  version \(version.sequence)"
        text += "  \(version.type)"
        if let count = version.valueByteCount { text += " of \(Units.counted(count, "byte"))" }
        if let count = version.chunkCount { text += " in \(Units.counted(count, "chunk"))" }
        text += "  segment \(hexadecimal(version.segmentID)) at \(version.offset)"
        text += ", \(Units.counted(version.recordByteCount, "byte"))"
        var lines = [text, "      why: \(version.reason)"]
        if let expiry = version.expiry {
            lines.append("      expires: \(Units.date(nanoseconds: expiry))")
        }
        let time = version.reclaimTime.map { ", from \(Units.date(nanoseconds: $0)) on" } ?? ""
        return lines + ["      can be reclaimed: \(version.reclaim)\(time)"]
    }
}
