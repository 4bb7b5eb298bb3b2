// StreamSocketTests — receiving and sending on connections that do not block.
//
// Over loopback, with a client that blocks. Interruptions are played from a script. What could kill the
// process runs in a child.
// Why this is sound: signals are set through structures of the function's own.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Stream socket") struct StreamSocketTests {
    @Test(
        "an interrupted call is repeated; other results are what they mean",
        arguments: [
            (5, .done(5)), (0, .ended), (Int64(-EAGAIN), .wouldBlock),
            (Int64(-ECONNRESET), .failed(Errno(code: ECONNRESET))),
        ] as [(Int64, SocketResult)])
    func attempt(result: Int64, expected: SocketResult) {
        var results = [Int64(-EINTR), Int64(-EINTR), result]
        #expect(SystemCall.attempt { results.removeFirst() } == expected)
        #expect(results.isEmpty)
    }

    @Test("what came is received, as much as there is room for, without waiting for more")
    func receiving() throws {
        let connection = try Connection()
        let fd = connection.server.rawValue
        #expect(receive(fd, room: 10).result == .wouldBlock)
        try sendAll(connection.client.rawValue, [1, 2, 3, 4, 5])
        wait(for: fd, POLLIN)
        #expect(receive(fd, room: 3).bytes == [1, 2, 3])
        #expect(receive(fd, room: 3).bytes == [4, 5])
        #expect(receive(fd, room: 3).result == .wouldBlock)
    }

    @Test("a call for no bytes is done, whatever the connection is like")
    func nothing() throws {
        let connection = try Connection()
        let fd = connection.server.rawValue
        let none: [UInt8] = []
        for _ in 0..<2 {
            #expect(receive(fd, room: 0).result == .done(0))
            #expect(SystemCall.send(fd, none.rawSpan) == .done(0))
            #expect(SystemCall.send(fd, none.rawSpan, none.rawSpan) == .done(0))
            #expect(SystemCall.send(fd, file: -1, offset: 0, byteCount: 0) == .done(0))
            try check(shutdown(connection.client.rawValue, Int32(SHUT_RDWR)))
            wait(for: fd, POLLIN)
        }
        #expect(receive(fd, room: 1).result == .ended)
    }

    @Test("a peer that sends no more is heard to its end, and can still be answered")
    func peerEnds() throws {
        let connection = try Connection()
        let fd = connection.server.rawValue
        try sendAll(connection.client.rawValue, [1, 2, 3])
        try check(shutdown(connection.client.rawValue, Int32(SHUT_WR)))
        wait(for: fd, peerEnd)
        #expect(receive(fd, room: 10).bytes == [1, 2, 3])
        #expect(receive(fd, room: 10).result == .ended)
        #expect(receive(fd, room: 10).result == .ended)
        let answer: [UInt8] = [4, 5]
        #expect(SystemCall.send(fd, answer.rawSpan) == .done(2))
        let received = try receiveAll(connection.client.rawValue, count: 2)
        #expect(received == [4, 5])
    }

    @Test("after the end of sending the peer has everything, and is still heard")
    func shutdownSending() throws {
        let connection = try Connection()
        let fd = connection.server.rawValue
        let last: [UInt8] = [1, 2]
        #expect(SystemCall.send(fd, last.rawSpan) == .done(2))
        try SystemCall.shutdownSending(fd)
        let received = try receiveAll(connection.client.rawValue, count: 3)
        #expect(received == [1, 2])
        try sendAll(connection.client.rawValue, [3])
        wait(for: fd, POLLIN)
        #expect(receive(fd, room: 10).bytes == [3])
        #expect(SystemCall.send(fd, last.rawSpan) == .failed(Errno(code: EPIPE)))
    }

    /// Sends by `send`, which gets the bytes done so far, and receives whenever there is no more room.
    /// What was received, and whether sends were cut short and refused on the way.
    private func exchange(
        _ connection: borrowing Connection, byteCount: Int, _ send: (_ done: Int) -> SocketResult
    ) throws -> (received: [UInt8], wasShort: Bool, wouldBlock: Bool) {
        var received: [UInt8] = []
        var done = 0
        var (wasShort, wouldBlock) = (false, false)
        while done < byteCount {
            switch send(done) {
            case .done(let count):
                done += count
                if done < byteCount { wasShort = true }
            case .wouldBlock:
                wouldBlock = true
                received += try receiveNow(connection.client.rawValue)
                // The client may have all that was sent, and the server not know it yet.
                waitForAny([
                    pollfd(fd: connection.client.rawValue, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: connection.server.rawValue, events: Int16(POLLOUT), revents: 0),
                ])
            case .ended: throw Errno(code: ENODATA)
            case .failed(let error): throw error
            }
        }
        received += try receiveAll(connection.client.rawValue, count: byteCount - received.count)
        return (received, wasShort, wouldBlock)
    }

    @Test("what has no room is not sent, and all arrives in order when it is sent later")
    func partialSends() throws {
        let connection = try Connection(bufferByteCount: 32_768)
        var random = TestRandom.reported("partial sends")
        let bytes = random.bytes(1 << 20)
        let fd = connection.server.rawValue
        let outcome = try exchange(connection, byteCount: bytes.count) { done in
            SystemCall.send(fd, bytes.rawSpan.extracting(done..<bytes.count))
        }
        #expect(outcome.received == bytes)
        #expect(outcome.wasShort)
        #expect(outcome.wouldBlock)
    }

    @Test(
        "two pieces are sent as one, wherever they meet and wherever a send is cut short",
        arguments: [
            (0, 5), (5, 0), (1, 1), (100, 4_096), (1 << 20, 1), (1, 1 << 20), (300_000, 700_000),
        ])
    func twoPieces(headByteCount: Int, tailByteCount: Int) throws {
        let connection = try Connection(bufferByteCount: 32_768)
        var random = TestRandom.reported("two pieces \(headByteCount) \(tailByteCount)")
        let head = random.bytes(headByteCount)
        let tail = random.bytes(tailByteCount)
        let fd = connection.server.rawValue
        let byteCount = headByteCount + tailByteCount
        let outcome = try exchange(connection, byteCount: byteCount) { done in
            let left = SystemCall.remainder(of: headByteCount, and: tailByteCount, after: done)
            return SystemCall.send(
                fd, head.rawSpan.extracting(left.head), tail.rawSpan.extracting(left.tail))
        }
        #expect(outcome.received == head + tail)
        #expect(outcome.wasShort == (byteCount > 100_000))
    }

    @Test("a region of a file is sent, also in parts")
    func file() throws {
        let connection = try Connection(bufferByteCount: 32_768)
        let directory = try TemporaryDirectory()
        var random = TestRandom.reported("a region of a file")
        let bytes = random.bytes(1 << 20)
        let file = try directory.file("file", bytes)
        let (fd, number) = (connection.server.rawValue, file.rawValue)
        let region = 12_345..<bytes.count - 678
        let outcome = try exchange(connection, byteCount: region.count) { done in
            SystemCall.send(
                fd, file: number, offset: UInt64(region.lowerBound + done),
                byteCount: region.count - done)
        }
        #expect(outcome.received == Array(bytes[region]))
        #expect(outcome.wasShort)
        #expect(outcome.wouldBlock)
    }

    @Test("a file that is shorter than its region is sent to its end, and then there is no more")
    func fileEnds() throws {
        let connection = try Connection()
        let directory = try TemporaryDirectory()
        let file = try directory.file("file", [1, 2, 3, 4])
        let (fd, number) = (connection.server.rawValue, file.rawValue)
        #expect(SystemCall.send(fd, file: number, offset: 1, byteCount: 10) == .done(3))
        #expect(SystemCall.send(fd, file: number, offset: 4, byteCount: 10) == .ended)
        #expect(
            SystemCall.send(fd, file: number, offset: .max, byteCount: 1)
                == .failed(Errno(code: EINVAL)))
        let received = try receiveAll(connection.client.rawValue, count: 3)
        #expect(received == [2, 3, 4])
    }

    @Test("a peer that resets the connection is a failure of receiving and of sending")
    func peerResets() throws {
        let connection = try Connection()
        let server = connection.server.rawValue
        try reset(connection.client)
        wait(for: server, POLLHUP)
        #expect(receive(server, room: 1).result == .failed(Errno(code: ECONNRESET)))
        let bytes: [UInt8] = [1]
        #expect(SystemCall.send(server, bytes.rawSpan) == .failed(Errno(code: EPIPE)))
        #expect(throws: Errno(code: ENOTCONN)) { try SystemCall.shutdownSending(server) }
    }

    @Test("sending to a peer that is gone raises no signal")
    func noSignal() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            var pipeSignal = sigset_t()
            unsafe sigemptyset(&pipeSignal)
            unsafe sigaddset(&pipeSignal, SIGPIPE)
            unsafe pthread_sigmask(SIG_UNBLOCK, &pipeSignal, nil)
            let connection = try Connection()
            let fd = connection.server.rawValue
            try SystemCall.shutdownSending(fd)
            let bytes: [UInt8] = [1]
            let broken = SocketResult.failed(Errno(code: EPIPE))
            guard SystemCall.send(fd, bytes.rawSpan) == broken else { exit(2) }
            guard SystemCall.send(fd, bytes.rawSpan, moreFollows: true) == broken else { exit(3) }
            guard SystemCall.send(fd, bytes.rawSpan, bytes.rawSpan) == broken else { exit(4) }
        }
    }

    @Test("in a thread of ours a file for a peer that is gone raises no signal either")
    func noSignalOfFiles() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            let connection = try Connection()
            let fd = connection.server.rawValue
            try SystemCall.shutdownSending(fd)
            let directory = try TemporaryDirectory()
            let number = try directory.file("file", [1]).release()
            let result = Guarded(SocketResult.ended)
            try ServiceThread.start(name: "sender") {
                let sent = SystemCall.send(fd, file: number, offset: 0, byteCount: 1)
                result.withLock { $0 = sent }
            }.join()
            guard result.withLock({ $0 }) == .failed(Errno(code: EPIPE)) else { exit(2) }
        }
    }

    @Test("a head that says more follows goes out together with what does")
    func moreFollows() throws {
        let bytes = [UInt8](repeating: 1, count: 100)
        // Between the two sends the kernel waits a fifth of a second, which this thread may miss.
        let isTogether = try (0..<20).contains { _ in
            let connection = try Connection()
            let fd = connection.server.rawValue
            #expect(SystemCall.send(fd, bytes.rawSpan, moreFollows: true) == .done(100))
            #expect(SystemCall.send(fd, bytes.rawSpan) == .done(100))
            let received = try receiveAll(connection.client.rawValue, count: 200)
            #expect(received.count == 200)
            // tcpi_data_segs_out
            return try transmissionFigure(fd, at: 156) == 1
        }
        #expect(isTogether)
    }

    @Test("small pieces are sent at once when asked for")
    func noDelay() throws {
        let connection = try Connection()
        let fd = connection.client.rawValue
        #expect(try option(fd, Int32(IPPROTO_TCP), TCP_NODELAY) == 0)
        try SystemCall.setNoDelay(fd)
        #expect(try option(fd, Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
        let directory = try TemporaryDirectory()
        #expect(throws: Errno(code: ENOTSOCK)) {
            try SystemCall.setNoDelay(directory.handle.rawValue)
        }
    }
}
