// Serve — from a configuration to a running server, and to its end.
//
// What is dangerous is refused before anything is opened. The order behind that: signals are taken over,
// the store is opened, the address bound, READY said; a first signal to end stops accepting, a second one ends at
// once. The main thread alone.

internal import CairnServer
internal import CairnSystem

extension Daemon {
    /// Serves until it is told to end.
    static func serve(_ configuration: ServerConfiguration) throws(DaemonFailure) -> DaemonExit {
        try DaemonFailure.configuration { () throws(ConfigurationError) in
            try configuration.requireRunnable()
        }
        throw .refused("this build has no routes yet, and serves nothing")
    }
}
