// Serve — from a configuration to a running server, and to its end.
//
// What is dangerous is refused before anything is opened. The order behind that: signals are taken over, the address
// is bound, the store is opened, READY said; a first signal to end stops accepting, a second one ends the process
// at once. The main thread alone; the one that stops the server is another, so that a second signal is heard.

internal import CairnServer
internal import CairnSystem
internal import Glibc

extension Daemon {
    /// Serves until it is told to end.
    static func serve(_ configuration: ServerConfiguration) throws(DaemonFailure) -> DaemonExit {
        try DaemonFailure.configuration { () throws(ConfigurationError) in
            try configuration.requireRunnable()
        }
        let log = Log(configuration.logLevel, configuration.logForm)
        var signals = try DaemonFailure.socket { () throws(SocketError) in try OperatorSignals() }
        let server: RunningServer
        do throws(ServerFailure) {
            server = try RunningServer(configuration, log: log)
        } catch {
            throw .server(error)
        }
        let manager = ServiceManager.ofThisProcess
        try show("cairnd is ready on \(server.isSecure ? "https" : "http")://\(server.address)")
        tell(manager, .ready, log)
        while true {
            switch signals.next() {
            case .signal(.hangUp): reload(server, manager, log)
            case .signal(.terminate), .signal(.interrupt), .bell:
                tell(manager, .stopping, log)
                log.info("stopping: requests that are under way are answered first")
                return try stop(server, configuration, &signals, log)
            }
        }
    }

    private static func reload(_ server: RunningServer, _ manager: ServiceManager?, _ log: Log) {
        tell(manager, .reloading(monotonicNanoseconds: Clock.monotonicNanoseconds()), log)
        do throws(ServerFailure) {
            try server.reload()
            log.info("tokens and certificate were read again")
        } catch {
            log.error("what was in force stays in force", [.text("error", "\(error)")])
        }
        tell(manager, .ready, log)
    }

    /// A second signal ends the process: what was acknowledged as synced is safe by then too.
    private static func stop(
        _ server: RunningServer, _ configuration: ServerConfiguration,
        _ signals: inout OperatorSignals, _ log: Log
    ) throws(DaemonFailure) -> DaemonExit {
        let stopping = Stopping(server)
        let bell = signals.bell
        do throws(FileError) {
            _ = try ServiceThread.start(name: "cairn-stop") {
                stopping.run(within: configuration.drainDuration)
                bell.ring()
            }
        } catch {
            stopping.run(within: configuration.drainDuration)
            bell.ring()
        }
        while true {
            switch signals.next() {
            case .signal(.hangUp): continue
            case .signal(.terminate), .signal(.interrupt):
                log.warning("ended at once by a second signal")
                exit(DaemonExit.unable.rawValue)
            case .bell:
                if let error = stopping.failure { throw .server(.store(error)) }
                return .done
            }
        }
    }

    private static func tell(
        _ manager: ServiceManager?, _ state: ServiceManager.State, _ log: Log
    ) {
        do throws(Errno) {
            try manager?.tell(state)
        } catch {
            log.warning("the service manager does not listen", [.text("error", "\(error)")])
        }
    }
}
