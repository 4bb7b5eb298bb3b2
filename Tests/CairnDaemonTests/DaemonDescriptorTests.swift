// A server has no descriptors left, by a limit of its process, and has them again.

import CairnTestSupport
import Testing

extension DaemonProofs {
    @Suite("Daemon: no descriptors") struct NoDescriptors {
        private static let limit = 64

        @Test("without descriptors it goes on for whom it has, then for all, and loses nothing")
        func exhausted() throws {
            let tool = try ToolProcess("cairnd")
            let prefix = ["bash", "-c", "ulimit -n \(Self.limit) && exec \"$@\"", "bash"]
            let options = ["--segment-bytes", "1MiB", "--space-amplification", "1.2"]
            let daemon = try DaemonProcess(in: tool, prefix: prefix, options)
            let client = try daemon.client()
            try put(0, client)
            // More than it can accept: who is not accepted waits.
            var crowd: [TestClient] = []
            for _ in 0..<(2 * Self.limit) { crowd.append(try daemon.client()) }
            for other in crowd { try other.send(TestClient.request("GET", "/store/0")) }
            // Over many segments, whose files need descriptors, too.
            var stored: Set<Int> = [0]
            for number in 1..<60 where try put(number, client) { stored.insert(number) }
            for number in stored { try expectBlob(number, client) }
            let first = try crowd[0].answer()
            #expect(first.status == 200 && first.body == body(0))
            crowd = []
            // Connections that end make room for others.
            let late = try daemon.client()
            for number in 100..<110 {
                #expect(try put(number, late))
                stored.insert(number)
            }
            for number in stored { try expectBlob(number, late) }
            #expect(try daemon.stop().code == 0)
            let again = try DaemonProcess(in: tool)
            let reader = try again.client()
            for number in stored { try expectBlob(number, reader) }
            print("with \(Self.limit) descriptors \(stored.count) of 70 puts were acknowledged")
        }

        private func body(_ number: Int) -> [UInt8] {
            Array(BodyPool.bytes[number * 1000..<number * 1000 + 100_000])
        }

        /// Whether it was acknowledged; else the server says why.
        @discardableResult
        private func put(_ number: Int, _ client: TestClient) throws -> Bool {
            let answer = try client.exchange("PUT", "/store/\(number)", body: body(number)[...])
            if answer.status == 201 { return true }
            #expect([500, 503, 507].contains(answer.status), "\(answer.status) \(answer.text)")
            return false
        }

        private func expectBlob(_ number: Int, _ client: TestClient) throws {
            let answer = try client.exchange("GET", "/store/\(number)")
            let isWhole = answer.status == 200 && answer.body == body(number)
            #expect(isWhole, "\(number): \(answer.status)")
        }
    }
}
