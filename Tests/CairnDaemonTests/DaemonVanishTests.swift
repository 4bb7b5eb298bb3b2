// Clients that go away in the midst of what they began.

import CairnTestSupport
import Testing

extension DaemonProofs {
    @Suite("Daemon: vanishing clients") struct VanishingClients {
        private static let count = 500

        @Test(
            "500 of them leave no descriptor, nothing to see, and no space that is not given back")
        func vanish() throws {
            var random = TestRandom.reported("vanishing clients")
            let tool = try ToolProcess("cairnd")
            let daemon = try DaemonProcess(in: tool, ["--compact", "off"])
            let ordinary = try daemon.client()
            let large = BodyPool.long
            #expect(try ordinary.exchange("PUT", "/store/large", body: large[...]).status == 201)
            let descriptors = try daemon.descriptors().count
            for number in 0..<Self.count {
                let client = try daemon.client()
                if number % 2 == 0 {
                    try client.send(TestClient.request("GET", "/store/large"))
                    _ = try client.receive(1 + random.below(500_000))
                } else {
                    // What is cut may have been written to the log by then.
                    try client.send(upload(number, &random))
                }
                if random.coin() { try client.failAtEnd() }
            }
            let kept = try daemon.kept(beyond: descriptors, asking: ordinary)
            #expect(kept == nil)
            let listing = try ordinary.exchange("GET", "/store/")
            #expect(listing.text.split(separator: "\"key\":").count == 2, "\(listing.text)")
            #expect(try ordinary.exchange("GET", "/store/large").body == large)
            #expect(try daemon.stop().code == 0)
            let before = try byteCount(tool)
            #expect(try tool.shell("$CAIRN compact store").code == 0)
            let after = try byteCount(tool)
            print("vanishing clients: \(before) bytes in the store, \(after) behind compaction")
            #expect(before - after > 4 << 20 && after < large.count + (1 << 20))
            #expect(try tool.shell("$CAIRN fsck --deep store").code == 0)
        }

        /// A request whose end is missing.
        private func upload(_ number: Int, _ random: inout TestRandom) -> [UInt8] {
            // The store writes in pieces of a mebibyte; one in ten is longer than that.
            let isLong = number % 20 == 1
            let body = BodyPool.dense(isLong ? 2 << 20 : 1 + random.below(300_000))
            let target = "/store/vanished-\(number)"
            let request =
                random.coin()
                ? TestClient.request("PUT", target, body: body)
                : TestClient.chunkedRequest("POST", target, body: body, by: 50_000)
            let missing = 1 + random.below(isLong ? 500_000 : body.count)
            return Array(request.prefix(request.count - missing))
        }

        /// Bytes on disk of the store's segments.
        private func byteCount(_ tool: ToolProcess) throws -> Int {
            let result = try tool.shell("du --block-size=1 -s store/segments | cut -f1")
            return try #require(result.lines.first.flatMap { Int($0) })
        }
    }
}
