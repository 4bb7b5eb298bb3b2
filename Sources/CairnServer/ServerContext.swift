// ServerContext — what all requests of a server share: the store, threads for what blocks, limits.
//
// Lives as long as the server; any thread.

package import Cairn
package import CairnSystem
internal import Synchronization

/// The surroundings of a request.
package final class ServerContext: Sendable {
    package let store: Store
    let threads: TaskThreads
    let operations: ServerOperations
    let jobs = AdminJobs()
    let pieceBuffers = BufferPool(byteCount: BlobUpload.bufferByteCount, keptCountMaximum: 32)
    let bodyBuffers = BufferPool(byteCount: GatheredBody.byteCountMaximum, keptCountMaximum: 16)
    let servesDialects: Bool
    /// Of a write that does not say it.
    let durability: Durability
    let blobByteCountMaximum: UInt64
    let formByteCountMaximum: Int
    /// Connections now.
    let connectionCount: @Sendable () -> Int
    let loopCount: Int
    private let uploadByteCount = Atomic<Int>(0)
    private let uploadByteCountMaximum: Int

    /// - Parameters:
    ///   - threads: Run whatever waits for the disk; the caller stops them when the server has stopped.
    ///   - connectionCount: How many connections there are.
    package init(
        store: Store, threads: TaskThreads, _ operations: ServerOperations,
        _ configuration: ServerConfiguration, connectionCount: @escaping @Sendable () -> Int
    ) {
        self.store = store
        self.threads = threads
        self.operations = operations
        self.connectionCount = connectionCount
        servesDialects = configuration.servesDialects
        durability = store.options.durability
        blobByteCountMaximum = store.options.blobByteCountMaximum
        formByteCountMaximum = configuration.formByteCountMaximum
        loopCount = configuration.loopCountOnThisMachine
        uploadByteCountMaximum = configuration.uploadByteCountMaximum
    }

    /// Whether so much waits for the disk that more of it would only wait as well.
    var isCrowded: Bool { threads.waitingCount > Self.waitingCountMaximum }
    private static var waitingCountMaximum: Int { 1024 }

    /// Takes room for a body on its way; false when there is none. Given back by `releaseUpload`.
    func reserveUpload(_ byteCount: Int) -> Bool {
        let all = uploadByteCount.add(byteCount, ordering: .relaxed).newValue
        if all <= uploadByteCountMaximum { return true }
        releaseUpload(byteCount)
        return false
    }

    func releaseUpload(_ byteCount: Int) {
        uploadByteCount.subtract(byteCount, ordering: .relaxed)
    }

    /// Why no blob can be put now; nil: one can.
    func refusalOfPuts() -> Problem? {
        do throws(StoreError) {
            try store.checkTakesPuts()
            return nil
        } catch {
            return problem(error)
        }
    }

    /// A problem for the client; what is the server's fault is logged, with the message that the client
    /// does not see.
    func problem(_ error: StoreError) -> Problem {
        var problem = Problem(error)
        guard problem.isServersFault else { return problem }
        let request = operations.requestIDs.next()
        operations.log.error(
            "a request failed", [.text("id", "\(request)"), .text("error", "\(error)")])
        problem.request = request
        return problem
    }
}
