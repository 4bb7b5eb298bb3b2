// Writers who race: of those that saw one version exactly one replaces it, in every form of a condition.

import Cairn
import CairnHTTP
import CairnSystem
import CairnTestSupport
import Testing

/// How a writer says what it has seen, and how it sends its body.
struct RaceForm: CustomStringConvertible, Sendable {
    let description: String
    let condition: @Sendable (UInt64) -> [String]
    /// What is behind the eight bytes that count.
    var paddingByteCount = 0
    var isChunked = false
    var durability: Durability = .os
    var winCount = 25
}

@Suite("Racing writers")
struct HostileRaceTests {
    private static let forms: [RaceForm] = [
        RaceForm(description: "one tag", condition: { ["If-Match: \"\($0)\""] }),
        RaceForm(
            description: "one tag, synced", condition: { ["If-Match: \($0)"] }, durability: .synced,
            winCount: 10),
        RaceForm(
            description: "several tags",
            condition: { ["If-Match: \"foreign\", \"\($0)\", \"0\", \"\($0 + 100_000)\""] }),
        RaceForm(
            description: "several tags, synced",
            condition: { ["If-Match: \"\($0)\", \"\($0 + 100_000)\""] }, durability: .synced,
            winCount: 10),
        RaceForm(
            description: "a tag beside a time",
            condition: {
                ["If-Match: \"\($0)\"", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"]
            }),
        RaceForm(
            description: "both fields",
            condition: { ["If-Match: \"\($0)\"", "If-None-Match: \"x\""] }),
        RaceForm(
            description: "a body that is streamed", condition: { ["If-Match: \"\($0)\""] },
            paddingByteCount: 300_000, winCount: 5),
        RaceForm(
            description: "several tags and a body that is streamed",
            condition: { ["If-Match: \"\($0)\", \"\($0 + 100_000)\""] },
            paddingByteCount: 300_000, winCount: 5),
        RaceForm(
            description: "a body in chunks of the store",
            condition: { ["If-Match: \"\($0)\", \"\($0 + 100_000)\""] },
            paddingByteCount: 1_200_000, winCount: 3),
        RaceForm(
            description: "a chunked body", condition: { ["If-Match: \"\($0)\""] }, isChunked: true),
    ]

    @Test("no update is lost among writers that replace what they have seen", arguments: forms)
    func noLostUpdate(form: RaceForm) throws {
        let served = try ServedStore(StoreOptions(durability: form.durability))
        try served.put("k", [UInt8](repeating: 0, count: 8))
        let seen = Guarded<[UInt64]>([])
        let box = try ClientBox(3, served)
        try onThreads(3) { number in
            var left = form.winCount
            while left > 0 {
                let (tag, count) = try box.read(number)
                let answer = try box.replace(number, form, tag, count + 1)
                #expect([204, 412].contains(answer.status), "\(answer.text)")
                guard answer.status == 204 else { continue }
                left -= 1
                seen.withLock { $0.append(count + 1) }
            }
        }
        let (_, count) = try box.read(0)
        #expect(count == UInt64(form.winCount * 3))
        #expect(seen.withLock { $0.sorted() } == Array(1...count))
        let reported = try served.reported
        #expect(reported.isEmpty)
    }

    @Test(
        "of writers that create one key exactly one does, and its bytes are there",
        arguments: [
            ("PUT", "If-None-Match: *", 412), ("POST", "Accept: */*", 409),
            ("POST", "If-None-Match: *", 412),
        ], [Durability.os, .synced])
    func creation(way: (method: String, field: String, refusal: Int), durability: Durability) throws
    {
        let served = try ServedStore(StoreOptions(durability: durability))
        let roundCount = durability == .os ? 40 : 12
        let box = try ClientBox(4, served)
        let statuses = Guarded<[[Int]]>(
            [[Int]](repeating: [0, 0, 0, 0], count: roundCount))
        try onThreads(4) { number in
            for round in 0..<roundCount {
                // Collected and streamed bodies race too.
                let body = bodyBytes(round % 4 == 0 ? 140_000 : 3, salt: number)
                let status = try box.create(number, way.method, "k\(round)", way.field, body)
                statuses.withLock { $0[round][number] = status }
            }
        }
        for (round, all) in statuses.withLock({ $0 }).enumerated() {
            #expect(all.sorted() == [201, way.refusal, way.refusal, way.refusal])
            let winner = all.firstIndex(of: 201) ?? 0
            let value = try #require(try served.stored("k\(round)"))
            expectSame(value, bodyBytes(value.count, salt: winner), "round \(round)")
        }
    }

    @Test(
        "a condition that held before the body is judged again behind it",
        arguments: [3, 200_000, 1_100_000])
    func heldBefore(byteCount: Int) throws {
        let served = try ServedStore.prompt()
        for form in [
            "If-Match: \"T\"", "If-Match: \"T\", \"5\"", "If-None-Match: \"none\", W/\"U\"",
        ] {
            let tag = try served.put("k", [1])
            // Nobody else writes, so the next version has the next number.
            let field = form.replacing("T", with: "\(tag)").replacing("U", with: "\(tag + 1)")
            let client = try served.client()
            try client.send(
                "PUT /store/k HTTP/1.1\r\nHost: test\r\n\(field)\r\nExpect: 100-continue\r\n"
                    + "Content-Length: \(byteCount)\r\n\r\n")
            #expect(try client.answer().status == 100, "\(field)")
            #expect(try served.put("k", [2]) == tag + 1)
            try client.send(bodyBytes(byteCount))
            expectProblem(try client.answer(), 412, "condition-failed", field)
            #expect(try served.stored("k") == [2])
        }
    }

    @Test("who creates and says that there must be none is told 412 at both times")
    func createdMeanwhile() throws {
        let served = try ServedStore.prompt()
        for byteCount in [3, 200_000, 1_100_000] {
            let client = try served.client()
            try client.send(
                "POST /store/k\(byteCount) HTTP/1.1\r\nHost: test\r\nIf-None-Match: *\r\n"
                    + "Expect: 100-continue\r\nContent-Length: \(byteCount)\r\n\r\n")
            #expect(try client.answer().status == 100)
            try served.put("k\(byteCount)", [2])
            try client.send(bodyBytes(byteCount))
            let late = try client.answer()
            let early = try served.request(
                "POST", "/store/k\(byteCount)", ["If-None-Match: *"], body: [1])
            #expect(late.status == early.status)
            expectProblem(late, 412, "condition-failed")
        }
    }

    @Test(
        "a condition that holds of every version is never what refuses a write",
        arguments: [20, 200_000, 1_100_000])
    func holdsAlways(byteCount: Int) throws {
        let served = try ServedStore.prompt()
        try served.put("k", [1])
        let box = try ClientBox(4, served)
        let statuses = Guarded<[Int]>([])
        try onThreads(4) { number in
            for round in 0..<(byteCount > 1_000_000 ? 6 : 25) {
                let body = bodyBytes(byteCount, salt: number + round)
                let status = try box.create(
                    number, "PUT", "k", "If-None-Match: \"foreign\", W/\"none\"", body)
                statuses.withLock { $0.append(status) }
            }
        }
        // 409: others were faster, again and again; try again.
        let counts = statuses.withLock { all in Dictionary(grouping: all) { $0 }.mapValues(\.count)
        }
        #expect(Set(counts.keys).isSubset(of: [204, 409]) && counts[204] != nil, "\(counts)")
    }

    @Test("deletes under conditions race with writes, and one of the two wins")
    func deletes() throws {
        let served = try ServedStore.prompt()
        let box = try ClientBox(2, served)
        for round in 0..<60 {
            let tag = try served.put("k", [1])
            let field = round % 2 == 0 ? "If-Match: \"\(tag)\"" : "If-Match: \"\(tag)\", \"a\""
            let statuses = Guarded<[Int]>([0, 0])
            try onThreads(2) { number in
                let status = try box.create(
                    number, number == 0 ? "PUT" : "DELETE", "k", field, number == 0 ? [2] : [])
                statuses.withLock { $0[number] = status }
            }
            let all = statuses.withLock { $0 }
            #expect(all == [204, 412] || all == [412, 204], "\(all)")
            #expect(try served.stored("k") == (all[0] == 204 ? [2] : nil))
        }
    }
}

// Sendable: each client is used by the one thread whose number it has, and a new one is made under a lock.
/// Clients of several threads.
private final class ClientBox: @unchecked Sendable {
    private let clients: Guarded<[TestClient]>
    private let served: ServedStore

    init(_ count: Int, _ served: ServedStore) throws {
        clients = Guarded(try (0..<count).map { _ in try served.client() })
        self.served = served
    }

    func read(_ number: Int) throws -> (tag: UInt64, count: UInt64) {
        let answer = try answer(number) { try $0.send("GET", "/store/k") }
        guard let tag = answer.tagNumber, answer.body.count >= 8 else {
            throw ClientFailure.malformed("\(answer.fields)")
        }
        return (tag, answer.body.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    func replace(_ number: Int, _ form: RaceForm, _ tag: UInt64, _ count: UInt64) throws
        -> HTTPAnswer
    {
        let word = (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
        let body = word + bodyBytes(form.paddingByteCount)
        return try answer(number) { client in
            guard form.isChunked else {
                return try client.send("PUT", "/store/k", form.condition(tag), body: body)
            }
            let lines = ["PUT /store/k HTTP/1.1", "Host: test", "Transfer-Encoding: chunked"]
            let head = (lines + form.condition(tag)).joined(separator: "\r\n") + "\r\n\r\n"
            let size = "\(String(body.count, radix: 16))\r\n"
            try client.send(Array((head + size).utf8) + body + Array("\r\n0\r\n\r\n".utf8))
        }
    }

    func create(
        _ number: Int, _ method: String, _ key: String, _ field: String, _ body: [UInt8]
    ) throws -> Int {
        try answer(number) { try $0.send(method, "/store/\(key)", [field], body: body) }.status
    }

    /// The answer to what is sent; a connection that ends with it is replaced.
    private func answer(_ number: Int, _ send: (TestClient) throws -> Void) throws -> HTTPAnswer {
        let client = clients.withLock { $0[number] }
        try send(client)
        let answer = try client.answer()
        if answer.closes {
            let next = try served.client()
            clients.withLock { $0[number] = next }
        }
        return answer
    }
}
