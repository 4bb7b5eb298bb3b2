// A file system that is full under a server that serves.
//
// For root only: the file system is mounted in a mount namespace of the server's own, which goes with it.

import CairnTestSupport
import Glibc
import Testing

extension DaemonProofs {
    @Suite(
        "Daemon: a full disk", .enabled(if: geteuid() == 0, "only root may mount a file system"))
    struct FullDisk {
        private static let byteCount = 1 << 20

        @Test(
            "puts are refused with 507, reads and deletes go on, and puts do again behind deletes")
        func full() throws {
            let tool = try ToolProcess("cairnd")
            #expect(try tool.shell("mkdir -m 700 store").code == 0)
            let mount = "mount -t tmpfs -o mode=700,size=64M tmpfs \"$0\" && exec \"$@\""
            let daemon = try DaemonProcess(
                in: tool,
                prefix: [
                    "unshare", "-m", "--propagation", "private", "bash", "-c", mount,
                    tool.path("store"),
                ], ["--segment-bytes", "4MiB"])
            let client = try daemon.client()
            var stored: [Int] = []
            var refusal: HTTPAnswer?
            while refusal == nil, stored.count < 64 {
                let answer = try put(stored.count, over: daemon)
                if answer.status == 201 { stored.append(stored.count) } else { refusal = answer }
            }
            #expect(stored.count > 16)
            try expectFull(try #require(refusal))
            // Small ones too, in the end: what is left of the space is used up.
            var small = 0
            while try put(1000 + small, over: daemon, 60_000).status == 201, small < 1000 {
                small += 1
            }
            try expectFull(try put(2000, over: daemon, 60_000))
            for number in stored { try expectBlob(number, client) }
            #expect(try client.exchange("GET", "/store/\(stored.count)").status == 404)
            for number in stored.prefix(16) {
                let answer = try client.exchange("DELETE", "/store/\(number)")
                #expect(answer.status == 204, "\(number): \(answer.status) \(answer.text)")
            }
            try expectResumption(daemon)
            for number in stored.prefix(16) {
                #expect(try client.exchange("GET", "/store/\(number)").status == 404)
            }
            for number in stored.dropFirst(16) { try expectBlob(number, client) }
            try expectBlob(3000, client)
            #expect(try daemon.stop().code == 0)
            print("a full disk: \(stored.count) blobs of 1 MiB and \(small) small ones in 64 MiB")
        }

        private func body(_ number: Int, _ byteCount: Int) -> ArraySlice<UInt8> {
            BodyPool.bytes[number..<number + byteCount]
        }

        /// Over a connection of its own, since a refusal may end it.
        private func put(
            _ number: Int, over daemon: DaemonProcess, _ byteCount: Int = byteCount
        ) throws -> HTTPAnswer {
            let client = try daemon.client()
            let request = TestClient.request(
                "PUT", "/store/\(number)", body: body(number, byteCount))
            do { try client.send(request) } catch ClientFailure.call("send", _) {}
            return try client.answer()
        }

        private func expectFull(_ answer: HTTPAnswer) throws {
            #expect(answer.status == 507, "\(answer.status) \(answer.text)")
            #expect(answer.field("Content-Type") == "application/problem+json")
        }

        private func expectBlob(_ number: Int, _ client: TestClient) throws {
            let answer = try client.exchange("GET", "/store/\(number)")
            #expect(answer.status == 200 && answer.body == Array(body(number, Self.byteCount)))
        }

        /// Compaction has to make the space that deletes promise; each look is a put.
        private func expectResumption(_ daemon: DaemonProcess) throws {
            let end = ContinuousClock.now + .seconds(30)
            var answer = try put(3000, over: daemon)
            while answer.status == 507, ContinuousClock.now < end {
                answer = try put(3000, over: daemon)
            }
            #expect(answer.status == 201, "\(answer.status) \(answer.text)")
        }
    }
}
