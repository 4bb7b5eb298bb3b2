// TaskThreadsTests — tasks run once, beside each other and in their order, and all of them before the end.

import CairnSystem
import Synchronization
import Testing

@Suite("Task threads") struct TaskThreadsTests {
    @Test("every task runs once, whoever submits it", arguments: [1, 3])
    func all(threadCount: Int) throws {
        let threads = try TaskThreads(count: threadCount, name: "test-tasks")
        let counts = Guarded([Int](repeating: 0, count: 1000))
        let submitter = try ServiceThread.start(name: "test-submits") {
            for number in 0..<500 { threads.submit { counts.withLock { $0[number] += 1 } } }
        }
        for number in 500..<1000 {
            threads.submit {
                // A task may submit others.
                threads.submit { counts.withLock { $0[number] += 1 } }
            }
        }
        submitter.join()
        while counts.withLock({ $0.contains(0) }) { yieldProcessor() }
        threads.stop()
        #expect(counts.withLock { $0 } == [Int](repeating: 1, count: 1000))
    }

    @Test("one thread runs tasks in their order")
    func order() throws {
        let threads = try TaskThreads(count: 1, name: "test-tasks")
        let order = Guarded<[Int]>([])
        for number in 0..<300 { threads.submit { order.withLock { $0.append(number) } } }
        threads.stop()
        #expect(order.withLock { $0 } == Array(0..<300))
    }

    @Test("a task that blocks leaves the other threads to others")
    func beside() throws {
        let threads = try TaskThreads(count: 2, name: "test-tasks")
        let (gate, done) = (Parker(), Parker())
        threads.submit { gate.park() }
        threads.submit { done.unpark() }
        done.park()
        gate.unpark()
        threads.stop()
    }

    @Test("the end waits for what was submitted, and counts what waits")
    func stop() throws {
        let threads = try TaskThreads(count: 1, name: "test-tasks")
        let (gate, begun) = (Parker(), Parker())
        let count = Atomic<Int>(0)
        threads.submit {
            begun.unpark()
            gate.park()
        }
        begun.park()
        for _ in 0..<100 { threads.submit { count.add(1, ordering: .relaxed) } }
        #expect(threads.waitingCount == 100)
        gate.unpark()
        threads.stop()
        #expect(count.load(ordering: .relaxed) == 100)
    }
}
