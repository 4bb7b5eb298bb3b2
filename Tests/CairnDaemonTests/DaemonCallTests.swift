// System calls fail under the server, and under the tool, by strace.

import CairnTestSupport
import Glibc
import Testing

extension DaemonProofs {
    @Suite("Daemon: failed calls") struct FailedCalls {
        private static let runCount = CrashSettings.number("CAIRN_CALLS") ?? 3
        private static let options = ["--segment-bytes", "1MiB", "--space-amplification", "1.2"]

        @Test("a call of the server that fails loses nothing acknowledged, and is no trap")
        func serve() throws {
            var random = TestRandom.reported("failed calls of the server")
            let tool = try ToolProcess("cairnd")
            guard try tool.hasCommand("strace") else { return }
            let crowd = LoadCrowd(&random, clientCount: 3)
            _ = try end(tool, crowd, CallFault.counter(tool))
            // These two are for eventfds here, which do not fail so.
            let counts = try CallFault.counted(tool).filter {
                !["read", "write"].contains($0.call)
            }
            var (tally, tryCount) = (CallFaultTally(), 0)
            while tally.runCount < Self.runCount {
                tryCount += 1
                try #require(tryCount < 100 + 10 * Self.runCount, "next to nothing fails")
                let fault = CallFault.draw(counts, &random)
                let end = try end(tool, crowd, fault.prefix(tool))
                let lines = try CallFault.injected(tool)
                if !lines.contains(where: CallFault.isBeyondTheProgram) {
                    let isKnown = [0, 4, 8, 16].contains(end.code)
                    try #require(isKnown, "\(fault): \(end)\n\(lines.joined(separator: "\n"))")
                }
                try expectWhole(tool, crowd, "\(fault)\n\(lines.joined(separator: "\n"))")
                tally.add(fault, "serve", lines)
            }
            tally.report("the server")
        }

        /// Runs the server behind these words, under a load, a compaction and a backup, and ends it.
        private func end(
            _ tool: ToolProcess, _ crowd: LoadCrowd, _ prefix: [String]
        ) throws -> ChildEnd {
            do {
                let daemon = try DaemonProcess(in: tool, prefix: prefix, Self.options)
                let manner = LoadManner(
                    bearsFailures: true, stepCount: 12, byteCountExponents: 4..<21)
                try crowd.run(daemon, manner, after: 10) {
                    // A server that has come to its end answers nobody.
                    _ = try? daemon.client().exchange("POST", "/admin/compact")
                    _ = try? daemon.client().exchange(
                        "POST", "/admin/backup?to=\(tool.path("backup"))")
                }
                return try daemon.stop()
            } catch DaemonTrouble.ended(let end) {
                return end
            }
        }

        /// Without faults all is as it was promised.
        private func expectWhole(_ tool: ToolProcess, _ crowd: LoadCrowd, _ when: String) throws {
            let daemon = try DaemonProcess(in: tool, Self.options)
            try crowd.verify(daemon, when)
            #expect(try daemon.stop().code == 0, "\(when)")
            let check = try tool.shell(
                "$CAIRN fsck --deep store && { [[ ! -e backup/MANIFEST ]] || $CAIRN verify backup; }"
            )
            try #require(check.code == 0, "\(when): \(check.text) \(check.complaint)")
        }
    }
}
