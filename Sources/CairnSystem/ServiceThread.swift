// ServiceThread — a named thread of our own, for work that blocks.
//
// Blocking file work never runs on the cooperative pool. The thread takes no signals but its own
// faults. `join` waits for the end of the body and may be called by several threads, which all
// return after it; the lock is held across that wait. A thread that is never joined is detached
// when the object goes.
// Why this is sound: the body travels to the thread as one retained box, which the thread releases;
// the thread's number is used only until it is joined or detached, which the lock makes happen once.

internal import CLinux
internal import Glibc

// Sendable: `thread` never changes, `isJoined` is touched under `lock` or by the last reference.
/// A running thread.
package final class ServiceThread: @unchecked Sendable {
    private let lock = AdaptiveLock()
    private var thread = pthread_t()
    private var isJoined = false

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private init(name: String, body: @escaping @Sendable () -> Void) throws(FileError) {
        let box = unsafe Unmanaged.passRetained(Body(body))
        let result = unsafe cairn_thread_start(
            &thread, name,
            { context in
                guard let context = unsafe context else { return }
                unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
            }, box.toOpaque())
        if result < 0 {
            unsafe box.release()
            isJoined = true
            throw FileError(.startThread, path: name, code: -result)
        }
    }

    deinit { if !isJoined { _ = cairn_thread_detach(thread) } }

    /// Starts a thread. The kernel shows the first fifteen bytes of the name.
    package static func start(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(FileError) -> ServiceThread {
        try ServiceThread(name: name, body: body)
    }

    /// Whether this thread is the caller's own.
    package var isCurrent: Bool { pthread_equal(pthread_self(), thread) != 0 }

    /// Waits until the body has returned. Never from the thread itself.
    package func join() {
        lock.withLock {
            if isJoined { return }
            let code = cairn_thread_join(thread)
            precondition(code == 0, "a thread does not join itself")
            isJoined = true
        }
    }
}
