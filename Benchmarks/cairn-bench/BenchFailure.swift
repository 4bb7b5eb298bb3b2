// BenchFailure — why a workload could not be measured.
//
// Several sources, one type: the user's arguments, the operating system, the store. The description
// is what the user reads, whole.

internal import Cairn
internal import CairnSystem

enum BenchFailure: Error, CustomStringConvertible {
    /// The arguments make no sense; says which and why.
    case usage(String)
    /// The workload cannot be done here; says what to do.
    case refused(String)
    case file(FileError)
    case store(StoreError)
    case socket(SocketError)

    var isUsage: Bool {
        if case .usage = self { true } else { false }
    }

    var description: String {
        switch self {
        case .usage(let message): "\(message); --help lists the arguments"
        case .refused(let message): message
        case .file(let error): error.description
        case .store(let error): error.description
        case .socket(let error): error.description
        }
    }

    /// Runs a call of the store.
    static func store<Value>(
        _ call: () throws(StoreError) -> Value
    ) throws(BenchFailure) -> Value {
        do {
            return try call()
        } catch {
            throw .store(error)
        }
    }

    /// Runs a call on sockets.
    static func socket<Value: ~Copyable>(
        _ call: () throws(SocketError) -> Value
    ) throws(BenchFailure) -> Value {
        do {
            return try call()
        } catch {
            throw .socket(error)
        }
    }

    /// Runs a call on files.
    static func file<Value>(
        _ call: () throws(FileError) -> Value
    ) throws(BenchFailure) -> Value {
        do {
            return try call()
        } catch {
            throw .file(error)
        }
    }
}
