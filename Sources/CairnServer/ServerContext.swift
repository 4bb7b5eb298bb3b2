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
    let requestIDs = RequestIDs()
    /// Told what the operator should know.
    let report: @Sendable (String) -> Void
    private let uploadByteCount = Atomic<Int>(0)
    private let uploadByteCountMaximum: Int

    /// - Parameters:
    ///   - threads: Run whatever waits for the disk; the caller stops them when the server has stopped.
    ///   - uploadByteCountMaximum: Bytes of bodies in memory, on their way into the store.
    package init(
        store: Store, threads: TaskThreads, uploadByteCountMaximum: Int = 256 << 20,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.threads = threads
        self.uploadByteCountMaximum = uploadByteCountMaximum
        self.report = report
    }

    var engine: Engine<SystemStorage> { store.engine }

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
            try engine.checkTakesPuts()
            return nil
        } catch {
            return problem(error)
        }
    }

    /// A problem for the client; what is the server's fault is reported, with the message that the
    /// client does not see.
    func problem(_ error: StoreError) -> Problem {
        var problem = Problem(error)
        guard problem.isServersFault else { return problem }
        let request = requestIDs.next()
        report("request \(request): \(error)")
        problem.request = request
        return problem
    }
}
