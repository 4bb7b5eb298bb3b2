// DaemonFailure — why the program ended without doing what it was asked, and with which status.
//
// The description is what the operator reads, whole. A service manager should not start a server again that
// ended with `usage`: it would end so again. Plain values.

internal import Cairn
internal import CairnServer
internal import CairnSystem

/// How the program ends.
enum DaemonExit: Int32 {
    /// Done; of a server: it was told to end, and everything that was acknowledged is safe.
    case done = 0
    /// `health`: it does not serve.
    case unhealthy = 1
    /// Something in the store is damaged.
    case damage = 4
    /// It could not be done: no permission, address in use, disk full.
    case unable = 8
    /// What it was told makes no sense, or is dangerous.
    case usage = 16

    /// What the help says of each.
    static let texts: [(code: DaemonExit, text: String)] = [
        (.done, "done; the server was told to end, and all that it acknowledged is safe"),
        (.unhealthy, "health: the server does not serve"),
        (.damage, "something in the store is damaged"),
        (.unable, "it could not be done: no permission, address in use, disk full"),
        (.usage, "what it was told makes no sense, or is dangerous; starting again will not help"),
    ]
}

extension DaemonExit {
    /// How a server's failure ends the program.
    init(_ failure: ServerFailure) {
        switch failure {
        case .configuration, .identity: self = .usage
        case .socket, .threads: self = .unable
        case .store(let error): self = error.kind == .storeDamaged ? .damage : .unable
        }
    }
}

enum DaemonFailure: Error, CustomStringConvertible {
    /// The words behind a command make no sense.
    case usage(String)
    case configuration(ConfigurationError)
    case file(FileError)
    /// The operating system has no room for what waits for signals.
    case socket(SocketError)
    /// The server did not start, or did not end as it should.
    case server(ServerFailure)

    var code: DaemonExit {
        switch self {
        case .usage, .configuration: .usage
        case .file, .socket: .unable
        case .server(let failure): DaemonExit(failure)
        }
    }

    var description: String {
        switch self {
        case .usage(let message): "\(message)\ncairnd --help says more"
        case .configuration(let error): error.description
        case .file(let error): error.description
        case .socket(let error): error.description
        case .server(let failure): failure.description
        }
    }

    /// Runs a call on sockets.
    static func socket<Value: ~Copyable>(
        _ call: () throws(SocketError) -> Value
    ) throws(DaemonFailure) -> Value {
        do throws(SocketError) {
            return try call()
        } catch {
            throw .socket(error)
        }
    }

    /// Runs a call on files.
    static func file<Value>(
        _ call: () throws(FileError) -> Value
    ) throws(DaemonFailure) -> Value {
        do throws(FileError) {
            return try call()
        } catch {
            throw .file(error)
        }
    }

    /// Runs a call on what the operator said.
    static func configuration<Value>(
        _ call: () throws(ConfigurationError) -> Value
    ) throws(DaemonFailure) -> Value {
        do throws(ConfigurationError) {
            return try call()
        } catch {
            throw .configuration(error)
        }
    }
}
