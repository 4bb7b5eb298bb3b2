// Blobs that are not in memory: the answer comes later, and is the same.

import Cairn
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Cold blobs", .enabled(if: ColdStore.isPossible, "no file here leaves the memory"))
struct HostileColdTests {
    private static let sizes = [10, 60_000, 70_000, 900_000, 2_300_000]

    @Test("a blob that is not in memory is read like any other", arguments: sizes)
    func forms(byteCount: Int) throws {
        let served = try ServedStore.prompt()
        let body = bodyBytes(byteCount)
        let tag = try served.put("k", body, ["X-Meta-A: 1", "Content-Type: a/b"])
        let client = try served.client()
        let middle = byteCount / 2
        for (method, fields, status, expected) in [
            ("GET", [], 200, body[...]), ("HEAD", [], 200, []),
            ("GET", ["Range: bytes=\(middle)-\(middle + 2)"], 206, body[middle..<middle + 3]),
            ("GET", ["Range: bytes=-1"], 206, body.suffix(1)),
            ("GET", ["Range: bytes=\(byteCount)-"], 416, nil),
            ("GET", ["If-None-Match: \"\(tag)\""], 304, []),
            ("HEAD", ["If-None-Match: *"], 304, []),
            ("GET", ["If-Match: \"1000000\""], 412, nil),
            ("GET", ["If-Range: \"\(tag)\"", "Range: bytes=0-0"], 206, body[..<1]),
            ("POST", [], 409, nil), ("PUT", ["If-None-Match: *"], 412, nil),
            ("PUT", ["If-Match: \"5000000\", \"6000000\""], 412, nil),
        ] as [(String, [String], Int, ArraySlice<UInt8>?)] {
            try served.makeCold("k")
            try client.send(
                method, "/store/k", fields, body: ["PUT", "POST"].contains(method) ? [1] : [])
            let answer = try client.answer(hasBody: method != "HEAD")
            #expect(answer.status == status, "\(method) \(fields)")
            if let expected {
                expectSame(answer.body, expected, "\(method) \(fields)")
                #expect(answer.tagNumber == tag)
            } else {
                expectProblem(answer, status)
            }
            if status == 200 {
                #expect(answer.field("Content-Length") == "\(byteCount)")
                #expect(answer.field("X-Meta-A") == "1" && answer.field("Content-Type") == "a/b")
            }
        }
        #expect(try served.reported.isEmpty)
    }

    @Test("requests behind one that waits for the disk wait for it, and then come in order")
    func order() throws {
        let served = try ServedStore.prompt()
        var text = ""
        var expected: [[UInt8]] = []
        for (number, byteCount) in [100, 80_000, 1_200_000, 10, 200_000, 50_000].enumerated() {
            expected.append(bodyBytes(byteCount, salt: number))
            try served.put("k\(number)", expected[number])
            text += "GET /store/k\(number) HTTP/1.1\r\nHost: test\r\n\r\n"
        }
        try served.makeCold("k0")
        let client = try served.client()
        try client.send(text)
        for (number, body) in expected.enumerated() {
            expectSame(try client.answer().body, body, "\(number)")
        }
        #expect(try served.reported.isEmpty)
    }

    @Test("clients that vanish while the disk is asked hold nothing back")
    func vanishing() throws {
        let served = try ServedStore.prompt()
        let side = try SideServer(served.store)
        let body = bodyBytes(1_500_000)
        try served.put("k", body)
        for number in 0..<12 {
            try served.makeCold("k")
            let client = try side.client()
            try client.send("GET", "/store/k", ["Range: bytes=\(number * 100_000)-"])
            if number % 2 == 0 { try client.failAtEnd() }
        }
        try wait(for: "the end of the connections") { side.connectionCount == 0 }
        #expect(try side.reported.isEmpty)
        expectSame(try side.request("GET", "/store/k").body, body)
    }
}

/// Whether files that were synced can be dropped from memory here; those that live there cannot.
enum ColdStore {
    static let isPossible: Bool = {
        guard let served = try? ServedStore.prompt(), (try? served.put("k", [1])) != nil else {
            return false
        }
        // Some pages stay for a moment.
        for _ in 0..<100 where (try? served.dropCaches()) == true { return true }
        return false
    }()
}
