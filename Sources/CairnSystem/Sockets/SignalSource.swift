// SignalSource — SIGTERM, SIGINT and SIGHUP as something that a `Poller` waits for.
//
// The signals are blocked for the thread that makes the source and for all that it starts later; other
// threads would still die of them. So make it first, in the main thread. Threads of `ServiceThread`
// block all signals anyway. Blocking outlives the source, and a program that is executed inherits it.
// Two signals of one kind that nobody took yet are one.

internal import CLinux
internal import Glibc

/// What an operator or the service manager tells the process.
package enum ProcessSignal: Hashable, Sendable {
    /// End in order: SIGTERM.
    case terminate
    /// End in order, from the terminal: SIGINT.
    case interrupt
    /// Read the configuration again: SIGHUP.
    case hangUp
}

/// Signals to be waited for; a signalfd.
package struct SignalSource: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// Blocks the signals and takes them over. Corresponds to `signalfd(2)`.
    package init() throws(SocketError) {
        let number = try SocketError.naming(.takeSignals) { cairn_signals_open() }
        descriptor = Descriptor(owning: number)
    }

    /// The number, for a `Poller`; valid while the source lives.
    package var rawValue: Int32 { descriptor.rawValue }

    /// The next signal that came, nil when none did.
    package func next() -> ProcessSignal? {
        while true {
            switch cairn_signals_next(descriptor.rawValue) {
            case SIGTERM: return .terminate
            case SIGINT: return .interrupt
            case SIGHUP: return .hangUp
            case -EINTR: continue
            default: return nil
            }
        }
    }
}
