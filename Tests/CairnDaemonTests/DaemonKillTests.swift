// The process is killed under load, again and again, and started on what it left.

import CairnTestSupport
import Glibc
import Testing

extension DaemonProofs {
    @Suite("Daemon: killed") struct Killed {
        private static let roundCount = CrashSettings.number("CAIRN_KILL_ROUNDS") ?? 20

        @Test("what was acknowledged survives kill -9 in the midst of it, and nothing else appears")
        func kill() throws {
            var random = TestRandom.reported("kill -9")
            let tool = try ToolProcess("cairnd")
            let crowd = LoadCrowd(&random)
            for round in 0..<Self.roundCount {
                let daemon = try DaemonProcess(in: tool, Self.options)
                try crowd.verify(daemon, "before round \(round)")
                try crowd.run(daemon, LoadManner(), after: 20 + random.below(300)) {
                    daemon.signal(SIGKILL)
                }
                #expect(try daemon.awaitEnd().signal == SIGKILL)
            }
            let daemon = try DaemonProcess(in: tool, Self.options)
            try crowd.verify(daemon, "at the end")
            #expect(try daemon.stop().code == 0)
            let check = try tool.shell("$CAIRN fsck --deep store")
            #expect(check.code == 0, "\(check.text) \(check.complaint)")
            print("\(Self.roundCount) kills: \(crowd.acknowledgedCount) writes were acknowledged")
        }

        /// Segments that end often, so that compaction and its files are under way, too.
        static let options = ["--segment-bytes", "8MiB", "--space-amplification", "1.2"]
    }
}
