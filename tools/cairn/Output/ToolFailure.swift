// ToolFailure — why a command ended without doing what it was asked, and with which code.
//
// Four sources, one type: the command line, the operating system, the store, and the tool's own
// findings. The description is what the user reads, whole. Plain value.

internal import Cairn
internal import CairnSystem

enum ToolFailure: Error, CustomStringConvertible {
    /// The command line makes no sense; of this command, if one was named.
    case usage(String, CommandRow?)
    /// It cannot be done here; says why and what to do.
    case refused(String)
    /// Bytes of the store, or of an input, are not what they should be.
    case damaged(String)
    case file(FileError)
    case store(StoreError)

    var code: ExitCode {
        switch self {
        case .usage: .usage
        case .refused, .file: .unable
        case .damaged: .damage
        case .store(let error): Self.code(of: error.kind)
        }
    }

    private static func code(of kind: StoreError.Kind) -> ExitCode {
        switch kind {
        case .storeDamaged, .damaged, .uncertain: .damage
        case .invalidKey, .metadataTooLong, .invalidOption, .invalidBatch: .usage
        case .noStore, .inUse, .unsupportedVersion, .readOnly, .diskFull, .outcomeUnknown,
            .conditionFailed, .blobTooLarge, .inputOutput, .closed, .isBackup, .wrongDirectory:
            .unable
        }
    }

    var description: String {
        switch self {
        case .usage(let message, let row):
            "\(message)\nusage: \(row?.usage ?? "cairn COMMAND [options] ...")\n"
                + "cairn \(row.map { $0.name + " " } ?? "")--help says more"
        case .refused(let message), .damaged(let message): message
        case .file(let error): error.description
        case .store(let error):
            error.message + (error.kind == .storeDamaged ? "; cairn fsck --repair may help" : "")
        }
    }

    /// Runs a call of the store.
    static func store<Value>(
        _ call: () throws(StoreError) -> Value
    ) throws(ToolFailure) -> Value {
        do {
            return try call()
        } catch {
            throw .store(error)
        }
    }

    /// Runs a call on files.
    static func file<Value: ~Copyable>(
        _ call: () throws(FileError) -> Value
    ) throws(ToolFailure) -> Value {
        do {
            return try call()
        } catch {
            throw .file(error)
        }
    }
}
