// BellTests — a bell wakes its loop once for all rings, and loses none.
//
// Real threads, without sleeps: a lost ring shows as a test that never ends. How often the kernel was
// told is read from its own account of the descriptor.

import CairnSystem
import Synchronization
import Testing

@Suite("Bell") struct BellTests {
    private func eventCount(_ poller: borrowing Poller, timeout: Duration? = .zero) -> Int {
        var events = PollEvents(capacity: 4)
        poller.wait(into: &events, timeout: timeout)
        return events.count
    }

    /// How many writes the kernel has seen since the last drain.
    private func writeCount(_ bell: Bell) throws -> Int? {
        let directory = try #require(try DirectoryHandle.open(path: "/proc/self/fdinfo"))
        guard let file = try directory.open("\(bell.rawValue)", writable: false)?.release() else {
            return nil
        }
        let text = String(decoding: try contents(ofStream: file), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("eventfd-count:") }
        return line?.split(separator: " ").last.flatMap { Int($0, radix: 16) }
    }

    @Test("a ring is kept until it is drained")
    func kept() throws {
        let poller = try Poller()
        let bell = try Bell()
        try poller.add(bell.rawValue, .read, token: 1)
        #expect(eventCount(poller) == 0)
        bell.ring()
        for _ in 0..<2 { #expect(eventCount(poller) == 1) }
        bell.drain()
        #expect(eventCount(poller) == 0)
        bell.drain()
        bell.ring()
        #expect(eventCount(poller) == 1)
    }

    @Test("many rings cost one wake-up and tell the kernel once")
    func once() throws {
        let poller = try Poller()
        let bell = try Bell()
        try poller.add(bell.rawValue, .read, token: 1)
        for _ in 0..<2 {
            for _ in 0..<1_000 { bell.ring() }
            #expect(try writeCount(bell) == 1)
            #expect(eventCount(poller) == 1)
            bell.drain()
            #expect(try writeCount(bell) == 0)
            #expect(eventCount(poller) == 0)
        }
    }

    @Test("what was left before a ring is found after the drain, however rings and drains race")
    func noRingIsLost() throws {
        let poller = try Poller()
        let bell = try Bell()
        try poller.add(bell.rawValue, .read, token: 1)
        let left = Atomic(0)
        let (threadCount, ringCount) = (3, 30_000)
        let threads = try (0..<threadCount).map { index in
            try ServiceThread.start(name: "ringer \(index)") {
                for _ in 0..<ringCount {
                    // Nothing but the bell orders this with the loop.
                    left.add(1, ordering: .relaxed)
                    bell.ring()
                }
            }
        }
        var taken = 0
        while taken < threadCount * ringCount {
            #expect(eventCount(poller, timeout: nil) == 1)
            bell.drain()
            taken += left.exchange(0, ordering: .relaxed)
        }
        for thread in threads { thread.join() }
        #expect(taken == threadCount * ringCount)
    }

    @Test("two loops that wake each other never miss a turn")
    func pingPong() throws {
        let bells = (try Bell(), try Bell())
        let roundCount = 5_000
        let thread = try ServiceThread.start(name: "pong") {
            guard let poller = try? Poller() else { return }
            try? poller.add(bells.0.rawValue, .read, token: 1)
            var events = PollEvents(capacity: 1)
            for _ in 0..<roundCount {
                poller.wait(into: &events)
                bells.0.drain()
                bells.1.ring()
            }
        }
        let poller = try Poller()
        try poller.add(bells.1.rawValue, .read, token: 1)
        for _ in 0..<roundCount {
            bells.0.ring()
            #expect(eventCount(poller, timeout: nil) == 1)
            bells.1.drain()
        }
        thread.join()
    }
}
