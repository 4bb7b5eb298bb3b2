// ReadersTests — nothing is freed under a reader, and everything is freed in the end.

import Cairn
import CairnSystem
import Synchronization
import Testing

@Suite("Readers") struct ReadersTests {
    /// Counts what was freed.
    private final class Freed: Sendable {
        let count = Atomic<Int>(0)
        var value: Int { count.load(ordering: .acquiring) }
        func add() { count.add(1, ordering: .acquiringAndReleasing) }
    }

    @Test("with nobody inside, a retired thing is freed at once")
    func atOnce() {
        let readers = Readers()
        let freed = Freed()
        readers.retire { freed.add() }
        #expect(freed.value == 1)
        readers.leave(readers.enter())
        readers.retire { freed.add() }
        #expect(freed.value == 2)
    }

    @Test("a retired thing waits for a reader who entered before", arguments: 0...1)
    func waits(parity: Int) {
        let readers = Readers()
        let freed = Freed()
        let token = readers.enter(parity: parity)
        readers.retire { freed.add() }
        for _ in 0..<10 { readers.reclaim() }
        #expect(freed.value == 0)
        #expect(readers.pendingCount == 1)
        readers.leave(token)
        readers.reclaim()
        #expect(freed.value == 1)
        #expect(readers.pendingCount == 0)
    }

    @Test("readers who follow each other without a gap do not hold a retired thing for ever")
    func progress() {
        let readers = Readers()
        let freed = Freed()
        var token = readers.enter()
        for round in 1...100 {
            readers.retire { freed.add() }
            for _ in 0..<2 {
                let next = readers.enter()
                readers.leave(token)
                token = next
                readers.reclaim()
            }
            #expect(freed.value >= round - 1)
        }
        readers.leave(token)
    }

    @Test("a reader who loaded the parity long ago is waited for")
    func straggler() {
        let readers = Readers()
        let freed = Freed()
        let first = readers.enter(parity: 0)
        readers.retire { freed.add() }
        // By now new readers are sent to parity 1; this one has loaded parity 0 before.
        let straggler = readers.enter(parity: 0)
        readers.leave(first)
        readers.retire { freed.add() }
        for _ in 0..<10 { readers.reclaim() }
        #expect(freed.value == 0)
        readers.leave(straggler)
        readers.reclaim()
        #expect(freed.value == 2)
    }

    @Test("what is retired while a batch waits belongs to the next one")
    func nextBatch() {
        let readers = Readers()
        let freed = Freed()
        let old = readers.enter()
        readers.retire { freed.add() }
        let new = readers.enter()
        readers.retire { freed.add() }
        readers.leave(old)
        readers.reclaim()
        #expect(freed.value == 1)
        readers.leave(new)
        readers.reclaim()
        #expect(freed.value == 2)
    }

    @Test("freeing may retire in its turn")
    func nested() {
        let readers = Readers()
        let freed = Freed()
        let token = readers.enter()
        readers.retire { readers.retire { freed.add() } }
        readers.leave(token)
        readers.reclaim()
        #expect(freed.value == 1)
    }

    @Test("the end of the readers frees what still waits")
    func end() {
        let freed = Freed()
        do {
            let readers = Readers()
            _ = readers.enter()
            readers.retire { freed.add() }
        }
        #expect(freed.value == 1)
    }

    @Test("synchronize returns after the readers inside have left, and not before")
    func synchronize() throws {
        let readers = Readers()
        let (freed, returned) = (Freed(), Freed())
        let token = readers.enter()
        readers.retire { freed.add() }
        let thread = try ServiceThread.start(name: "synchronize") {
            readers.synchronize()
            returned.add()
        }
        for _ in 0..<2000 {
            yieldProcessor()
            #expect(returned.value == 0 && freed.value == 0)
        }
        readers.leave(token)
        thread.join()
        #expect(returned.value == 1 && freed.value == 1)
    }
}

/// Things by number: one is published, those retired are marked dead.
private final class Exchange: Sendable {
    let readers = Readers()
    let published = Atomic<Int>(0)
    let generations = (0..<64).map { _ in Generation() }
    let isStopped = Atomic<Bool>(false)
    let deadCount = Atomic<Int>(0)
    let seenCount = Atomic<Int>(0)

    final class Generation: Sendable {
        let isAlive = Atomic<Bool>(true)
    }

    /// One reader's section: what is published on entry must stay alive in it.
    func read() {
        let token = readers.enter()
        let number = published.load(ordering: .sequentiallyConsistent)
        for _ in 0..<20 where !generations[number % 64].isAlive.load(ordering: .acquiring) {
            deadCount.add(1, ordering: .relaxed)
        }
        readers.leave(token)
        seenCount.add(1, ordering: .relaxed)
    }

    /// Publishes the next generation and retires the present one; its place is used again later,
    /// once it is dead.
    func publish(_ number: Int) {
        let next = generations[number % 64]
        next.isAlive.store(true, ordering: .releasing)
        let old = published.exchange(number, ordering: .releasing)
        readers.retire { [generations] in
            generations[old % 64].isAlive.store(false, ordering: .releasing)
        }
    }
}

@Suite("Readers under threads") struct ReadersThreadTests {
    @Test("no reader ever holds a thing that was freed", .timeLimit(.minutes(2)))
    func neverFreedUnderAReader() throws {
        let exchange = Exchange()
        let threads = try (0..<3).map { number in
            try ServiceThread.start(name: "reader \(number)") {
                while !exchange.isStopped.load(ordering: .relaxed) { exchange.read() }
            }
        }
        var number = 0
        while number < 2000 || exchange.seenCount.load(ordering: .relaxed) < 5000 {
            number += 1
            while exchange.readers.pendingCount > 32 {
                exchange.readers.reclaim()
                yieldProcessor()
            }
            exchange.publish(number)
        }
        exchange.isStopped.store(true, ordering: .relaxed)
        for thread in threads { thread.join() }
        exchange.readers.synchronize()
        #expect(exchange.deadCount.load(ordering: .relaxed) == 0)
        #expect(exchange.readers.pendingCount == 0)
        let aliveCount = exchange.generations.count { $0.isAlive.load(ordering: .acquiring) }
        #expect(aliveCount <= 64 && aliveCount >= 1)
    }
}
