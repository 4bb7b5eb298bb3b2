// RunningServer — a store that is served: from the first connection to the seal of the log.
//
// The address is taken before the store is touched; while the store is opened, the server says so. `stop` lets
// what is under way end, then makes everything durable. One thread starts it and stops it.

package import Cairn
package import CairnHTTP
package import CairnSystem

/// Why a server did not start.
package enum ServerFailure: Error, CustomStringConvertible {
    /// The address cannot be had.
    case socket(SocketError)
    /// The store cannot be opened.
    case store(StoreError)
    /// There are no threads left.
    case threads(FileError)

    /// For the operator.
    package var description: String {
        switch self {
        case .socket(let error): "\(error)"
        case .store(let error): "\(error)"
        case .threads(let error): "\(error)"
        }
    }
}

/// What a server is started with.
package struct ServerSettings: Sendable {
    /// The directory of the store.
    package var directory: String
    /// Where it serves; port 0 picks one that is free.
    package var address: SocketAddress
    package var store = StoreOptions()
    package var limits = ServerLimits()
    /// Threads with connections.
    package var loopCount = ResourceLimits.processorCount
    /// Threads that wait for the disk.
    package var diskThreadCount = 8
    /// Bytes of long bodies that are in memory, on their way into the store.
    package var uploadByteCountMaximum = 256 << 20

    /// The defaults for a directory and an address.
    package init(directory: String, address: SocketAddress) {
        self.directory = directory
        self.address = address
    }
}

/// A server with its store.
package final class RunningServer {
    private let threads: TaskThreads
    private let server: HTTPServer
    /// What is served.
    package let store: Store

    /// Returns when blobs are served. `report` is told what the operator should know, from any thread.
    package init(
        _ settings: ServerSettings, report: @escaping @Sendable (String) -> Void
    ) throws(ServerFailure) {
        let handler = StartingHandler()
        do throws(FileError) {
            threads = try TaskThreads(count: settings.diskThreadCount, name: "cairn-disk")
        } catch {
            throw .threads(error)
        }
        do throws(SocketError) {
            server = try HTTPServer(
                on: settings.address, limits: settings.limits, loopCount: settings.loopCount,
                handler)
        } catch {
            threads.stop()
            throw .socket(error)
        }
        var options = settings.store
        options.progress = { handler.note($0) }
        do throws(StoreError) {
            store = try Store.open(at: settings.directory, options: options)
        } catch {
            server.stop(within: .zero)
            threads.stop()
            throw .store(error)
        }
        let context = ServerContext(
            store: store, threads: threads,
            uploadByteCountMaximum: settings.uploadByteCountMaximum, report: report)
        handler.handOver(to: StoreHandler(context))
    }

    /// Where it serves, with the real port.
    package var address: SocketAddress { server.address }

    /// Accepts nobody any more, lets what is under way end for so long, makes everything durable and closes
    /// the store. Throws when what was acknowledged without being synced may be lost.
    package func stop(within duration: Duration) throws(StoreError) {
        server.stop(within: duration)
        threads.stop()
        try store.close()
    }
}
