// Clients that are many, slow, early, or gone: each gets what it asked for, and nobody else pays for it.

import Cairn
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Hostile connections")
struct HostileConnectionTests {
    /// Segments that are soon full, so that there is something to give back.
    private func smallSegments() throws -> ServedStore {
        try ServedStore(StoreOptions(durability: .os, segmentByteCount: 4 << 20))
    }

    @Test("requests that were sent together are answered in order, each behind the one before")
    func pipelined() throws {
        let served = try ServedStore()
        var random = TestRandom.reported("pipelined requests")
        var model: [String: [UInt8]] = [:]
        var text: [UInt8] = []
        var expected: [(method: String, status: Int, body: [UInt8]?)] = []
        for number in 0..<300 {
            let key = "k\(random.below(4))"
            func add(_ method: String, _ fields: [String] = [], _ body: [UInt8]? = nil) {
                var lines = ["\(method) /store/\(key) HTTP/1.1", "Host: test"] + fields
                if let body { lines.append("Content-Length: \(body.count)") }
                text += Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (body ?? [])
            }
            let durability = ["synced", "os", "interval"][random.below(3)]
            switch random.below(8) {
            case 0...2:
                let body = bodyBytes(random.below(20) == 0 ? 140_000 : 20, salt: number)
                add("PUT", ["Cairn-Durability: \(durability)"], body)
                expected.append(("PUT", model[key] == nil ? 201 : 204, nil))
                model[key] = body
            case 3:
                add("DELETE", ["Cairn-Durability: \(durability)"])
                expected.append(("DELETE", model[key] == nil ? 404 : 204, nil))
                model[key] = nil
            case 4:
                add("POST", ["Cairn-Durability: \(durability)"], [1, 2])
                expected.append(("POST", model[key] == nil ? 201 : 409, nil))
                model[key] = model[key] ?? [1, 2]
            case 5:
                add("HEAD")
                expected.append(("HEAD", model[key] == nil ? 404 : 200, nil))
            case 6:
                add("PUT", ["If-Match: \"a\", *b"], [1])
                expected.append(("PUT", 400, nil))
            default:
                add("GET")
                expected.append(("GET", model[key] == nil ? 404 : 200, model[key]))
            }
        }
        let client = try served.client()
        // The server need not read on while nobody takes its answers.
        let box = Sender(client, text)
        let thread = try ServiceThread.start(name: "cairn-sender") { box.send() }
        defer { thread.join() }
        for (number, one) in expected.enumerated() {
            let answer = try client.answer(hasBody: one.method != "HEAD")
            #expect(answer.status == one.status, "\(number): \(one.method) \(random.seed)")
            if let body = one.body { expectSame(answer.body, body, "\(number)") }
        }
    }

    @Test(
        "who sends no more behind its requests gets all answers",
        arguments: [20, 140_000, 1_200_000])
    func halfClosed(byteCount: Int) throws {
        let served = try ServedStore()
        let body = bodyBytes(byteCount)
        let client = try served.client()
        try client.send("PUT", "/store/k", body: body)
        try client.send("GET", "/store/k")
        try client.send("DELETE", "/store/k", ["If-Match: \"foreign\", *x"])
        try client.send("PUT", "/store/k", ["If-None-Match: \"foreign\""], body: [1])
        try client.endSending()
        #expect(try client.answer().status == 201)
        expectSame(try client.answer().body, body)
        #expect(try client.answer().status == 400)
        #expect(try client.answer().status == 204)
        #expect(try client.isEnded())
        // The same of one request that waits for the disk.
        try served.put("cold", body)
        try served.dropCaches()
        let other = try served.client()
        try other.send("GET", "/store/cold")
        try other.endSending()
        expectSame(try other.answer().body, body)
        #expect(try other.isEnded())
    }

    @Test("clients of HTTP/1.0 are served, and told when the connection stays")
    func oldVersion() throws {
        let served = try ServedStore.prompt()
        let client = try served.client()
        try client.send(
            "PUT /store/k HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc")
        let put = try client.answer()
        #expect(put.status == 201 && put.field("Connection") == "keep-alive")
        try client.send("GET /store/k HTTP/1.0\r\nRange: bytes=1-1\r\n\r\n")
        let get = try client.answer()
        #expect(get.status == 206 && get.text == "b" && get.closes)
        #expect(try client.isEnded())
    }

    @Test("two hundred clients at a time are served, whatever each of them waits for")
    func many() throws {
        let served = try ServedStore()
        let clients = try (0..<200).map { _ in try served.client() }
        for (number, client) in clients.enumerated() { try client.send("PUT /store/k\(number) HT") }
        for client in clients {
            try client.send("TP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n01234")
        }
        for client in clients { try client.send("56789") }
        for client in clients { #expect(try client.answer().status == 201) }
        for (number, client) in clients.enumerated() {
            try client.send("GET", "/store/k\(199 - number)")
        }
        for client in clients { #expect(try client.answer().text == "0123456789") }
        #expect(served.store.statistics().keyCount == 200)
    }

    @Test(
        "a slow client gets the version that it asked for, whole",
        arguments: [300_000, 1_000_000, 9_000_000])
    func slowReader(byteCount: Int) throws {
        let served = try smallSegments()
        let side = try SideServer(served.store)
        let body = bodyBytes(byteCount)
        let tag = try served.put("k", body)
        try served.put("ranged", body)
        let client = try side.client(receiveBufferByteCount: 4096)
        let ranged = try side.client(receiveBufferByteCount: 4096)
        try client.send("GET", "/store/k")
        try ranged.send("GET", "/store/ranged", ["Range: bytes=1000-"])
        let begin = try client.receive(100)
        let rangedBegin = try ranged.receive(100)
        // Overwritten, deleted, and its segments replaced as far as they can be.
        #expect(try served.request("PUT", "/store/k", body: [1]).status == 204)
        for number in 0..<6 {
            try served.put("filler\(number)", bodyBytes(1_000_000, salt: number))
        }
        for number in 0..<6 { try served.request("DELETE", "/store/filler\(number)") }
        for key in ["k", "ranged"] {
            #expect(try served.request("DELETE", "/store/\(key)").status == 204)
        }
        try served.store.compact(target: 1.05)
        #expect(try served.request("GET", "/store/k").status == 404)
        let whole = try begin + client.receive(byteCount)
        let head = try #require(whole.firstRange(of: [13, 10, 13, 10]))
        let headText = String(decoding: whole[..<head.lowerBound], as: UTF8.self)
        #expect(headText.contains("ETag: \"\(tag)\""))
        let rest = try whole[head.upperBound...] + client.receive(head.upperBound - 100)
        expectSame(rest, body, "the whole")
        let part = try rangedBegin + ranged.receive(byteCount - 1000)
        let partHead = try #require(part.firstRange(of: [13, 10, 13, 10]))
        let partRest = try part[partHead.upperBound...] + ranged.receive(partHead.upperBound - 100)
        expectSame(partRest, body[1000...], "the part")
        #expect(try side.reported.isEmpty)
    }

    @Test("readers that vanish hold no bytes back")
    func vanishingReaders() throws {
        let served = try smallSegments()
        let side = try SideServer(served.store)
        try served.put("kept", [1])
        try served.put("k", bodyBytes(12_000_000))
        for number in 0..<6 {
            let client = try side.client(receiveBufferByteCount: 4096)
            try client.send("GET", "/store/k", number % 2 == 0 ? [] : ["Range: bytes=-9000000"])
            _ = try client.receive(1000)
            if number % 3 == 0 { try client.failAtEnd() }
            if number % 3 == 1 { try client.endSending() }
        }
        try wait(for: "the end of the connections") { side.connectionCount == 0 }
        #expect(try served.request("DELETE", "/store/k").status == 204)
        try wait(for: "the room") {
            try served.store.compact(target: 1.05)
            return served.store.statistics().logicalByteCount < 8 << 20
        }
        #expect(try side.reported.isEmpty)
        #expect(try served.request("GET", "/store/kept").body == [1])
    }

    @Test(
        "writers that vanish hold no bytes back, and their memory is free for others",
        arguments: [(600_000, 1_000_000), (2_500_000, 30_000_000)])
    func vanishingWriters(sentByteCount: Int, byteCount: Int) throws {
        let served = try smallSegments()
        let side = try SideServer(served.store, uploadByteCountMaximum: 4 << 20)
        try served.put("kept", [1])
        for number in 0..<6 {
            let client = try side.client()
            try client.send(
                "PUT /store/k HTTP/1.1\r\nHost: test\r\nContent-Length: \(byteCount)\r\n\r\n")
            try client.send(bodyBytes(sentByteCount))
            if number % 2 == 0 { try client.failAtEnd() }
        }
        try wait(for: "the end of the connections") { side.connectionCount == 0 }
        try wait(for: "memory for another body") {
            try side.request("PUT", "/store/other", body: bodyBytes(1_500_000)).status < 300
        }
        #expect(served.store.statistics().keyCount == 2)
        try wait(for: "the room") {
            try served.store.compact(target: 1.05)
            return served.store.statistics().logicalByteCount < 8 << 20
        }
        #expect(try side.reported.isEmpty)
        expectSame(try served.request("GET", "/store/other").body, bodyBytes(1_500_000))
    }

    @Test(
        "bodies beyond what fits into memory are 503 for now, and the others go on",
        arguments: [200_000, 1_200_000])
    func busy(byteCount: Int) throws {
        let served = try ServedStore.prompt()
        let side = try SideServer(served.store, uploadByteCountMaximum: 4 << 20)
        var taken: [TestClient] = []
        var refused: HTTPAnswer?
        while refused == nil, taken.count < 100 {
            let client = try side.client()
            try client.send(
                "PUT /store/k\(taken.count) HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                    + "Content-Length: \(byteCount)\r\n\r\n")
            let answer = try client.answer()
            if answer.status == 100 { taken.append(client) } else { refused = answer }
        }
        expectProblem(try #require(refused), 503, "busy")
        #expect(refused?.field("Retry-After").flatMap { Int($0) } ?? 0 > 0)
        #expect(!taken.isEmpty)
        for client in taken { try client.send(bodyBytes(byteCount)) }
        for client in taken { #expect(try client.answer().status == 201) }
        #expect(
            try side.request("PUT", "/store/late", body: bodyBytes(byteCount)).status == 201)
        #expect(try side.reported.isEmpty)
    }
}

// Sendable: the socket takes and gives at the same time, and what the client keeps is touched by its reader only.
/// Sends while another thread reads.
private final class Sender: @unchecked Sendable {
    private let client: TestClient
    private let bytes: [UInt8]

    init(_ client: TestClient, _ bytes: [UInt8]) { (self.client, self.bytes) = (client, bytes) }

    func send() { try? client.send(bytes) }
}
