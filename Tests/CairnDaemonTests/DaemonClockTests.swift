// The wall clock jumps under a server, by a clock of Tests/ClockShift that is put under it.

import CairnTestSupport
import Testing

extension DaemonProofs {
    @Suite("Daemon: the clock jumps") struct ClockJumps {
        private static let jumpCount = CrashSettings.number("CAIRN_CLOCK_JUMPS") ?? 16
        private static let day = 86_400

        /// A clock for servers in the tool's directory; nil, and said why, where no C is compiled.
        private func prefix(_ tool: ToolProcess) throws -> [String]? {
            guard try tool.hasCommand("cc") else { return nil }
            try tool.write(Array(repeating: 0, count: 8), to: "shift")
            let source = repository + "/Tests/ClockShift/clock-shift.c"
            let flags = "-std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -shared -fPIC"
            let result = try tool.shell("cc \(flags) -o clock.so '\(source)'")
            try #require(result.code == 0, "\(result.complaint)")
            return [
                "env", "LD_PRELOAD=\(tool.path("clock.so"))", "CLOCK_SHIFT=\(tool.path("shift"))",
            ]
        }

        /// Puts the clock so many seconds ahead. Servers have the file mapped, so it is one write.
        private func set(_ seconds: Int, _ tool: ToolProcess) throws {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: seconds >> ($0 * 8)) }
            try tool.write(bytes, to: "shift.new")
            let command = "dd if=shift.new of=shift conv=notrunc bs=8 count=1"
            try #require(try tool.shell(command).code == 0)
        }

        @Test(
            "what expires is absent while the clock is ahead, and there again behind a compaction")
        func expiry() throws {
            let tool = try ToolProcess("cairnd")
            guard let prefix = try prefix(tool) else { return }
            let daemon = try DaemonProcess(in: tool, prefix: prefix)
            let client = try daemon.client()
            let body = BodyPool.dense(1000)
            let fields = ["Cairn-Expires-In: 3600"]
            #expect(try client.exchange("PUT", "/store/k", fields, body: body).status == 201)
            #expect(try client.exchange("PUT", "/store/dead", body: body).status == 201)
            #expect(try client.exchange("DELETE", "/store/dead").status == 204)
            try set(400 * Self.day, tool)
            #expect(try client.exchange("GET", "/store/k").status == 404)
            #expect(try client.exchange("POST", "/admin/compact").status == 202)
            while try client.exchange("GET", "/status").text.contains("\"running\":true") {}
            #expect(try client.exchange("GET", "/store/k").status == 404)
            for shift in [0, -400 * Self.day] {
                try set(shift, tool)
                #expect(try client.exchange("GET", "/store/k").body == Array(body))
            }
            #expect(try daemon.stop().code == 0)
        }

        @Test(
            "versions only grow, and conditions hold, wherever the clock jumps, over restarts too")
        func versions() throws {
            var random = TestRandom.reported("the clock jumps")
            let tool = try ToolProcess("cairnd")
            guard let prefix = try prefix(tool) else { return }
            var known = KnownVersions()
            for _ in 0..<(Self.jumpCount + 3) / 4 {
                let daemon = try DaemonProcess(in: tool, prefix: prefix)
                let client = try daemon.client()
                for _ in 0..<4 {
                    try set((random.below(801) - 400) * Self.day, tool)
                    for _ in 0..<10 { try known.step(client, &random) }
                }
                if random.coin() { try #require(try daemon.stop().code == 0) }
            }
            print("\(Self.jumpCount) jumps of the clock, the greatest version is \(known.newest)")
        }
    }
}

/// What is known of a store in which every write is one's own.
private struct KnownVersions {
    /// The greatest of all.
    private(set) var newest = 0
    private var present: [Int: (version: String, body: [UInt8])] = [:]
    private var past: [String] = []

    /// One write, or one that must not happen, and a read.
    mutating func step(_ client: TestClient, _ random: inout TestRandom) throws {
        let place = random.below(4)
        let target = "/store/\(place)"
        let before = present[place]
        let body = Array(BodyPool.bytes[BodyPool.draw(&random, exponents: 0..<14)])
        if let old = past.randomElement(using: &random) {
            let refused = try client.exchange("PUT", target, ["If-Match: \(old)"], body: body[...])
            #expect(refused.status == 412, "\(refused.status) for \(old)")
        }
        let condition = before.map { "If-Match: \($0.version)" } ?? "If-None-Match: *"
        if before != nil, random.chance(1, in: 4) {
            #expect(try client.exchange("DELETE", target, [condition]).status == 204)
            present[place] = nil
        } else {
            let answer = try client.exchange("PUT", target, [condition], body: body[...])
            #expect(answer.status == (before == nil ? 201 : 204), "\(answer.status) \(answer.text)")
            let version = try #require(answer.field("ETag"))
            let number = try #require(Int(version.filter { $0 != "\"" }))
            #expect(number > newest, "\(number) behind \(newest)")
            newest = max(newest, number)
            present[place] = (version, body)
        }
        if let before { past.append(before.version) }
        let found = try client.exchange("GET", target)
        #expect(found.status == (present[place] == nil ? 404 : 200))
        if let expected = present[place] { #expect(found.body == expected.body) }
    }
}
