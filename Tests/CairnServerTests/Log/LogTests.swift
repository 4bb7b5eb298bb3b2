// Log lines: one write each, bounded, and nothing in them that could be another line.

import CairnHTTP
import CairnServer
import CairnSystem
import CairnTestSupport
import CairnText
import Testing

private func line(
    _ fields: [LogField], _ message: String = "m", asJSON: Bool = false
) -> String {
    let line = LogLine(.info, message, fields, wallNanoseconds: 1_795_836_896_789_000_000)
    return String(decoding: line.bytes(asJSON: asJSON), as: UTF8.self)
}

@Suite("Log")
struct LogTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private var path: String { directory.path + "/log" }

    private func lines() throws -> [Substring] {
        let bytes = try ByteStream.reading(path).readAll(atMost: 64 << 20)
        return String(decoding: bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false
        ).dropLast()
    }

    @Test("a line for people has time, level, message and fields")
    func text() {
        let fields: [LogField] = [
            .number("count", -3), .text("word", "a/b"), .text("words", "a b"), .text("none", ""),
            .seconds("seconds", nanoseconds: 1_000_002_999), .bool("is", true),
            .bytes("key", [0x61, 0xFF, 0x22, 0x20]),
        ]
        #expect(
            line(fields, "a message")
                == "2026-11-28T03:34:56.789Z info    a message count=-3 word=a/b "
                + "words=\"a b\" none=\"\" seconds=1.000002 is=true key=\"a\\xff\\x22 \"\n")
    }

    @Test("a line for programs is one JSON object")
    func json() throws {
        let fields: [LogField] = [
            .number("count", UInt64.max), .bytes("key", [0x61, 0xFF, 0x0a]),
            .seconds("seconds", nanoseconds: 1_500_000_000), .bool("is", false),
        ]
        #expect(
            line(fields, "a \"message\"", asJSON: true)
                == "{\"time\":\"2026-11-28T03:34:56.789Z\",\"level\":\"info\","
                + "\"message\":\"a \\\"message\\\"\",\"count\":18446744073709551615,"
                + "\"key\":\"a\\\\xff\\\\x0a\",\"seconds\":1.500000,\"is\":false}\n")
    }

    @Test("whatever is in it, a line is one line of text, and never longer than a pipe takes whole")
    func oneLine() throws {
        var random = TestRandom.reported(
            "whatever is in it, a line is one line of text, and never longer than a pipe takes whole"
        )
        for round in 0..<500 {
            let length = round % 2 == 0 ? 40 : 3000
            let fields: [LogField] = (0..<random.below(round % 10 == 0 ? 200 : 12)).map { place in
                place % 2 == 0
                    ? .bytes("b\(place)", random.bytes(random.below(length)))
                    : .text(
                        "t\(place)",
                        String(decoding: random.bytes(random.below(length)), as: UTF8.self))
            }
            let message = String(decoding: random.bytes(random.below(length)), as: UTF8.self)
            for asJSON in [false, true] {
                let line = line(fields, message, asJSON: asJSON)
                #expect(line.utf8.count <= LogLine.byteCountMaximum && line.hasSuffix("\n"))
                let scalars = line.unicodeScalars.dropLast()
                #expect(
                    scalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) })
                #expect(!scalars.contains("\u{202E}") && !scalars.contains("\u{2028}"))
                if asJSON {
                    let limits = JSONLimits(byteCountMaximum: 4096)
                    let bytes = Array(line.utf8.dropLast())
                    #expect(try JSONValue(reading: bytes.rawSpan, limits: limits).object != nil)
                }
            }
        }
    }

    @Test("a long value is cut where a character ends, and a longest key is not")
    func cut() throws {
        let key = [UInt8](repeating: UInt8(ascii: "k"), count: 1024)
        #expect(line([.bytes("key", key)]).contains(String(decoding: key, as: UTF8.self) + "\n"))
        let long = String(repeating: "\u{e9}", count: 4000)
        for asJSON in [false, true] {
            let line = line([.text("a", long), .text("b", "end")], asJSON: asJSON)
            #expect(line.contains("\u{e9}…") && line.contains("end"))
        }
    }

    @Test("what the level leaves out is not even made")
    func levels() throws {
        let log = Log(to: try ByteStream.writing(path), .warning, .text)
        func never() -> String {
            Issue.record("a line that is left out costs nothing")
            return ""
        }
        log.info(never())
        log.debug("x", [.text("a", never())])
        log.warning("w")
        log.error("e")
        #expect(try lines().map { $0.suffix(9) } == ["warning w", "error   e"])
    }

    @Test("lines of many threads are whole")
    func whole() throws {
        let log = Log(to: try ByteStream.writing(path), .debug)
        let threads = try (0..<8).map { thread in
            try ServiceThread.start(name: "logs") {
                for round in 0..<200 {
                    log.info("line", [.number("thread", thread), .number("round", round)])
                }
            }
        }
        for thread in threads { thread.join() }
        var found: Set<[Int64]> = []
        for line in try lines() {
            let bytes = Array(line.utf8)
            let value = try JSONValue(
                reading: bytes.rawSpan, limits: JSONLimits(byteCountMaximum: 4096))
            found.insert([
                value.object?["thread"]?.integer ?? -1, value.object?["round"]?.integer ?? -1,
            ])
        }
        #expect(found.count == 1600 && log.lostLineCount == 0)
    }

    @Test("a line that nobody takes is counted, and nothing else happens")
    func lost() throws {
        _ = try ByteStream.writing(path)
        let log = Log(to: try ByteStream.reading(path), .info, .text)
        log.error("nobody reads this")
        #expect(log.lostLineCount == 1)
    }

    @Test("names of requests are short, and different from any thread")
    func requestIDs() throws {
        let ids = RequestIDs()
        let all = Guarded<Set<String>>([])
        let threads = try (0..<4).map { _ in
            try ServiceThread.start(name: "asks") {
                let some = (0..<500).map { _ in ids.next().description }
                all.withLock { all in all.formUnion(some) }
            }
        }
        for thread in threads { thread.join() }
        let texts = all.withLock { all in all }
        #expect(texts.count == 2000)
        #expect(texts.allSatisfy { $0.count <= 13 && $0.utf8.allSatisfy { $0 < 0x7f } })
        #expect(!texts.contains(RequestIDs().next().description))
    }

    @Test("a request is one line with what it was about; failures of the server are errors")
    func request() throws {
        let log = Log(to: try ByteStream.writing(path), .info, .text)
        let id = RequestIDs().next()
        var record = RequestRecord(id: id, method: .put, route: "store", status: 201)
        record.peer = try SocketAddress(parsing: "127.0.0.1:9")
        record.key = Array("a b\n".utf8)
        record.tokenName = "web"
        record.receivedByteCount = 7
        record.nanoseconds = 1_234_000
        log.request(record, logsAll: false)
        log.request(record, logsAll: true)
        record.status = 507
        record.failure = "the disk is full"
        log.request(record, logsAll: false)
        let lines = try lines()
        #expect(lines.count == 2)
        #expect(
            lines.first.map { String($0.dropFirst(25)) }
                == "info    request id=\(id) peer=127.0.0.1:9 method=PUT route=store status=201 "
                + "key=\"a b\\x0a\" token=web received=7 sent=0 seconds=0.001234")
        #expect(lines.last?.contains(" error   request ") == true)
        #expect(lines.last?.hasSuffix("failure=\"the disk is full\"") == true)
    }
}
