// KernelThread — whether another thread of this process sleeps, as the kernel tells it.
//
// For tests that want one thread to be stopped by a lock that the caller holds: nothing else tells that
// it has come so far. The thread should have nothing else to sleep for; locks of the language's runtime,
// which other tests may hold for a moment, are why one look is not enough. Any thread.

package import CairnSystem

/// A thread of this process, by its name.
package enum KernelThread {
    /// How many looks in a row must find the thread asleep.
    private static let lookCount = 20

    /// Waits until the thread sleeps and goes on sleeping, or `isOver`. False when it was over.
    package static func waitUntilAsleep(
        named name: String, unless isOver: () -> Bool
    ) throws(FileError) -> Bool {
        var count = 0
        while count < lookCount {
            if isOver() { return false }
            count = try isAsleep(named: name) ? count + 1 : 0
            yieldProcessor()
        }
        return true
    }

    /// Whether there is a thread of this name, and it sleeps; corresponds to /proc/self/task.
    private static func isAsleep(named name: String) throws(FileError) -> Bool {
        guard let tasks = try DirectoryHandle.open(path: "/proc/self/task") else { return false }
        for task in try tasks.names() {
            guard let text = try? status(of: task, in: tasks) else { continue }
            if text.contains("(\(name)) S ") { return true }
        }
        return false
    }

    /// Nil when the thread has ended meanwhile.
    private static func status(
        of task: String, in tasks: DirectoryHandle
    ) throws -> String? {
        guard let directory = try tasks.directory(task),
            let file = try directory.open("stat", writable: false)
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: 512)
        var span = bytes.mutableRawSpan
        let count = try SystemCall.read(file.rawValue, into: &span, at: 0)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
