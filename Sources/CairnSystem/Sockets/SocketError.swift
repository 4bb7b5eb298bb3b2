// SocketError — what the operating system refused about a socket or what a loop waits by.
//
// For what happens when a server starts: the operation, the address where there is one, the errno. The
// calls that run per request say a bare `Errno`, which concerns one connection and nobody reads.
// Descriptions are for operators.

/// The operations that a `SocketError` can name, by their system call.
package enum SocketOperation: String, Sendable, CaseIterable {
    case open = "socket"
    case configure = "setsockopt"
    case bind
    case listen
    case ownAddress = "getsockname"
    case makePoller = "epoll_create1"
    case makeBell = "eventfd"
    case takeSignals = "signalfd"
    case connect
    case send
    case receive = "recv"
}

/// A failed operation on a socket, a poller, a bell or signals.
package struct SocketError: Error, Hashable, Sendable, CustomStringConvertible {
    package let operation: SocketOperation
    package let address: SocketAddress?
    package let code: Int32

    package init(_ operation: SocketOperation, _ address: SocketAddress? = nil, code: Int32) {
        self.operation = operation
        self.address = address
        self.code = code
    }

    /// Runs a call that returns a number or a negated errno, and names it when it fails.
    @discardableResult
    static func naming(
        _ operation: SocketOperation, _ address: SocketAddress? = nil, _ call: () -> Int32
    ) throws(SocketError) -> Int32 {
        do throws(Errno) {
            return try SystemCall.perform(call)
        } catch {
            throw SocketError(operation, address, code: error.code)
        }
    }

    /// "bind 127.0.0.1:7777: Address already in use (errno 98)".
    package var description: String {
        let subject = address.map { " \($0)" } ?? ""
        return "\(operation.rawValue)\(subject): \(Errno(code: code))"
    }
}
