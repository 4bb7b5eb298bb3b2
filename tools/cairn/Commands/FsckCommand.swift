// FsckCommand — `cairn fsck`: looks for damage, and repairs it when it is told to.
//
// The quick form runs beside a writer. The deep form and the repair hold the store's lock, so that
// nothing changes under them. A repair checks, puts right what it can, has the store opened once, which
// makes hints anew, and checks again: the second check decides the code.

internal import Cairn
internal import CairnSystem

enum FsckCommand: ToolCommand {
    static let row = CommandRow(
        name: "fsck", summary: "looks for damage in a store, and repairs it",
        arguments: [.directory],
        options: [
            OptionRow(
                .deep, "reads every byte: each checksum of each record, block and hint"),
            OptionRow(
                .repair, "checks deeply, repairs what it can, and says by key what is lost"),
            OptionRow(
                .acceptLoss,
                "with --repair: gives up for ever what cannot be repaired, keys nobody knows too"),
            .json,
        ],
        details: [
            "The quick form reads STORE, MANIFEST, headers, seals, hints and lengths, and works "
                + "beside a process that has the store open. The deep form and --repair refuse "
                + "such a store; cairn verify reads as much beside it.",
            "Every finding names the file and the place, the key where there is one, what is "
                + "wrong, and when that matters. A note costs nothing: a byte that nothing reads, "
                + "a missing hint, which will be made, the unsynced tail of a crash.",
            "With --json the last line is the summary: isClean, damageCount, noteCount and "
                + "segmentCount, and of the deep form recordCount and byteCount, how much was read.",
            "A repair destroys nothing: what it replaces goes to the directory quarantine of the "
                + "store. A blob that is lost answers as removed from then on, never as an older "
                + "version of itself. Where damage hides records whose keys nobody knows, the "
                + "segment is left as it is until --accept-loss: then older versions of such "
                + "keys may show.",
        ],
        examples: [
            Example("cairn fsck store", "quick, also of a running store"),
            Example("cairn fsck --deep store", "every byte, of a stopped one"),
            Example("cairn fsck --deep --json store | jq -r 'select(.key).key'", "damaged keys"),
            Example("cairn fsck --repair store", "and put right"),
        ],
        exits: [(.repaired, "damage was found and repaired; nothing is left of it")])

    static func run(_ call: Invocation, _ output: Output) throws(ToolFailure) -> ExitCode {
        if call.has(.acceptLoss), !call.has(.repair) {
            throw .usage("--accept-loss belongs to --repair", row)
        }
        let storage = SystemStorage(path: call.directory)
        var report = CheckReport(output: output, isJSON: call.has(.json))
        guard call.has(.deep) || call.has(.repair) else {
            return try report.run(storage, isDeep: false)
        }
        try lock(storage, call)
        let code: ExitCode
        do throws(ToolFailure) {
            code = try report.run(storage, isDeep: true)
            if code == .damage, call.has(.repair) { try repair(storage, call, report) }
        } catch {
            storage.unlock()
            throw error
        }
        storage.unlock()
        guard code == .damage, call.has(.repair) else { return code }
        try settle(call)
        report = CheckReport(output: output, isJSON: call.has(.json))
        return try report.run(storage, isDeep: true) == .clean ? .repaired : .damage
    }

    private static func repair(
        _ storage: SystemStorage, _ call: Invocation, _ report: CheckReport
    ) throws(ToolFailure) {
        var failure: ToolFailure?
        try ToolFailure.store { () throws(StoreError) in
            try storage.repair(report.findings, acceptsLoss: call.has(.acceptLoss)) { step in
                guard failure == nil else { return }
                do throws(ToolFailure) { try report.show(step) } catch { failure = error }
            }
        }
        if let failure { throw failure }
    }

    /// Opens and closes the store, which recovers what was not ended and makes hints that are missing.
    /// What still keeps it from being written is what the next check finds.
    private static func settle(_ call: Invocation) throws(ToolFailure) {
        let options = StoreOptions(access: .existing, acceptLoss: call.has(.acceptLoss))
        let store: Store
        do throws(StoreError) {
            store = try Store.open(at: call.directory, options: options)
        } catch {
            if error.kind == .storeDamaged || error.kind == .noStore { return }
            throw .store(error)
        }
        try ToolFailure.store { () throws(StoreError) in try store.close() }
    }

    private static func lock(_ storage: SystemStorage, _ call: Invocation) throws(ToolFailure) {
        let outcome = try ToolFailure.file { () throws(FileError) -> LockOutcome? in
            guard try storage.openDirectories(creating: false) else { return nil }
            // Where there is no store there is no LOCK to be made either.
            let names = try storage.names(in: .root)
            let segments = try storage.names(in: .segments)
            if segments.isEmpty, !names.contains(StoreNames.identity) { return .acquired }
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
