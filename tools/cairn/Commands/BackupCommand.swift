// BackupCommand — `cairn backup`: a backup of a store that no process has open.
//
// By the code that a program calls on its open store, and as that does: what is there of an earlier
// backup is used again, and stays until the new one is whole. May be interrupted at any moment.

internal import Cairn
internal import CairnText

enum BackupCommand: ToolCommand {
    static let row = CommandRow(
        name: "backup", summary: "makes or renews a backup of a store",
        arguments: [
            .directory,
            ArgumentRow(
                "DEST", .one,
                "the directory of the backup: not there yet, empty, or an earlier backup of this store",
                completion: .directory),
        ],
        options: [
            OptionRow(
                .link,
                "segments become hard links or clones where that can be: at once, no space, and no "
                    + "protection from the loss or rot of this disk"),
            .json,
        ],
        details: [
            "Only segments that an earlier backup in DEST lacks are copied; the earlier one stays "
                + "until the new one is whole and durable. Put DEST on another disk.",
            "Bytes are copied as they are, not checked: cairn verify reads every checksum of the backup.",
            "A store that a process has open is refused: that process makes its own backups, beside "
                + "its writes. The backup opens for reading: cairn get, ls, export and verify work on "
                + "it; cairn restore makes a store of it.",
        ],
        examples: [
            Example("cairn backup store /mnt/disk2/store", "every night"),
            Example("cairn backup --link store store.before", "before something risky"),
            Example("cairn verify /mnt/disk2/store", "every byte of it, now and then"),
        ],
        exits: [
            (
                .damage,
                "the store is damaged: no backup, if segments are missing or short; else one with the "
                    + "same damage, which is named as far as opening the store shows it"
            )
        ])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        try StoreAccess.write(call) { (store) throws(ToolFailure) in
            guard !store.statistics().isReadOnly else {
                throw .damaged(
                    "the store in \(call.directory) lacks segments, or parts of them, and is not "
                        + "backed up: cairn fsck says more")
            }
            return try BackupReport.show(call, output, done: "backed up") {
                (options, progress) throws(StoreError) in
                try store.backup(to: call.arguments[1].text, options: options, progress: progress)
            }
        }
    }
}

/// What is said of a backup, or of a store that was made of one.
struct BackupReport {
    private let result: BackupResult

    /// Lets `body` fill a directory behind a progress line, and says what came of it.
    static func show(
        _ call: Invocation, _ output: Output, done verb: String,
        _ body: (BackupOptions, (BackupProgress) -> Bool) throws(StoreError) -> BackupResult?
    ) throws(ToolFailure) -> ExitCode {
        let line = ProgressLine(verb)
        let result = try ToolFailure.store { () throws(StoreError) in
            defer { line.finish() }
            return try body(BackupOptions(sharesBytes: call.has(.link))) { progress in
                line.set(done: progress.byteCount, total: progress.byteTotal)
                return true
            }
        }
        guard let result else { preconditionFailure("nobody ends a backup by its progress") }
        try BackupReport(result: result).show(call, output)
        return result.findings.isEmpty ? .clean : .damage
    }

    private func show(_ call: Invocation, _ output: Output) throws(ToolFailure) {
        for finding in result.findings { Output.complain("cairn: \(finding)") }
        if call.has(.json) { return try output.line(json) }
        try output.line(text)
        guard result.sharedSegmentCount > 0 else { return }
        try output.line(
            "the bytes of \(Units.counted(result.sharedSegmentCount, "segment")) are shared with the "
                + "original: what the disk loses of them, both lose")
    }

    private var json: String {
        var line = JSONLine()
        line.add("segmentCount", UInt64(result.segmentCount))
        line.add("byteCount", result.byteCount)
        line.add("reusedSegmentCount", UInt64(result.reusedSegmentCount))
        line.add("copiedSegmentCount", UInt64(result.copiedSegmentCount))
        line.add("copiedByteCount", result.copiedByteCount)
        line.add("sharedSegmentCount", UInt64(result.sharedSegmentCount))
        line.add("removedFileCount", UInt64(result.removedFileCount))
        if let version = result.newestVersion { line.add("newestVersion", version.sequence) }
        line.add("findings", result.findings)
        return line.line
    }

    private var text: String {
        "\(Units.counted(result.segmentCount, "segment")), \(Units.bytes(result.byteCount)): "
            + "\(result.reusedSegmentCount) there already, \(result.copiedSegmentCount) copied "
            + "(\(Units.bytes(result.copiedByteCount))), \(result.sharedSegmentCount) shared"
    }
}
