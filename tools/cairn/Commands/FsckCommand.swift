// FsckCommand — `cairn fsck`: looks for damage; the quick form beside a writer, the deep one alone.
//
// The deep form holds the store's lock meanwhile, so that nothing changes under it. Writes nothing but
// its process number into LOCK.

internal import Cairn
internal import CairnSystem

enum FsckCommand: ToolCommand {
    static let row = CommandRow(
        name: "fsck", summary: "looks for damage in a store",
        arguments: [.directory],
        options: [
            OptionRow(
                .deep, "reads every byte: each checksum of each record, block and hint"),
            .json,
        ],
        details: [
            "The quick form reads STORE, MANIFEST, headers, seals, hints and lengths, and works "
                + "beside a process that has the store open. The deep form refuses such a store; "
                + "cairn verify reads as much beside it.",
            "Every finding names the file and the place, the key where there is one, what is "
                + "wrong, and when that matters. A note costs nothing: a byte that nothing reads, "
                + "a hint that will be made again, the unsynced tail of a crash.",
        ],
        examples: [
            Example("cairn fsck store", "quick, also of a running store"),
            Example("cairn fsck --deep store", "every byte, of a stopped one"),
            Example("cairn fsck --deep --json store | jq -r 'select(.key).key'", "damaged keys"),
        ])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        let storage = SystemStorage(path: call.directory)
        let report = CheckReport(output: output, isJSON: call.has(.json))
        guard call.has(.deep) else { return try report.run(storage, isDeep: false) }
        try lock(storage, call)
        defer { storage.unlock() }
        return try report.run(storage, isDeep: true)
    }

    private static func lock(_ storage: SystemStorage, _ call: Invocation) throws(ToolFailure) {
        let outcome = try ToolFailure.file { () throws(FileError) -> LockOutcome? in
            guard try storage.openDirectories(creating: false) else { return nil }
            // Where there is no store there is no LOCK to be made either.
            guard try storage.names(in: .root).contains(StoreNames.identity) else {
                return .acquired
            }
            return try storage.lock()
        }
        switch outcome {
        case nil: throw .refused("there is no store in \(call.directory)")
        case .acquired: return
        case .held(let process):
            throw .refused(
                "the store in \(call.directory) is in use"
                    + (process.map { " by process \($0)" } ?? "")
                    + "; cairn verify reads every byte beside it")
        }
    }
}
