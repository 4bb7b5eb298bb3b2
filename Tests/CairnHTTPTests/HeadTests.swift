// What a head says, what is refused, and that neither depends on how the bytes arrive.

import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Request heads") struct HeadTests {
    @Test(
        "what two readers might understand differently is refused, by its own reason",
        arguments: RefusedSample.all)
    func refused(_ sample: RefusedSample) {
        #expect(read(Array(sample.text.utf8)) == .refused(sample.refusal))
    }

    @Test("every reason but those of bodies and of time is shown by a sample")
    func reasonsAreShown() {
        let shown = Set(RefusedSample.all.map { "\($0.refusal)" })
        let others: [Refusal] = [.malformedChunk, .tooSlow, .tooBusy]
        for refusal in Refusal.allCases where !others.contains(refusal) {
            #expect(shown.contains("\(refusal)"))
        }
    }

    @Test("a refusal is the same byte by byte", arguments: RefusedSample.all)
    func refusedByteByByte(_ sample: RefusedSample) {
        let bytes = Array(sample.text.utf8)
        #expect(read(bytes, ends: Array(0..<bytes.count)) == .refused(sample.refusal))
    }

    @Test("a refusal is the same in two pieces, wherever they meet", arguments: RefusedSample.all)
    func refusedInTwo(_ sample: RefusedSample) {
        let bytes = Array(sample.text.utf8)
        let ends = bytes.count < 1000 ? Array(0..<bytes.count) : [1, 20, 8190, 16383, 16384]
        for end in ends where end <= bytes.count {
            #expect(read(bytes, ends: [end]) == .refused(sample.refusal))
        }
    }

    @Test("a head is the same in two pieces, wherever they meet") func acceptedInTwo() {
        let text =
            "\r\nPUT /store/a%20b?x=1&y HTTP/1.1\r\nHost: example.org:7777\r\nContent-Length: 3\r\n"
            + "Expect: 100-Continue\r\nX-Empty:\r\nX-Odd: \t\u{E9} b \t\r\n\r\nabc"
        let bytes = Array(text.utf8)
        let expected = ReadOutcome.head(
            description: "put 1.1 /store/a%20b query=x=1&y host=example.org:7777 length(3) stays "
                + "expects Host=example.org:7777|Content-Length=3|Expect=100-Continue|X-Empty=|"
                + "X-Odd=\u{E9} b", end: bytes.count - 3)
        for end in 0..<bytes.count { #expect(read(bytes, ends: [end]) == expected) }
        #expect(read(bytes, ends: Array(0..<bytes.count)) == expected)
    }

    @Test("a head that has not come whole is waited for") func incomplete() {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        for end in 0..<bytes.count { #expect(read(Array(bytes[0..<end])) == .incomplete) }
    }

    @Test("limits are met exactly") func limits() {
        let path = "/" + String(repeating: "a", count: 8191)
        #expect(isHead("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"))
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let rest = (16 << 10) - start.utf8.count - 4
        #expect(isHead(start + String(repeating: "a", count: rest) + "\r\n\r\n"))
        #expect(
            read(Array((start + String(repeating: "a", count: rest + 1) + "\r\n\r\n").utf8))
                == .refused(.headTooLong))
        let fields = (0..<63).map { "X\($0): a\r\n" }.joined()
        #expect(isHead("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"))
        #expect(isHead("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5497558138880\r\n\r\n"))
    }

    private func isHead(_ text: String) -> Bool {
        if case .head = read(Array(text.utf8)) { return true }
        return false
    }
}

@Suite("Meaning of heads") struct HeadMeaningTests {
    private func head(_ text: String) throws -> RequestHead {
        try HeadParser.parse(Array(text.utf8).rawSpan)
    }

    @Test("all methods are told apart", arguments: Method.allCases)
    func methods(_ method: CairnHTTP.Method) throws {
        #expect(try head("\(method.text) / HTTP/1.1\r\nHost: a\r\n\r\n").method == method)
    }

    @Test(
        "a connection stays as its version and its fields say",
        arguments: [
            (1, "", true), (1, "Connection: close", false), (1, "connection: a, CLOSE ,b", false),
            (1, "Connection: closed", true), (1, "Connection: close, keep-alive", false),
            (1, "Connection: keep-alive\r\nConnection: close", false), (0, "", false),
            (0, "Connection: Keep-Alive", true), (0, "Connection: close", false),
        ])
    func persistence(_ minor: Int, _ field: String, _ stays: Bool) throws {
        let line = field.isEmpty ? "" : field + "\r\n"
        #expect(try head("GET / HTTP/1.\(minor)\r\nHost: a\r\n\(line)\r\n").isPersistent == stays)
    }

    @Test("a body ends as its fields say") func framing() throws {
        #expect(try head("GET / HTTP/1.1\r\nHost: a\r\n\r\n").body == .length(0))
        let length = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0017\r\n\r\n"
        #expect(try head(length).body == .length(17))
        let chunked = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
        #expect(try head(chunked).body == .chunked)
    }

    @Test("a 100 is expected only where there is a body, and by 1.1") func expectations() throws {
        let fields = "Host: a\r\nExpect: 100-continue\r\n"
        let body = "Content-Length: 1\r\n\r\n"
        #expect(try head("PUT / HTTP/1.1\r\n\(fields)\(body)").expectsContinue)
        #expect(try head("PUT / HTTP/1.1\r\n\(fields)\r\n").expectsContinue == false)
        #expect(try head("PUT / HTTP/1.0\r\n\(fields)\(body)").expectsContinue == false)
    }

    @Test(
        "a target is a path, a URI whose host counts, or the star of OPTIONS",
        arguments: [
            ("GET /a/b?c=d HTTP/1.1", "/a/b query=c=d host=x"),
            ("GET /? HTTP/1.1", "/ query= host=x"),
            ("GET /a?b?c HTTP/1.1", "/a query=b?c host=x"),
            ("GET //a//b HTTP/1.1", "//a//b query=none host=x"),
            ("GET /../a HTTP/1.1", "/../a query=none host=x"),
            ("GET http://b:80/c HTTP/1.1", "/c query=none host=b:80"),
            ("GET HTTPS://b HTTP/1.1", "/ query=none host=b"),
            ("GET http://b?c HTTP/1.1", "/ query=c host=b"),
            ("GET http://[::1]:7/c HTTP/1.1", "/c query=none host=[::1]:7"),
            ("OPTIONS * HTTP/1.1", "* query=none host=x"),
        ])
    func targets(_ line: String, _ expected: String) throws {
        let bytes = Array("\(line)\r\nHost: x\r\n\r\n".utf8)
        let text = describe(try HeadParser.parse(bytes.rawSpan), in: bytes.rawSpan)
        #expect(text.contains(" \(expected) "))
    }

    @Test("fields are found whatever the case of their names, the first of several")
    func fields() throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\niF-mATCH: 1\r\nIf-Match: 2\r\n\r\n".utf8)
        let request = Request(try HeadParser.parse(bytes.rawSpan), in: bytes.rawSpan)
        var (match, other): ([UInt8]?, [UInt8]?)
        if let value = request.field("if-match") { match = value.copyBytes() }
        if let value = request.field("if-matc") { other = value.copyBytes() }
        let counts = [request.fieldCount("if-match"), request.fieldCount("range")]
        #expect(match == Array("1".utf8))
        #expect(other == nil)
        #expect(counts == [2, 0])
    }
}

@Suite("Fuzzed heads") struct HeadFuzzTests {
    @Test("no bytes trap, and how they arrive changes nothing") func fuzz() {
        var random = TestRandom.reported("no bytes trap, and how they arrive changes nothing")
        let samples =
            RefusedSample.all.map(\.text) + [
                "GET /a%20?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: y\r\n\r\nabcde"
            ]
        var headCount = 0
        for _ in 0..<20_000 {
            let bytes = mutated(Array(samples[random.below(samples.count)].utf8), &random)
            let whole = read(bytes)
            let cuts = (0..<random.below(4)).map { _ in random.below(bytes.count + 1) }.sorted()
            #expect(read(bytes, ends: cuts) == whole)
            if case .head = whole { headCount += 1 }
        }
        #expect(headCount > 100)
    }

    private func mutated(_ sample: [UInt8], _ random: inout TestRandom) -> [UInt8] {
        var bytes = Array(sample.prefix(400))
        let pieces = ["\r\n", " ", ":", "%41", "Host: b\r\n", "\r\n\r\n", "HTTP/1.1", ",", "\t"]
        for _ in 0..<random.below(4) {
            let place = random.below(bytes.count + 1)
            switch random.below(3) {
            case 0: bytes.insert(contentsOf: pieces[random.below(pieces.count)].utf8, at: place)
            case 1: bytes.insert(UInt8(random.below(256)), at: place)
            default: if place < bytes.count { bytes.remove(at: place) }
            }
        }
        return bytes
    }
}
