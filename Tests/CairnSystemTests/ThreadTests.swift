// ThreadTests — the promises of locks, parkers, threads and values per thread.
//
// Real threads, without sleeps: what must wait waits for a token. A lost wake-up shows as a test
// that never ends.
// Why this is sound: the one pointer call asks for a signal mask into a structure of our own.

import CairnSystem
import CairnTestSupport
import Glibc
import Synchronization
import Testing

@Suite("Adaptive lock") struct AdaptiveLockTests {
    @Test("no increment is lost under contention")
    func contention() throws {
        let counter = Guarded(0)
        let threads = try (0..<6).map { index in
            try ServiceThread.start(name: "counter \(index)") {
                for _ in 0..<30_000 { counter.withLock { $0 += 1 } }
            }
        }
        for thread in threads { thread.join() }
        #expect(counter.withLock { $0 } == 180_000)
    }

    @Test("an error gives the lock back")
    func throwing() {
        let lock = AdaptiveLock()
        #expect(throws: Errno(code: 5)) {
            try lock.withLock { () throws(Errno) in throw Errno(code: 5) }
        }
        #expect(lock.tryLock())
        lock.unlock()
    }

    @Test("a held lock is not taken")
    func tryLock() throws {
        let lock = AdaptiveLock()
        lock.lock()
        let taken = Guarded(true)
        try ServiceThread.start(name: "try") {
            let result = lock.tryLock()
            taken.withLock { $0 = result }
        }.join()
        #expect(!taken.withLock { $0 })
        lock.unlock()
        #expect(lock.tryLock())
        lock.unlock()
    }
}

@Suite("Parker") struct ParkerTests {
    @Test("a token given ahead of time is kept, but only one")
    func token() {
        let parker = Parker()
        #expect(!parker.tryPark())
        parker.unpark()
        parker.unpark()
        parker.park()
        #expect(!parker.tryPark())
        parker.unpark()
        #expect(parker.park(nanoseconds: .max))
        #expect(!parker.park(nanoseconds: 0))
    }

    @Test("a timed wait without a token lasts its time")
    func timeout() {
        let parker = Parker()
        let start = Clock.monotonicNanoseconds()
        #expect(!parker.park(nanoseconds: 2_000_000))
        #expect(Clock.monotonicNanoseconds() - start >= 2_000_000)
    }

    @Test("no wake-up is lost between two threads that wait for each other")
    func pingPong() throws {
        let ping = Parker()
        let pong = Parker()
        let roundCount = 20_000
        let thread = try ServiceThread.start(name: "pong") {
            for _ in 0..<roundCount {
                ping.park()
                pong.unpark()
            }
        }
        for _ in 0..<roundCount {
            ping.unpark()
            pong.park()
        }
        thread.join()
    }

    @Test("a wake-up that races with the deadline is kept for the next wait")
    func deadlineRace() throws {
        let parker = Parker()
        let answer = Parker()
        let roundCount = 20_000
        var random = TestRandom.reported("parker deadline race")
        let seed = random.next()
        let thread = try ServiceThread.start(name: "waiter") {
            var random = TestRandom(seed: seed)
            for _ in 0..<roundCount {
                // So short that most waits end between the deadline and the token.
                while !parker.park(nanoseconds: random.below(UInt64(400))) {}
                answer.unpark()
            }
        }
        for _ in 0..<roundCount {
            for _ in 0..<random.below(50) { relaxProcessor() }
            parker.unpark()
            answer.park()
        }
        thread.join()
        #expect(!parker.tryPark())
    }

    @Test("what was written before the wake-up is seen after it")
    func visibility() throws {
        // Each side touches `value` only while it has the token, without any other ordering.
        final class Box: @unchecked Sendable { var value = 0 }
        let box = Box()
        let there = Parker()
        let back = Parker()
        let thread = try ServiceThread.start(name: "adder") {
            for _ in 0..<5_000 {
                there.park()
                box.value += 1
                back.unpark()
            }
        }
        for round in 0..<5_000 {
            box.value += 1
            there.unpark()
            back.park()
            #expect(box.value == 2 * (round + 1))
        }
        thread.join()
    }
}

@Suite("Service thread") struct ServiceThreadTests {
    @Test("joining waits for the body, for every joiner")
    func join() throws {
        let start = Parker()
        let isDone = Atomic(false)
        let thread = try ServiceThread.start(name: "body") {
            start.park()
            isDone.store(true, ordering: .relaxed)
        }
        let sawDone = Atomic(0)
        let joiners = try (0..<3).map { index in
            try ServiceThread.start(name: "joiner \(index)") {
                thread.join()
                if isDone.load(ordering: .relaxed) { sawDone.add(1, ordering: .relaxed) }
            }
        }
        start.unpark()
        for joiner in joiners { joiner.join() }
        thread.join()
        #expect(sawDone.load(ordering: .relaxed) == 3)
    }

    @Test("the kernel knows the thread by the start of its name")
    func name() throws {
        let seen = Guarded("")
        try ServiceThread.start(name: "compactor of the store") {
            let file = unsafe open("/proc/thread-self/comm", O_RDONLY | O_CLOEXEC)
            let name = (try? contents(ofStream: file)) ?? []
            seen.withLock { $0 = String(decoding: name, as: UTF8.self) }
        }.join()
        #expect(seen.withLock { $0 } == "compactor of th\n")
    }

    @Test("signals for the program do not go to it, faults of its own do")
    func signals() throws {
        let blocked = Guarded<[Int32: Bool]>([:])
        try ServiceThread.start(name: "signals") {
            var mask = sigset_t()
            unsafe pthread_sigmask(SIG_SETMASK, nil, &mask)
            for signal in [SIGTERM, SIGINT, SIGBUS, SIGSEGV] {
                let isBlocked = unsafe sigismember(&mask, signal) == 1
                blocked.withLock { $0[signal] = isBlocked }
            }
        }.join()
        #expect(
            blocked.withLock { $0 }
                == [SIGTERM: true, SIGINT: true, SIGBUS: false, SIGSEGV: false])
    }
}

@Suite("Thread local") struct ThreadLocalTests {
    /// Counts the living.
    private final class Counted: Sendable {
        let living: Guarded<Int>
        init(_ living: Guarded<Int>) {
            self.living = living
            living.withLock { $0 += 1 }
        }
        deinit { living.withLock { $0 -= 1 } }
    }

    private final class Number {
        var value = 0
    }

    @Test("each thread has one value of its own")
    func own() throws {
        let made = Guarded(0)
        let local = ThreadLocal {
            made.withLock { $0 += 1 }
            return Number()
        }
        let sums = Guarded<[Int]>([])
        let threads = try (0..<4).map { index in
            try ServiceThread.start(name: "own \(index)") {
                for _ in 0..<1_000 { local.value.value += index }
                let sum = local.value.value
                sums.withLock { $0.append(sum) }
            }
        }
        for thread in threads { thread.join() }
        #expect(sums.withLock { $0.sorted() } == [0, 1_000, 2_000, 3_000])
        #expect(made.withLock { $0 } == 4)
    }

    @Test("a value goes when its thread ends")
    func threadEnd() throws {
        let living = Guarded(0)
        let local = ThreadLocal { Counted(living) }
        for _ in 0..<10 {
            try ServiceThread.start(name: "ending") {
                #expect(local.value === local.value)
            }.join()
            #expect(living.withLock { $0 } == 0)
        }
    }

    @Test("this thread's value goes with the thread local, the place to another one's")
    func reuse() throws {
        let living = Guarded(0)
        try ServiceThread.start(name: "reuse") {
            for _ in 0..<100 {
                let counted = ThreadLocal { Counted(living) }
                _ = counted.value
                #expect(living.withLock { $0 } == 1)
            }
            #expect(living.withLock { $0 } == 0)
            for round in 0..<100 {
                let number = ThreadLocal { Number() }
                #expect(number.value.value == 0)
                number.value.value = round
                #expect(number.value.value == round)
            }
        }.join()
    }

    @Test("a value made by another thread for an earlier owner of the place is never seen")
    func staleValue() throws {
        let living = Guarded(0)
        let go = Parker()
        let ready = Parker()
        let second = Guarded<ThreadLocal<Number>?>(nil)
        let first = Guarded<ThreadLocal<Counted>?>(ThreadLocal { Counted(living) })
        let thread = try ServiceThread.start(name: "stale") {
            _ = first.withLock { $0 }?.value
            ready.unpark()
            go.park()
            #expect(second.withLock { $0 }?.value.value == 0)
        }
        ready.park()
        first.withLock { $0 = nil }
        let locals = (0..<20).map { _ in ThreadLocal { Number() } }
        for local in locals { local.value.value = 7 }
        second.withLock { $0 = locals[0] }
        go.unpark()
        thread.join()
        #expect(living.withLock { $0 } == 0)
    }

    @Test("a value may ask for another while it is made and while it goes")
    func nested() throws {
        let living = Guarded(0)
        let inner = ThreadLocal { Counted(living) }
        final class Outer {
            let inner: ThreadLocal<Counted>
            init(_ inner: ThreadLocal<Counted>) {
                self.inner = inner
                _ = inner.value
            }
            deinit { _ = inner.value }
        }
        let outer = ThreadLocal { Outer(inner) }
        try ServiceThread.start(name: "nested") { _ = outer.value }.join()
        #expect(living.withLock { $0 } == 0)
    }

    @Test("living threads have different slots, and slots of ended ones are used again")
    func slots() throws {
        let slots = Guarded<[Int]>([])
        let gates = (0..<8).map { _ in Parker() }
        let arrived = Parker()
        let threads = try gates.map { gate in
            try ServiceThread.start(name: "slot") {
                let slot = threadSlot()
                let count = slots.withLock {
                    $0.append(slot)
                    return $0.count
                }
                if count == 8 { arrived.unpark() }
                gate.park()
                #expect(threadSlot() == slot)
            }
        }
        arrived.park()
        #expect(Set(slots.withLock { $0 }).count == 8)
        for gate in gates { gate.unpark() }
        for thread in threads { thread.join() }
        for _ in 0..<300 {
            try ServiceThread.start(name: "slot") {
                let slot = threadSlot()
                slots.withLock { $0.append(slot) }
            }.join()
        }
        #expect(slots.withLock { $0.max() ?? 0 } < 250)
    }
}
