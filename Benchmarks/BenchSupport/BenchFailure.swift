// BenchFailure — why a workload or a case could not be measured.
//
// Several sources, one type: the user's arguments, the operating system, the store. The description
// is what the user reads, whole.

package import Cairn
package import CairnSystem

/// Says what is wrong, and what to do.
package enum BenchFailure: Error, CustomStringConvertible {
    /// The arguments make no sense; says which and why.
    case usage(String)
    /// The workload cannot be done here; says what to do.
    case refused(String)
    /// A call on files failed.
    case file(FileError)
    /// A call of the store failed.
    case store(StoreError)
    /// A call on sockets failed.
    case socket(SocketError)

    /// Whether the arguments are to blame.
    package var isUsage: Bool {
        if case .usage = self { true } else { false }
    }

    package var description: String {
        switch self {
        case .usage(let message): "\(message); --help lists the arguments"
        case .refused(let message): message
        case .file(let error): error.description
        case .store(let error): error.description
        case .socket(let error): error.description
        }
    }

    /// Runs a call of the store.
    package static func store<Value>(
        _ call: () throws(StoreError) -> Value
    ) throws(BenchFailure) -> Value {
        do {
            return try call()
        } catch {
            throw .store(error)
        }
    }

    /// Runs a call on sockets.
    package static func socket<Value: ~Copyable>(
        _ call: () throws(SocketError) -> Value
    ) throws(BenchFailure) -> Value {
        do {
            return try call()
        } catch {
            throw .socket(error)
        }
    }

    /// Runs a call on files.
    package static func file<Value>(
        _ call: () throws(FileError) -> Value
    ) throws(BenchFailure) -> Value {
        do {
            return try call()
        } catch {
            throw .file(error)
        }
    }
}
