// Requests of every kind, changed at random, against the program that users run.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

extension DaemonProofs {
    @Suite("Daemon: malformed input") struct MalformedInput {
        private static let count = CrashSettings.number("CAIRN_MUTATIONS") ?? 10_000
        private static let threadCount = 4

        @Test("no input makes it end, and none costs a descriptor")
        func mutations() throws {
            var random = TestRandom.reported("mutations")
            let tool = try ToolProcess("cairnd")
            let daemon = try DaemonProcess(in: tool, ["--durability", "os"])
            let ordinary = try daemon.client()
            let body = BodyPool.dense(50_000)
            #expect(try ordinary.exchange("PUT", "/store/kept", body: body).status == 201)
            let descriptors = try daemon.descriptors().count
            let counts = Guarded([Int: Int]())
            let threads = try (0..<Self.threadCount).map { _ in
                let mutation = Mutation(random.fork())
                return try ServiceThread.start(name: "mutations") {
                    for _ in 0..<Self.count / Self.threadCount {
                        let status = mutation.send(to: daemon)
                        counts.withLock { $0[status, default: 0] += 1 }
                    }
                }
            }
            for thread in threads { thread.join() }
            let found = counts.withLock { $0 }
            print(
                "mutations: \(found.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key)" })")
            #expect(found[Mutation.unreachable] == nil)
            #expect(found.keys.contains { $0 == 400 } && found.keys.contains { $0 / 100 == 2 })
            // Not even a failure that the server owes somebody.
            #expect(!found.keys.contains { [500, 507].contains($0) })
            #expect(daemon.isRunning)
            #expect(try ordinary.exchange("GET", "/store/kept").body == Array(body))
            let kept = try daemon.kept(beyond: descriptors, asking: ordinary)
            #expect(kept == nil)
            #expect(try daemon.stop().code == 0)
            #expect(try tool.shell("$CAIRN fsck --deep store").code == 0)
        }
    }
}

// Sendable: one thread has it.
/// Changes valid requests.
private final class Mutation: @unchecked Sendable {
    /// Nobody listened.
    static let unreachable = -1
    /// The connection was ended without an answer.
    private static let unanswered = 0

    private var random: TestRandom

    init(_ random: TestRandom) { self.random = random }

    /// Sends one over a connection of its own. Returns the status of the first answer.
    func send(to daemon: DaemonProcess) -> Int {
        do {
            let client = try daemon.client()
            do {
                try client.send(drawn())
                // Some do not wait.
                if random.chance(1, in: 8) { return Self.unanswered }
                try client.endSending()
                return try client.answer(hasBody: false).status
            } catch {
                return Self.unanswered
            }
        } catch {
            return Self.unreachable
        }
    }

    private func drawn() -> [UInt8] {
        var bytes = Self.requests[random.below(Self.requests.count)]
        // A second one behind it, now and then.
        if random.chance(1, in: 4) { bytes += Self.requests[random.below(Self.requests.count)] }
        for _ in 0..<random.below(4) { change(&bytes) }
        return bytes
    }

    private func change(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        // Heads are where meanings are.
        let place = random.below(random.coin() ? min(bytes.count, 300) : bytes.count)
        let end = min(bytes.count, place + 1 + random.below(20))
        switch random.below(8) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes[place] ^= 1 << UInt8(random.below(8))
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: random.bytes(1 + random.below(20)), at: place)
        case 4: bytes.insert(contentsOf: bytes[place..<end], at: place)
        case 5: bytes.removeSubrange(place...)
        case 6: bytes.insert(contentsOf: Self.words[random.below(Self.words.count)], at: place)
        default:
            let other = Self.requests[random.below(Self.requests.count)]
            bytes.replaceSubrange(place..., with: other.suffix(random.below(other.count)))
        }
    }

    /// What parsers stumble over.
    private static let words: [[UInt8]] =
        [
            "\r\n", "\n", "\r\n\r\n", "\0", " ", ":", "%", "%00", "%zz", "..", "/", "?", ",", "\"",
            "=",
            "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n",
            "-1", "0", "18446744073709551616", "ffffffffffffffff\r\n", "0\r\n\r\n", "HTTP/1.0",
            "HTTP/9.9",
            "Range: bytes=0-0,-1\r\n", "If-Match: \"\r\n",
            "Cairn-Expires-In: 9223372036854775807\r\n",
            "\u{ff}", "\u{10FFFF}",
        ].map { Array($0.utf8) } + [[0xff, 0xfe], Array(repeating: 0x61, count: 20_000)]

    private static let requests: [[UInt8]] = {
        let body = BodyPool.bytes[1000..<3000]
        let form = """
            --b\r\nContent-Disposition: form-data; name="upload_file"; filename="a.txt"\r\n\r\ntext\r\n--b--\r\n
            """
        let json = #"{"key": "v", "extension": "txt", "data": "aGVsbG8="}"#
        let names = #"["m/1", "m/2", "m/none"]"#
        return [
            TestClient.request("GET", "/store/m/1", ["Range: bytes=10-20", "If-Range: \"7\""]),
            TestClient.request("HEAD", "/store/m/1", ["If-None-Match: \"1\", W/\"2\""]),
            TestClient.request(
                "PUT", "/store/m/1",
                ["Content-Type: text/plain", "X-Meta-A: b", "Cairn-Durability: os"], body: body),
            TestClient.request("POST", "/store/m/2", ["Cairn-Expires-In: 100"], body: body),
            TestClient.request(
                "PUT", "/store/m%2F3%20x",
                ["Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==", "Want-Repr-Digest: sha-256=1"], body: []),
            TestClient.chunkedRequest(
                "PUT", "/store/m/4", ["Expect: 100-continue"], body: body, by: 700),
            TestClient.request(
                "PUT", "/store/m/5", body: BodyPool.bytes[0..<140_000]),
            TestClient.request("DELETE", "/store/m/2", ["If-Match: *"]),
            TestClient.request("GET", "/store/?prefix=m/&delimiter=/&limit=2&after=m%2F1"),
            TestClient.request("POST", "/store/?delete", body: Array(names.utf8)[...]),
            TestClient.request("GET", "/store/m/1?history"),
            TestClient.request("OPTIONS", "/store/m/1", ["Connection: close"]),
            TestClient.request(
                "POST", "/files?path=m.txt", ["Content-Type: multipart/form-data; boundary=b"],
                body: Array(form.utf8)[...]),
            TestClient.request("GET", "/file?path=m.txt"),
            TestClient.request("POST", "/put/", body: Array(json.utf8)[...]),
            TestClient.request("GET", "/get/v"), TestClient.request("GET", "/status"),
            TestClient.request("GET", "/metrics"), TestClient.request("GET", "/readyz"),
            Array("GET /healthz HTTP/1.0\r\n\r\n".utf8),
        ]
    }()
}
