// RestoreCommand — `cairn restore`: a store made of a backup, elsewhere or where the backup is.
//
// Elsewhere the backup stays what it is, and can be restored again. In place nothing is copied, and the
// backup is none any more. May be interrupted at any moment, and done again.

internal import Cairn

enum RestoreCommand: ToolCommand {
    static let row = CommandRow(
        name: "restore", summary: "makes a store of a backup",
        arguments: [
            ArgumentRow("BACKUP", .one, "the directory of the backup", completion: .directory),
            ArgumentRow(
                "DIR", .optional,
                "where the store is to be: not there yet, or empty. Without it the backup itself "
                    + "becomes the store",
                completion: .directory),
        ],
        options: [
            OptionRow(
                .link,
                "with DIR: segments become hard links or clones where that can be, and share the "
                    + "backup's bytes"),
            .json,
        ],
        details: [
            "With DIR the backup stays as it is, and may be on a medium that cannot be written. "
                + "Without it nothing is copied, and the directory is no backup any more.",
            "Where it fails nothing of it is left in DIR. Where it was killed, or the machine went, do it "
                + "again: it goes on, or remove DIR.",
            "The store is one of its own: it has a new uuid, and its new versions are none of those "
                + "that the original gave out since. Old ones stay what they were.",
        ],
        examples: [
            Example("cairn restore /mnt/disk2/store store", "after a loss"),
            Example("cairn restore store.before", "the backup becomes the store"),
        ],
        exits: [(.damage, "the backup is damaged: a segment is missing or too short")])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        guard let path = call.path(1) else { return try restoreInPlace(call, output) }
        return try BackupReport.show(call, output, done: "restored") {
            (options, progress) throws(StoreError) in
            try Store.restore(
                backupAt: call.directory, to: path, options: options, progress: progress)
        }
    }

    private static func restoreInPlace(
        _ call: Invocation, _ output: Output
    ) throws(ToolFailure) -> ExitCode {
        if call.has(.link) { throw .usage("--link belongs to DIR", row) }
        try ToolFailure.store { () throws(StoreError) in
            try Store.restore(backupAt: call.directory)
        }
        if call.has(.json) {
            var line = JSONLine()
            line.add("restored", call.directory)
            try output.line(line.line)
        } else {
            try output.line("\(call.directory) is a store now")
        }
        return .clean
    }
}
