// Ranges as adversaries write them: RFC 9110, section 14. What is no single range of bytes is the whole blob.

import Cairn
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Hostile ranges")
struct HostileRangeTests {
    /// One of each form that the store has: none, whole, one block and more, a record, chunks.
    private static let sizes = [
        0, 1, 10, 65_535, 65_536, 65_537, 131_073, 1_048_576, 1_048_577, 2_200_000,
    ]

    /// What a range of a blob of `n` bytes is to be; nil: the whole blob, an empty one: 416.
    private static func ranges(_ n: Int) -> [(text: String, part: Range<Int>?)] {
        let none = n..<n
        func cut(_ first: Int, _ last: Int) -> Range<Int> {
            first >= n ? none : first..<min(last, n - 1) + 1
        }
        var all: [(String, Range<Int>?)] = [
            ("bytes=0-0", cut(0, 0)), ("bytes=0-", cut(0, n)), ("bytes=0-\(n)", cut(0, n)),
            ("bytes=1-2", cut(1, 2)), ("bytes=\(n)-", none), ("bytes=\(n)-\(n)", none),
            ("bytes=\(n + 1)-", none), ("bytes=\(max(0, n - 1))-", cut(max(0, n - 1), n)),
            ("bytes=-1", max(0, n - 1)..<n), ("bytes=-\(n)", 0..<n), ("bytes=-\(n + 1)", 0..<n),
            ("bytes=-0", none), ("bytes=-00", none), ("bytes=0-99999999999999999999999", cut(0, n)),
            ("bytes=-99999999999999999999999", 0..<n), ("bytes=99999999999999999999999-", none),
            ("bytes=18446744073709551615-", none),
            ("bytes=18446744073709551615-18446744073709551615", none),
            ("bytes=0-18446744073709551615", cut(0, n)), ("bytes=000-0000", cut(0, 0)),
            ("BYTES=0-0", cut(0, 0)), ("bytes= 0-0 ", cut(0, 0)), ("bytes=,0-0", cut(0, 0)),
            ("bytes=0-0,", cut(0, 0)),
        ]
        let whole = [
            "bytes=", "bytes=-", "bytes=1-0", "bytes=a-b", "bytes=0-a", "bytes=0x0-1", "bytes=+0-1",
            "bytes=--1", "bytes=0--1", "bytes=0-1-2", "bytes=0 - 1", "bytes 0-1", "bytes:0-1",
            "bytes",
            "items=0-0", "bytes =0-0", "0-0", "bytes=0-0,2-3", "bytes=0-0,-1", "bytes=0-0,0-0",
            "bytes=0.0-1",
            "bytes=0-0;x", "bytes=\"0-0\"", "", "*", "bytes=*", "bytes=0-0/5", "byte=0-0",
            "bytesx=0-0",
        ]
        // What is whole is so whatever the size.
        all += whole.prefix(n < 100 ? whole.count : 2).map { ($0, nil) }
        let borders = [65_536, 131_072, 1_048_576, 2_097_152].filter { $0 < n }
        for border in borders {
            all.append(("bytes=\(border - 1)-\(border)", border - 1..<min(n, border + 1)))
            all.append(("bytes=\(border)-\(border)", border..<border + 1))
            all.append(
                ("bytes=\(border - 3)-\(border + 70_000)", border - 3..<min(n, border + 70_001)))
            all.append(("bytes=-\(n - border)", border..<n))
            all.append(("bytes=-\(n - border + 1)", border - 1..<n))
        }
        return all
    }

    @Test(
        "a range is answered with its bytes, or with the whole blob, or with 416", arguments: sizes)
    func forms(byteCount: Int) throws {
        let served = try ServedStore.prompt()
        let body = bodyBytes(byteCount)
        let tag = try served.put("k", body)
        let client = try served.client()
        for (text, part) in Self.ranges(byteCount) {
            try client.send("GET", "/store/k", ["Range: \(text)"])
            let answer = try client.answer()
            guard let part else {
                #expect(answer.status == 200 && answer.field("Content-Range") == nil, "\(text)")
                expectSame(answer.body, body, text)
                continue
            }
            guard !part.isEmpty else {
                expectProblem(answer, 416, "range-not-satisfiable", text)
                #expect(answer.field("Content-Range") == "bytes */\(byteCount)", "\(text)")
                continue
            }
            #expect(answer.status == 206 && answer.tagNumber == tag, "\(text): \(answer.status)")
            #expect(
                answer.field("Content-Range")
                    == "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(byteCount)", "\(text)")
            #expect(answer.field("Content-Length") == "\(part.count)", "\(text)")
            expectSame(answer.body, body[part], text)
        }
        #expect(try served.reported.isEmpty)
    }

    @Test("HEAD is answered as for the whole blob, whatever the range", arguments: sizes)
    func head(byteCount: Int) throws {
        let served = try ServedStore.prompt()
        try served.put("k", bodyBytes(byteCount))
        let client = try served.client()
        for text in ["bytes=0-0", "bytes=-1", "bytes=\(byteCount)-", "bytes=0-0,2-3", "x"] {
            try client.send("HEAD", "/store/k", ["Range: \(text)"])
            let answer = try client.answer(hasBody: false)
            #expect(answer.status == 200 && answer.field("Content-Range") == nil, "\(text)")
            #expect(answer.field("Content-Length") == "\(byteCount)", "\(text)")
            #expect(answer.field("Accept-Ranges") == "bytes")
        }
        // No body has followed.
        try client.send("GET", "/store/none")
        #expect(try client.answer().status == 404)
    }

    @Test("two lines of Range, or one beside a list of several ranges, are the whole blob")
    func lines() throws {
        let served = try ServedStore.prompt()
        try served.put("k", [1, 2, 3])
        for fields in [["Range: bytes=0-0", "Range: bytes=1-1"], ["Range: bytes=0-0, 1-1, 2-2"]] {
            let answer = try served.request("GET", "/store/k", fields)
            #expect(answer.status == 200 && answer.body == [1, 2, 3])
        }
    }

    @Test(
        "If-Range lets a range through for the very version alone",
        arguments: [10, 70_000, 1_100_000])
    func ifRange(byteCount: Int) throws {
        let served = try ServedStore.prompt()
        let body = bodyBytes(byteCount)
        let old = try served.put("k", [1])
        let tag = try served.put("k", body)
        let time = try #require(try served.request("HEAD", "/store/k").field("Last-Modified"))
        let client = try served.client()
        for (value, isPart) in [
            ("\"\(tag)\"", true), ("\(tag)", true), ("W/\"\(tag)\"", false), ("\"\(old)\"", false),
            ("\"foreign\"", false), ("*", false), ("", false), ("\"\(tag)\", \"\(old)\"", false),
            ("\"\(tag)", false), ("Thu, 01 Jan 1970 00:00:00 GMT", false),
            // It was written within this second, and perhaps not for the last time.
            (time, false), ("yesterday", false),
        ] {
            try client.send("GET", "/store/k", ["Range: bytes=2-4", "If-Range: \(value)"])
            let answer = try client.answer()
            #expect(answer.status == (isPart ? 206 : 200), "\(value)")
            expectSame(answer.body, isPart ? body[2..<5] : body[...], value)
            // A range that the blob does not have counts only when it counts at all.
            try client.send(
                "GET", "/store/k", ["Range: bytes=\(byteCount)-", "If-Range: \(value)"])
            let beyond = try client.answer()
            #expect(beyond.status == (isPart ? 416 : 200), "\(value)")
        }
        try client.send("GET", "/store/k", ["If-Range: \"\(tag)\""])
        #expect(try client.answer().status == 200)
        try client.send(
            "GET", "/store/k",
            ["Range: bytes=0-0", "If-Range: \"\(tag)\"", "If-Range: \"\(tag)\""])
        #expect(try client.answer().status == 200)
    }

    @Test("conditions are decided before ranges, and a missing blob before both")
    func order() throws {
        let served = try ServedStore.prompt()
        let tag = try served.put("k", [1, 2, 3])
        for range in ["bytes=0-0", "bytes=9-"] {
            let known = try served.request(
                "GET", "/store/k", ["Range: \(range)", "If-None-Match: \"\(tag)\""])
            #expect(known.status == 304)
            let lost = try served.request(
                "GET", "/store/k", ["Range: \(range)", "If-Match: \"\(tag + 5)\""])
            expectProblem(lost, 412, "condition-failed")
            expectProblem(
                try served.request("GET", "/store/none", ["Range: \(range)"]), 404, "not-found")
        }
        #expect(
            try served.request("GET", "/store/k", ["Range: bytes=0-0", "If-Match: \(tag)"]).body
                == [1])
    }

    @Test("Range means nothing to writes")
    func writes() throws {
        let served = try ServedStore.prompt()
        try served.put("k", [1, 2, 3])
        #expect(
            try served.request("PUT", "/store/k", ["Range: bytes=0-0"], body: [4, 5]).status == 204)
        #expect(try served.stored("k") == [4, 5])
        #expect(try served.request("DELETE", "/store/k", ["Range: bytes=0-0"]).status == 204)
        #expect(try served.stored("k") == nil)
    }

    @Test("random ranges of blobs that compress and that do not are their bytes")
    func random() throws {
        let served = try ServedStore.prompt()
        var random = TestRandom.reported("random ranges")
        let bodies = [
            bodyBytes(1_300_000), [UInt8](repeating: 65, count: 1_300_000), bodyBytes(300_000),
            (0..<300_000).map { UInt8(truncatingIfNeeded: $0 >> 10) },
        ]
        for (number, body) in bodies.enumerated() { try served.put("\(number)", body) }
        let client = try served.client()
        for _ in 0..<60 {
            let number = random.below(bodies.count)
            let body = bodies[number]
            let first = random.below(body.count)
            let last = min(body.count - 1, first + random.below(random.coin() ? 100 : 200_000))
            try client.send("GET", "/store/\(number)", ["Range: bytes=\(first)-\(last)"])
            let answer = try client.answer()
            #expect(answer.status == 206)
            expectSame(answer.body, body[first...last], "\(number): \(first)-\(last)")
        }
    }
}
