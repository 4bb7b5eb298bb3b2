// PollerTests — what a poller tells of whom, when, and for how long.
//
// Over loopback connections and bells. That nothing is told is asked only after the kernel has what
// could be told; a wake-up that never comes shows as a test that never ends.
// Why this is sound: signals are set through structures of the function's own.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Poller") struct PollerTests {
    /// All that there is to tell now.
    private func now(_ poller: borrowing Poller, capacity: Int = 16) -> [PollEvent] {
        told(poller, capacity: capacity, timeout: .zero)
    }

    /// What there is to tell as soon as there is something.
    private func next(_ poller: borrowing Poller) -> [PollEvent] {
        told(poller, capacity: 16, timeout: nil)
    }

    private func told(
        _ poller: borrowing Poller, capacity: Int, timeout: Duration?
    ) -> [PollEvent] {
        var events = PollEvents(capacity: capacity)
        poller.wait(into: &events, timeout: timeout)
        return (0..<events.count).map { events[$0] }
    }

    @Test("each descriptor is told of by its own token, whatever the number")
    func tokens() throws {
        let poller = try Poller()
        let tokens: [UInt64] = [0, 1, .max, 0x0123_4567_89ab_cdef, 1 << 63, 1 << 32, 0xffff_ffff]
        let bells = try tokens.map { _ in try Bell() }
        for (bell, token) in zip(bells, tokens) {
            try poller.add(bell.rawValue, .read, token: token)
            bell.ring()
        }
        // A bell that nobody needs any more is gone, and with it what it has to tell.
        let events = withExtendedLifetime(bells) { now(poller) }
        #expect(events.map(\.token).sorted() == tokens.sorted())
        #expect(events.allSatisfy { $0.isReadable && !$0.isWritable && !$0.isHungUp })
    }

    @Test("an event says what it is about")
    func kinds() throws {
        let poller = try Poller()
        let bell = try Bell()
        let connection = try Connection()
        try poller.add(bell.rawValue, PollInterest(reads: true, writes: true), token: 1)
        try poller.add(connection.server.rawValue, .write, token: 2)
        let events = withExtendedLifetime(bell) { now(poller) }
        #expect(events.map(\.token).sorted() == [1, 2])
        for event in events {
            #expect(event.isWritable && !event.isReadable)
            #expect(!event.hasPeerEnded && !event.isHungUp)
        }
    }

    @Test("what has no room in one wait is told by the next")
    func capacity() throws {
        let poller = try Poller()
        let bells = try (0..<5).map { _ in try Bell() }
        for (index, bell) in bells.enumerated() {
            try poller.add(bell.rawValue, .read, token: UInt64(index))
            bell.ring()
        }
        var counts: [Int] = []
        var tokens: [UInt64] = []
        while tokens.count < 5 {
            let events = now(poller, capacity: 2)
            counts.append(events.count)
            tokens += events.map(\.token)
            for event in events { bells[Int(event.token)].drain() }
        }
        #expect(counts == [2, 2, 1])
        #expect(tokens.sorted() == [0, 1, 2, 3, 4])
        #expect(now(poller).isEmpty)
    }

    @Test("what is ready is told again until it is dealt with")
    func levelTriggered() throws {
        let poller = try Poller()
        let connection = try Connection()
        let fd = connection.server.rawValue
        try poller.add(fd, .read, token: 1)
        try sendAll(connection.client.rawValue, [1, 2])
        for _ in 0..<3 { #expect(next(poller).map(\.isReadable) == [true]) }
        #expect(receive(fd, room: 1).bytes == [1])
        #expect(next(poller).map(\.isReadable) == [true])
        #expect(receive(fd, room: 1).bytes == [2])
        #expect(now(poller).isEmpty)
    }

    @Test("room to send is told while there is some, and again when the peer has made some")
    func writable() throws {
        let poller = try Poller()
        let connection = try Connection(bufferByteCount: 32_768)
        let fd = connection.server.rawValue
        let bytes = [UInt8](repeating: 0, count: 1 << 20)
        try poller.add(fd, .write, token: 1)
        #expect(now(poller).map(\.isWritable) == [true])
        var sent = 0
        // A moment without room is not yet the end of it: the peer's buffer may still take some.
        while now(poller) != [] {
            while case .done(let count) = SystemCall.send(fd, bytes.rawSpan) { sent += count }
        }
        let reader = try ServiceThread.start(name: "reader") {
            [client = connection.client.rawValue, sent] in
            _ = try? receiveAll(client, count: sent)
        }
        #expect(next(poller).map(\.isWritable) == [true])
        reader.join()
    }

    @Test("an empty interest hears neither of bytes nor of the peer's end, but of a failure")
    func emptyInterest() throws {
        let poller = try Poller()
        let connection = try Connection()
        let fd = connection.server.rawValue
        try poller.add(fd, .none, token: 1)
        try sendAll(connection.client.rawValue, [1, 2])
        try check(shutdown(connection.client.rawValue, Int32(SHUT_WR)))
        wait(for: fd, peerEnd)
        #expect(now(poller).isEmpty)
        try reset(connection.client)
        let events = next(poller)
        #expect(events.map(\.isHungUp) == [true])
        #expect(events.map(\.token) == [1])
    }

    @Test("the end of what the peer sends is told while its last bytes wait")
    func peerEnds() throws {
        let poller = try Poller()
        let connection = try Connection()
        let fd = connection.server.rawValue
        try poller.add(fd, .read, token: 1)
        try sendAll(connection.client.rawValue, [1])
        try check(shutdown(connection.client.rawValue, Int32(SHUT_WR)))
        wait(for: fd, peerEnd)
        for expected in [SocketResult.done(1), .ended] {
            let events = now(poller)
            #expect(events.map(\.hasPeerEnded) == [true])
            #expect(events.map(\.isReadable) == [true])
            #expect(events.map(\.isHungUp) == [false])
            #expect(receive(fd, room: 1).result == expected)
        }
        try SystemCall.shutdownSending(fd)
        #expect(next(poller).map(\.isHungUp) == [true])
    }

    @Test("a reset is told to whoever waits for anything", arguments: [PollInterest.read, .write])
    func peerResets(interest: PollInterest) throws {
        let poller = try Poller()
        let connection = try Connection(bufferByteCount: 32_768)
        let fd = connection.server.rawValue
        let bytes = [UInt8](repeating: 0, count: 1 << 20)
        try poller.add(fd, interest, token: 5)
        while now(poller).contains(where: \.isWritable) {
            while case .done = SystemCall.send(fd, bytes.rawSpan) {}
        }
        try reset(connection.client)
        let events = next(poller)
        #expect(events.map(\.isHungUp) == [true])
        #expect(events.map(\.token) == [5])
    }

    @Test("a changed interest counts at once, with its token; a removed descriptor is silent")
    func modify() throws {
        let poller = try Poller()
        let bell = try Bell()
        bell.ring()
        try poller.add(bell.rawValue, .none, token: 1)
        #expect(now(poller).isEmpty)
        poller.modify(bell.rawValue, .read, token: 2)
        #expect(now(poller).map(\.token) == [2])
        poller.modify(bell.rawValue, .none, token: 3)
        #expect(now(poller).isEmpty)
        poller.modify(bell.rawValue, .read, token: 4)
        poller.remove(bell.rawValue)
        #expect(now(poller).isEmpty)
        try poller.add(bell.rawValue, .read, token: 5)
        let tokens = withExtendedLifetime(bell) { now(poller).map(\.token) }
        #expect(tokens == [5])
    }

    @Test("a closed descriptor leaves by itself")
    func closed() throws {
        let poller = try Poller()
        let connection = try Connection()
        try poller.add(connection.server.rawValue, .write, token: 1)
        #expect(now(poller).count == 1)
        try connection.server.close()
        #expect(now(poller).isEmpty)
    }

    @Test("what cannot be waited for is refused")
    func refused() throws {
        let poller = try Poller()
        let bell = try Bell()
        try poller.add(bell.rawValue, .read, token: 1)
        #expect(throws: Errno(code: EEXIST)) {
            try poller.add(bell.rawValue, .read, token: 2)
        }
        let directory = try TemporaryDirectory()
        let file = try directory.file("file", [1]).release()
        #expect(throws: Errno(code: EPERM)) { try poller.add(file, .read, token: 3) }
        try SystemCall.close(file)
    }

    @Test("a change of a descriptor that was not added traps")
    func notAdded() async {
        await #expect(processExitsWith: .failure) {
            try Poller().modify(Bell().rawValue, .read, token: 1)
            exit(0)
        }
        await #expect(processExitsWith: .failure) {
            try Poller().remove(Bell().rawValue)
            exit(0)
        }
    }

    @Test("an event that was not found traps")
    func eventOutOfRange() async {
        await #expect(processExitsWith: .failure) {
            let events = PollEvents(capacity: 4)
            _ = events[0]
            exit(0)
        }
    }

    @Test(
        "a wait without events lasts its time, rounded up to a millisecond",
        arguments: [Duration.microseconds(999), .microseconds(1_999), .milliseconds(3)])
    func timeout(duration: Duration) throws {
        let poller = try Poller()
        let start = ContinuousClock.now
        #expect(told(poller, capacity: 1, timeout: duration).isEmpty)
        #expect(ContinuousClock.now - start >= duration)
    }

    @Test(
        "a wait for no time, or less, does not wait",
        arguments: [Duration.zero, .nanoseconds(-1), .seconds(-5), .seconds(Int64.min)])
    func noTime(duration: Duration) throws {
        let poller = try Poller()
        #expect(told(poller, capacity: 1, timeout: duration).isEmpty)
    }

    @Test("events of an earlier wait are gone after the next")
    func eventsAreReplaced() throws {
        let poller = try Poller()
        let bell = try Bell()
        try poller.add(bell.rawValue, .read, token: 1)
        var events = PollEvents(capacity: 4)
        bell.ring()
        poller.wait(into: &events)
        let count = events.count
        bell.drain()
        poller.wait(into: &events, timeout: .zero)
        let countAfter = events.count
        #expect((count, countAfter) == (1, 0))
    }

    @Test(
        "a long wait ends with the first event",
        arguments: [nil, .seconds(3_600), .seconds(Int64.max), .seconds(1 << 40)] as [Duration?])
    func longWait(timeout: Duration?) throws {
        let bell = try Bell()
        let name = "long wait"
        let isOver = Guarded(false)
        let thread = try ServiceThread.start(name: name) {
            guard let poller = try? Poller() else { return }
            try? poller.add(bell.rawValue, .read, token: 1)
            var events = PollEvents(capacity: 4)
            poller.wait(into: &events, timeout: timeout)
            let count = events.count
            isOver.withLock { $0 = count == 1 }
        }
        let sleeps = try KernelThread.waitUntilAsleep(named: name) { isOver.withLock { $0 } }
        #expect(sleeps)
        bell.ring()
        thread.join()
        #expect(isOver.withLock { $0 })
    }

    @Test("a signal ends a wait without events")
    func interrupted() async {
        await #expect(processExitsWith: .success) {
            signal(SIGUSR1) { _ in }
            let own = Guarded<pthread_t?>(nil)
            let count = Guarded(-1)
            let thread = try ServiceThread.start(name: "interrupted") {
                var user = sigset_t()
                unsafe sigemptyset(&user)
                unsafe sigaddset(&user, SIGUSR1)
                unsafe pthread_sigmask(SIG_UNBLOCK, &user, nil)
                own.withLock { $0 = pthread_self() }
                guard let poller = try? Poller() else { return }
                var events = PollEvents(capacity: 4)
                poller.wait(into: &events)
                let found = events.count
                count.withLock { $0 = found }
            }
            // Until one comes while it waits; a poller that repeated the wait would make this endless.
            while count.withLock({ $0 }) < 0 {
                if let number = own.withLock({ $0 }) { pthread_kill(number, SIGUSR1) }
                yieldProcessor()
            }
            thread.join()
            guard count.withLock({ $0 }) == 0 else { exit(2) }
        }
    }

    @Test("of pollers that share a listening socket one is woken by a connection")
    func sharedListener() throws {
        let listener = try ListeningSocket(on: .loopback(), backlog: 8)
        let fd = listener.rawValue
        let bells = try (0..<3).map { _ in try Bell() }
        let toldCount = Guarded(0)
        let parker = Parker()
        let threads = try bells.enumerated().map { index, bell in
            try ServiceThread.start(name: "sharing \(index)") {
                defer { parker.unpark() }
                guard let poller = try? Poller() else { return }
                try? poller.add(fd, .accept, token: 1)
                try? poller.add(bell.rawValue, .read, token: 2)
                var events = PollEvents(capacity: 4)
                poller.wait(into: &events)
                // Nobody accepts, so whoever is woken finds the connection still waiting.
                if (0..<events.count).contains(where: { events[$0].token == 1 }) {
                    toldCount.withLock { $0 += 1 }
                }
            }
        }
        for index in bells.indices {
            #expect(try KernelThread.waitUntilAsleep(named: "sharing \(index)") { false })
        }
        let client = try connectClient(to: listener.address)
        parker.park()
        for bell in bells { bell.ring() }
        for thread in threads { thread.join() }
        #expect(toldCount.withLock { $0 } == 1)
        try client.close()
    }

    @Test("a poller that the system has no room for is an error that says so")
    func noDescriptors() async {
        await #expect(processExitsWith: .success) {
            _ = try limitDescriptors(toMore: 0)
            let errors = [failure { _ = try Poller() }, failure { _ = try Bell() }]
            guard errors.map({ $0?.code }) == [EMFILE, EMFILE] else { exit(2) }
            guard errors.map({ $0?.operation }) == [.makePoller, .makeBell] else { exit(3) }
            guard
                errors[0]?.description == "epoll_create1: Too many open files (errno 24)"
            else { exit(4) }
        }
    }
}

/// The socket error that a call throws.
private func failure(_ call: () throws -> Void) -> SocketError? {
    do {
        try call()
        return nil
    } catch {
        return error as? SocketError
    }
}
