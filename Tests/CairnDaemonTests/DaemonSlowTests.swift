// A thousand clients that drip, or rest, beside an ordinary one.

import CairnSystem
import CairnTestSupport
import Testing

extension DaemonProofs {
    @Suite("Daemon: slow clients", .serialized) struct SlowClients {
        private static let count = 1000
        /// Room for all of them, and time for a machine that does much else.
        private static let options = [
            "--max-connections", "2000", "--head-time", "10min", "--grace-time", "10min",
            "--max-upload-memory", "2GiB", "--durability", "os",
        ]

        /// How a client is slow: what it sends at once, what it goes on dripping, whether it takes answers.
        private struct Dripping {
            let first: [UInt8]
            let drop: [UInt8]
            let takes: Bool

            func drip(_ client: TestClient) throws {
                if takes { _ = try client.receive(1) }
                if !drop.isEmpty { try client.send(drop) }
            }

            static let senders: [Dripping] = [
                Dripping(
                    first: Array("GET /store/ordinary HTTP/1.1\r\nHost: test\r\nX-Meta-A: ".utf8),
                    drop: [UInt8(ascii: "a")], takes: false),
                Dripping(
                    first: TestClient.request(
                        "PUT", "/store/slow-small",
                        ["Content-Length: 10000"]), drop: [1], takes: false),
                Dripping(
                    first: TestClient.request(
                        "PUT", "/store/slow-large",
                        ["Content-Length: 10000000"]), drop: [2], takes: false),
                Dripping(
                    first: TestClient.request(
                        "PUT", "/store/slow-chunks",
                        ["Transfer-Encoding: chunked"]), drop: Array("1\r\nc\r\n".utf8),
                    takes: false),
            ]
            /// The kernel holds megabytes of an answer for each of these.
            static let reader = Dripping(
                first: TestClient.request("GET", "/store/large"), drop: [], takes: true)

            /// How the client of this number is slow.
            static func kind(_ number: Int) -> Dripping {
                number % 25 == 0 ? reader : senders[number % senders.count]
            }
        }

        @Test("a thousand of them leave an ordinary client its time, and give back what they had")
        func drip() throws {
            try ResourceLimits.raiseDescriptorLimit()
            let daemon = try DaemonProcess(in: try ToolProcess("cairnd"), Self.options)
            let ordinary = try daemon.client()
            let large = BodyPool.long[...]
            #expect(try ordinary.exchange("PUT", "/store/large", body: large).status == 201)
            let quiet = try measure(ordinary)
            let (descriptors, memory) = (
                try daemon.descriptors().count, try daemon.memoryByteCount()
            )
            var slow: [TestClient] = []
            for number in 0..<Self.count {
                let kind = Dripping.kind(number)
                // A small window, so that an answer of this length cannot leave the server.
                let client = try daemon.client(receiveBufferByteCount: kind.takes ? 4096 : nil)
                try client.send(kind.first)
                slow.append(client)
            }
            let arriving = try measure(ordinary, among: slow)
            let among = try measure(ordinary, among: slow)
            let more = try daemon.memoryByteCount() - memory
            #expect(try daemon.descriptors().count >= descriptors + Self.count)
            print(
                "slow clients: p99 of an ordinary one \(quiet) alone, \(arriving) while \(Self.count) "
                    + "come, \(among) among them (\(among / quiet) times); \(more / Self.count) bytes "
                    + "of memory each")
            // A loop that waited for one of them would wait until it ends. What is less depends on who else
            // uses the machine.
            #expect(max(arriving, among) < .seconds(2))
            #expect(more / Self.count < 256 << 10)
            slow = []
            let kept = try daemon.kept(beyond: descriptors, asking: ordinary)
            #expect(kept == nil)
            #expect(try ordinary.exchange("GET", "/store/slow-small").status == 404)
            #expect(try daemon.stop().code == 0)
        }

        /// The time below which 99 of 100 requests of an ordinary client are answered.
        /// Before each of them some of the slow ones drip, each at its turn.
        private func measure(_ client: TestClient, among slow: [TestClient] = []) throws -> Duration
        {
            let body = BodyPool.dense(4096)
            var times: [Duration] = []
            for number in 0..<1000 {
                for drop in 0..<(slow.isEmpty ? 0 : 5) {
                    let place = (number * 5 + drop) % slow.count
                    try Dripping.kind(place).drip(slow[place])
                }
                let start = ContinuousClock.now
                let answer =
                    number % 2 == 0
                    ? try client.exchange("PUT", "/store/ordinary", body: body)
                    : try client.exchange("GET", "/store/ordinary")
                times.append(ContinuousClock.now - start)
                try #require((200...204).contains(answer.status), "\(answer)")
            }
            return times.sorted()[989]
        }

        @Test("a thousand that rest cost less than 1 kB of memory each")
        func idle() throws {
            try ResourceLimits.raiseDescriptorLimit()
            let daemon = try DaemonProcess(in: try ToolProcess("cairnd"), Self.options)
            // What the first ones make once for all is not counted.
            var clients = try resting(50, daemon)
            let before = try daemon.memoryByteCount()
            clients += try resting(Self.count, daemon)
            let each = (try daemon.memoryByteCount() - before) / Self.count
            print("idle connections: \(each) bytes of memory each")
            #expect(each < 1024)
            for client in [clients[0], clients[500], clients[Self.count]] {
                #expect(try client.exchange("GET", "/healthz").status == 200)
            }
        }

        /// Clients that were answered once.
        private func resting(_ count: Int, _ daemon: DaemonProcess) throws -> [TestClient] {
            try (0..<count).map { _ in
                let client = try daemon.client()
                try #require(try client.exchange("GET", "/store/none").status == 404)
                return client
            }
        }
    }
}
