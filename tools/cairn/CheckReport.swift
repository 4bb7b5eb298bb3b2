// CheckReport — findings of a check as they come, and how it ended.
//
// A line each, for people or as JSON; the summary last. Findings of damage and notes go to standard
// output both: they are the result. One thread.

internal import Cairn
internal import CairnFormat
internal import CairnSystem
internal import CairnText

final class CheckReport {
    private let output: Output
    private let isJSON: Bool
    /// All damage that was found.
    private(set) var findings: [CheckFinding] = []

    init(output: Output, isJSON: Bool) {
        self.output = output
        self.isJSON = isJSON
    }

    /// Checks a store and reports; the code says whether there is damage.
    func run(_ storage: SystemStorage, isDeep: Bool) throws(ToolFailure) -> ExitCode {
        let progress = ProgressLine("checked")
        defer { progress.finish() }
        // The check's callback cannot throw; what printing throws is kept.
        var failure: ToolFailure?
        let summary = try ToolFailure.store { () throws(StoreError) in
            try storage.check(
                isDeep: isDeep,
                progress: { progress.set(done: $0.byteCount, total: $0.byteTotal) },
                report: { [self] finding in
                    if finding.severity == .damage { findings.append(finding) }
                    guard failure == nil else { return }
                    do throws(ToolFailure) {
                        progress.finish()
                        try show(finding)
                    } catch {
                        failure = error
                    }
                })
        }
        progress.finish()
        if let failure { throw failure }
        try show(summary, isDeep: isDeep)
        return summary.damageCount > 0 ? .damage : .clean
    }

    private func show(_ finding: CheckFinding) throws(ToolFailure) {
        if isJSON { return try output.line(json(finding)) }
        var place = finding.file
        if let offset = finding.offset { place += " at \(offset)" }
        var about: [String] = []
        if let key = finding.key { about.append("key \"\(KeyText.escaped(key))\"") }
        if let sequence = finding.sequence { about.append("version \(sequence)") }
        if !about.isEmpty { place += " (\(about.joined(separator: ", ")))" }
        try output.line("\(finding.severity.rawValue): \(place): \(finding.what)")
        try output.line("    matters \(finding.matters)")
        // A finding is worth seeing at once, also by who reads a pipe.
        try output.flush()
    }

    /// One step of a repair.
    func show(_ step: RepairStep) throws(ToolFailure) {
        if isJSON {
            var line = JSONLine()
            line.add("repair", step.kind.rawValue)
            line.add("file", step.file)
            line.add("key", step.key.map(KeyText.escaped))
            line.add("keyHex", step.key.map(KeyText.hexadecimal))
            line.add("version", step.sequence)
            line.add("what", step.what)
            return try output.line(line.line)
        }
        let key = step.key.map { " (key \"\(KeyText.escaped($0))\")" } ?? ""
        try output.line("repair: \(step.kind.rawValue): \(step.file)\(key): \(step.what)")
        try output.flush()
    }

    private func json(_ finding: CheckFinding) -> String {
        var line = JSONLine()
        line.add("finding", finding.kind.rawValue)
        line.add("severity", finding.severity.rawValue)
        line.add("file", finding.file)
        line.add("segment", finding.segmentID.map { hexadecimal($0) })
        line.add("offset", finding.offset)
        line.add("byteCount", finding.byteCount)
        line.add("key", finding.key.map(KeyText.escaped))
        line.add("keyHex", finding.key.map(KeyText.hexadecimal))
        line.add("version", finding.sequence)
        line.add("type", finding.type.map { "\($0)" })
        line.add("what", finding.what)
        line.add("matters", finding.matters)
        return line.line
    }

    private func show(_ summary: CheckSummary, isDeep: Bool) throws(ToolFailure) {
        if isJSON {
            var line = JSONLine()
            line.add("isClean", summary.damageCount == 0)
            line.add("damageCount", summary.damageCount)
            line.add("noteCount", summary.noteCount)
            line.add("segmentCount", summary.segmentCount)
            line.add("recordCount", isDeep ? summary.recordCount : nil)
            line.add("byteCount", isDeep ? summary.byteCount : nil)
            return try output.line(line.line)
        }
        var text =
            summary.damageCount == 0 ? "clean" : "\(Units.grouped(summary.damageCount)) damaged"
        text += ": \(Units.counted(summary.segmentCount, "segment"))"
        if isDeep {
            text += ", \(Units.counted(summary.recordCount, "record"))"
            text += ", \(Units.bytes(summary.byteCount)) read"
        }
        if summary.noteCount > 0 { text += "; \(Units.counted(summary.noteCount, "note"))" }
        try output.line(text)
    }
}
