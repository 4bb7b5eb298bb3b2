// TestServer — a server whose handler does one thing for each path, so that tests can ask for any of them.
//
// /hello answers at once, /opened with the number of requests so far; /held keeps its loop until the test lets go;
// /later answers when the test says so; /collect says back what came, /sink does not; /stream counts it, and /slow
// pauses first; /large/N makes N bytes, /short/N half of them; /idle makes them when the test says so; /broken/N
// breaks behind N bytes, and /broken-later when the test says so; /unread answers without asking for the body;
// /bodiless/N gives one with a status that has none; /line has a value with lines' ends.

import CairnCrypto
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Synchronization

/// A running server and what it saw.
final class TestServer: Sendable {
    let handler: TestHandler
    let server: HTTPServer

    /// - Parameter collecting: Bytes of a body that is collected, at most.
    init(
        _ limits: ServerLimits = ServerLimits(), collecting: Int = 16 << 20, loopCount: Int = 2,
        tls identity: TLSIdentity? = nil
    ) throws {
        handler = TestHandler(collecting: collecting)
        server = try HTTPServer(
            on: SocketAddress(parsing: "127.0.0.1:0"), limits: limits, loopCount: loopCount,
            tls: identity, handler)
    }

    var port: UInt16 { server.address.port }

    func client() throws -> TestClient { try TestClient(to: port) }

    func stop() { server.stop(within: .seconds(10)) }

    /// Answers a request that is pending, without a body.
    func answer(_ exchange: Exchange, _ status: UInt16) {
        exchange.answer { responder in
            responder.begin(status)
            responder.end()
        }
    }

    /// Waits until an exchange waits; takes it.
    func takePending() -> Exchange {
        var taken: Exchange?
        wait {
            taken = handler.pending.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            return taken != nil
        }
        guard let taken else { preconditionFailure("a wait ends with what it waits for") }
        return taken
    }

    /// Waits until something has become so; half a minute without it ends the tests, which would wait
    /// for ever.
    func wait(until condition: () -> Bool) {
        let end = Clock.monotonicNanoseconds() + 30_000_000_000
        while !condition() {
            precondition(Clock.monotonicNanoseconds() < end, "what is waited for comes")
            yieldProcessor()
        }
    }
}

final class TestHandler: RequestHandler {
    let pending = Guarded<[Exchange]>([])
    /// Bodies that came to nothing, on either side.
    let abandonedCount = Atomic<Int>(0)
    let openedCount = Atomic<Int>(0)
    let letsGo = Atomic<Bool>(false)
    private let collectByteCountMaximum: Int

    init(collecting: Int) { collectByteCountMaximum = collecting }

    func open(
        _ request: borrowing Request, _ responder: inout Responder
    ) -> Verdict {
        openedCount.add(1, ordering: .relaxed)
        let path = String(decoding: request.path.copyBytes(), as: UTF8.self)
        let exchange = responder.exchange
        switch path {
        case "/collect", "/sink":
            let collector = EchoingCollector(path)
            return .collect(atMost: collectByteCountMaximum, by: collector)
        case "/stream": return .stream(CountingReceiver(self, exchange, pauses: false))
        case "/slow": return .stream(CountingReceiver(self, exchange, pauses: true))
        case "/later":
            pending.withLock { $0.append(exchange) }
            return .pending
        case "/idle":
            respond(
                with: PatternSource(byteCount: 100_000, self, exchange, waits: true), &responder)
        case "/broken-later":
            respond(
                with: PatternSource(
                    byteCount: 100_000, self, exchange, waits: true, breaksBehind: 0), &responder)
        case _ where path.hasPrefix("/broken/"):
            respond(
                with: PatternSource(
                    byteCount: 400_000, self, exchange, waits: false,
                    breaksBehind: Int(path.dropFirst(8)) ?? 0), &responder)
        case _ where path.hasPrefix("/large/"):
            let count = Int(path.dropFirst(7)) ?? 0
            respond(with: PatternSource(byteCount: count, self, exchange, waits: false), &responder)
        case _ where path.hasPrefix("/short/"):
            let count = Int(path.dropFirst(7)) ?? 0
            responder.begin(200)
            responder.end(
                byteCount: UInt64(count),
                from: PatternSource(byteCount: count / 2, self, exchange, waits: false))
        case _ where path.hasPrefix("/bodiless/"):
            responder.begin(UInt16(path.dropFirst(10)) ?? 0)
            responder.end(Array("hello".utf8).rawSpan)
        case "/line":
            responder.begin(200)
            responder.field("X-Line", Array("a\r\nX-Other: b\0".utf8).rawSpan)
            responder.end()
        case "/empty":
            responder.begin(204)
            responder.end()
        case "/held":
            while !letsGo.load(ordering: .acquiring) { yieldProcessor() }
            responder.begin(204)
            responder.end()
        case "/opened":
            responder.begin(200)
            responder.end(Array("\(openedCount.load(ordering: .relaxed))".utf8).rawSpan)
        default:
            responder.begin(path == "/unread" ? 404 : 200)
            responder.field("X-Path", request.path)
            responder.end(Array("hello".utf8).rawSpan)
        }
        return .answered
    }

    private func respond(with source: PatternSource, _ responder: inout Responder) {
        responder.begin(200)
        responder.end(byteCount: UInt64(source.byteCount), from: source)
    }

    func refuse(_ refusal: Refusal, _ responder: inout Responder) {
        responder.begin(refusal.status)
        responder.end(refusal.reason.rawSpan)
    }
}

/// Answers with the body, or without at `/sink`.
private final class EchoingCollector: BodyCollector {
    private let path: String

    init(_ path: String) { self.path = path }

    func take(_ body: RawSpan, _ responder: inout Responder) -> Verdict {
        if path == "/sink" {
            responder.begin(204)
            responder.end()
            return .answered
        }
        responder.begin(201)
        responder.field("X-Path", Array(path.utf8).rawSpan)
        responder.end(body)
        return .answered
    }
}

/// Counts bytes and adds them up, and may pause behind the first piece.
private final class CountingReceiver: BodyReceiver {
    private let handler: TestHandler
    private let exchange: Exchange
    private var pauses: Bool
    private var count: UInt64 = 0
    private var sum: UInt64 = 0

    init(_ handler: TestHandler, _ exchange: Exchange, pauses: Bool) {
        self.handler = handler
        self.exchange = exchange
        self.pauses = pauses
    }

    func receive(_ bytes: RawSpan) -> Bool {
        count += UInt64(bytes.byteCount)
        for place in 0..<bytes.byteCount { sum += UInt64(bytes.byte(at: place)) }
        guard pauses else { return true }
        pauses = false
        handler.pending.withLock { $0.append(exchange) }
        return false
    }

    func finish(_ responder: inout Responder) -> Verdict {
        responder.begin(200)
        responder.end(Array("\(count) \(sum)".utf8).rawSpan)
        return .answered
    }

    func abandon() { handler.abandonedCount.add(1, ordering: .relaxed) }
}

/// Makes bytes that count up.
private final class PatternSource: BodySource {
    /// Made once, and long: without optimization bytes that are made one by one take most of a test's time.
    private static let pattern = (0..<1025).flatMap { _ in UInt8.min...UInt8.max }

    let byteCount: Int
    private var made = 0
    private let handler: TestHandler
    private let exchange: Exchange
    private var waits: Bool
    private let breaksBehind: Int

    init(
        byteCount: Int, _ handler: TestHandler, _ exchange: Exchange, waits: Bool,
        breaksBehind: Int = .max
    ) {
        self.breaksBehind = breaksBehind
        self.byteCount = byteCount
        self.handler = handler
        self.exchange = exchange
        self.waits = waits
    }

    func produce(_ byteCount: Int, into output: inout ByteQueue) -> Production {
        if waits {
            waits = false
            handler.pending.withLock { $0.append(exchange) }
            return .later
        }
        if made == breaksBehind { return .broken }
        let pattern = Self.pattern
        let pieceByteCount = pattern.count - 256
        let count = min(byteCount, self.byteCount - made, breaksBehind - made, pieceByteCount)
        let start = made % 256
        output.append(pattern.rawSpan.extracting(start..<start + count))
        made += count
        return made == self.byteCount ? .end : .some
    }

    func explain(_ responder: inout Responder) {
        responder.begin(500)
        responder.end(Array("broken".utf8).rawSpan)
    }

    func abandon() { handler.abandonedCount.add(1, ordering: .relaxed) }
}
