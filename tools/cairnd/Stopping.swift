// Stopping — the end of a server, on a thread of its own.
//
// Made by the main thread, run by the other, looked at by the main thread behind the bell.

internal import Cairn
internal import CairnServer
internal import CairnSystem

/// What the thread that stops a server leaves.
// Sendable: the server is touched by the thread that stops it alone; the result has a lock.
final class Stopping: @unchecked Sendable {
    private let server: RunningServer
    private let result = Guarded<StoreError?>(nil)

    init(_ server: RunningServer) { self.server = server }

    /// Why what was acknowledged without a sync may be lost.
    var failure: StoreError? { result.withLock { $0 } }

    func run(within duration: Duration) {
        do throws(StoreError) {
            try server.stop(within: duration)
        } catch {
            result.withLock { $0 = error }
        }
    }
}
