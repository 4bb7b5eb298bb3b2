// TaskThreads — a few threads for what blocks, so that others need not.
//
// Tasks begin in the order in which they were submitted; each runs to its end on one thread. Memory: a
// task that waits is a closure; who submits sees to it that there are not too many. `stop` runs what was
// submitted and ends the threads; nothing is submitted afterwards. Any thread, `stop` not from a task.

/// Threads that run tasks.
package final class TaskThreads: Sendable {
    fileprivate struct State {
        /// Nil: it has begun, and belongs to its thread alone.
        var tasks: [(@Sendable () -> Void)?] = []
        /// Of those that have begun, in front of the others.
        var begunCount = 0
        var idle: [Parker] = []
        var isStopping = false
    }

    private let state: Shared
    private let threads: [ServiceThread]

    private final class Shared: Sendable {
        let value = Guarded(State())
    }

    /// Starts so many threads.
    package init(count: Int, name: String) throws(FileError) {
        precondition(count > 0, "tasks need a thread")
        let state = Shared()
        var threads: [ServiceThread] = []
        do throws(FileError) {
            for _ in 0..<count {
                threads.append(try ServiceThread.start(name: name) { Self.run(state) })
            }
        } catch {
            Self.end(state, threads)
            throw error
        }
        (self.state, self.threads) = (state, threads)
    }

    /// Runs `task` as soon as a thread is free; returns at once.
    package func submit(_ task: @escaping @Sendable () -> Void) {
        let sleeper = state.value.withLock { state in
            precondition(!state.isStopping, "nothing is submitted to threads that stop")
            state.tasks.append(task)
            return state.idle.popLast()
        }
        sleeper?.unpark()
    }

    /// How many tasks wait for a thread.
    package var waitingCount: Int { state.value.withLock { $0.tasks.count - $0.begunCount } }

    /// Runs what was submitted, and ends the threads.
    package func stop() { Self.end(state, threads) }

    private static func end(_ state: Shared, _ threads: [ServiceThread]) {
        let sleepers = state.value.withLock { state in
            state.isStopping = true
            defer { state.idle = [] }
            return state.idle
        }
        for sleeper in sleepers { sleeper.unpark() }
        for thread in threads { thread.join() }
    }

    private static func run(_ shared: Shared) {
        let parker = Parker()
        while true {
            let (task, isOver) = shared.value.withLock { state in state.next(parker) }
            if let task {
                task()
            } else if isOver {
                return
            } else {
                parker.park()
            }
        }
    }
}

extension TaskThreads.State {
    /// The next task, or whether there will be none; neither: the thread is to sleep.
    fileprivate mutating func next(
        _ parker: Parker
    ) -> (task: (@Sendable () -> Void)?, isOver: Bool) {
        guard begunCount < tasks.count else {
            tasks.removeAll(keepingCapacity: true)
            begunCount = 0
            if !isStopping { idle.append(parker) }
            return (nil, isStopping)
        }
        let task = tasks[begunCount]
        tasks[begunCount] = nil
        defer {
            begunCount += 1
            if begunCount >= 64, begunCount * 2 >= tasks.count {
                tasks.removeFirst(begunCount)
                begunCount = 0
            }
        }
        return (task, false)
    }
}
