// RunningServer — a store that is served: from the first connection to the seal of the log.
//
// The address is taken before the store is touched; while the store is opened, the server says so. `stop` lets
// what is under way end, then makes everything durable. One thread starts it, reloads it and stops it.

package import Cairn
package import CairnCrypto
internal import CairnHTTP
package import CairnSystem

/// Why a server did not start, or does not go on as it should.
package enum ServerFailure: Error, CustomStringConvertible {
    /// The address cannot be had.
    case socket(SocketError)
    /// The store cannot be opened.
    case store(StoreError)
    /// There are no threads left.
    case threads(FileError)
    /// The tokens cannot be read.
    case configuration(ConfigurationError)
    /// The certificate, or its key, cannot be used.
    case identity(TLSIdentityError)

    /// For the operator.
    package var description: String {
        switch self {
        case .socket(let error): "\(error)"
        case .store(let error): "\(error)"
        case .threads(let error): "\(error)"
        case .configuration(let error): "\(error)"
        case .identity(let error): "\(error)"
        }
    }
}

/// A server with its store.
package final class RunningServer {
    private let configuration: ServerConfiguration
    private let operations: ServerOperations
    private let threads: TaskThreads
    private let server: HTTPServer
    private let context: ServerContext
    /// What is served.
    package let store: Store

    /// Returns when blobs are served. The configuration is one that may run.
    package init(_ configuration: ServerConfiguration, log: Log) throws(ServerFailure) {
        guard let directory = configuration.directory else {
            preconditionFailure("a configuration that may run says where the store is")
        }
        let operations = ServerOperations(
            log: log, access: try Self.access(configuration),
            logsRequests: configuration.logsRequests)
        let handler = StartingHandler(operations)
        let identity = try Self.identity(configuration)
        threads = try Self.threads(configuration)
        do throws(SocketError) {
            server = try HTTPServer(
                on: configuration.address, limits: configuration.limits,
                loopCount: configuration.loopCountOnThisMachine, tls: identity, handler)
        } catch {
            threads.stop()
            throw .socket(error)
        }
        var options = configuration.store
        options.progress = { handler.note($0) }
        options.scrub = configuration.scrub(log)
        do throws(StoreError) {
            store = try Store.open(at: directory, options: options)
        } catch {
            server.stop(within: .zero)
            threads.stop()
            throw .store(error)
        }
        for finding in store.findings { log.warning("the store", [.text("finding", finding)]) }
        context = ServerContext(store: store, threads: threads, operations, configuration) {
            [weak server] in server?.connectionCount ?? 0
        }
        handler.handOver(to: StoreHandler(context))
        self.configuration = configuration
        self.operations = operations
    }

    private static func access(
        _ configuration: ServerConfiguration
    ) throws(ServerFailure) -> AccessKeeper {
        do throws(ConfigurationError) {
            return try AccessKeeper(path: configuration.tokenPath)
        } catch {
            throw .configuration(error)
        }
    }

    private static func threads(
        _ configuration: ServerConfiguration
    ) throws(ServerFailure) -> TaskThreads {
        do throws(FileError) {
            return try TaskThreads(count: configuration.diskThreadCount, name: "cairn-disk")
        } catch {
            throw .threads(error)
        }
    }

    private static func identity(
        _ configuration: ServerConfiguration
    ) throws(ServerFailure) -> TLSIdentity? {
        guard let certificate = configuration.certificatePath,
            let key = configuration.certificateKeyPath
        else { return nil }
        do throws(TLSIdentityError) {
            return try TLSIdentity(certificatePath: certificate, keyPath: key)
        } catch {
            throw .identity(error)
        }
    }

    /// Where it serves, with the real port.
    package var address: SocketAddress { server.address }

    /// Whether it serves TLS.
    package var isSecure: Bool { configuration.certificatePath != nil }

    /// Reads tokens and certificate again. When it throws, what could not be read is as it was.
    package func reload() throws(ServerFailure) {
        do throws(ConfigurationError) {
            try operations.access.reload()
        } catch {
            throw .configuration(error)
        }
        if let identity = try Self.identity(configuration) { server.reload(tls: identity) }
    }

    /// Accepts nobody any more, lets what is under way end for so long, makes everything durable and closes
    /// the store. Throws when what was acknowledged without being synced may be lost.
    package func stop(within duration: Duration) throws(StoreError) {
        server.stop(within: duration)
        context.jobs.end()
        threads.stop()
        try store.close()
    }
}
