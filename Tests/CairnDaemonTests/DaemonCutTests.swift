// The power goes while a server writes to a real file system; what is left is mounted, opened and looked at.
//
// One run of the server is cut at many times: the disk below the file system remembers all that it was told. For root only.

import CairnTestSupport
import Glibc
import Testing

extension DaemonProofs {
    @Suite("Daemon: power cuts") struct PowerCuts {
        private static let cutCount = CrashSettings.number("CAIRN_CUTS") ?? 1
        private static let cutsPerRun = 10

        @Test(
            "what was acknowledged as synced survives a power cut of the file system, nothing wrong appears",
            arguments: BlockDisk.Form.allCases)
        func cut(_ form: BlockDisk.Form) throws {
            var random = TestRandom.reported("power cuts of \(form)")
            guard let disk = try BlockDisk(in: ToolProcess("cairnd"), form) else { return }
            var (left, acknowledgedCount, runCount) = (Self.cutCount, 0, 0)
            while left > 0 {
                let crowd = LoadCrowd(&random)
                let begin = try record(crowd, on: disk, failing: runCount % 4 == 3, &random)
                for _ in 0..<min(left, Self.cutsPerRun) {
                    let time = drawTime(crowd, from: begin, to: disk.clock(), &random)
                    try check(disk, crowd.asOf(time), cutAt: time, seed: random.below(1 << 30))
                }
                if runCount == 0 { try expectLossIsSeen(disk, crowd) }
                acknowledgedCount += crowd.acknowledgedCount
                runCount += 1
                left -= Self.cutsPerRun
            }
            print(
                "\(Self.cutCount) power cuts of \(form), in \(runCount) runs: \(acknowledgedCount) writes were acknowledged"
            )
        }

        /// Lets the crowd write until the server is killed; in the midst of it the disk may fail, too. Returns when
        /// it began to write.
        private func record(
            _ crowd: LoadCrowd, on disk: BlockDisk, failing: Bool, _ random: inout TestRandom
        ) throws -> Int {
            try disk.prepare()
            let daemon = try DaemonProcess(in: disk.tool, prefix: disk.prefix, Killed.options)
            let begin = disk.clock()
            let manner = LoadManner(
                promise: .whatIsSynced, bearsFailures: failing,
                stepCount: failing ? 40 : .max, byteCountExponents: 0..<20, clock: disk.clock)
            let what = random.coin() ? "flush" : "write"
            try crowd.run(daemon, manner, after: 150 + random.below(300)) {
                if failing { try? disk.failNext(what) } else { daemon.signal(SIGKILL) }
            }
            daemon.signal(SIGKILL)
            try daemon.awaitEnd()
            try #require(crowd.faults.isEmpty, "\(crowd.faults.prefix(10))")
            return begin
        }

        /// Any time, or just when somebody was promised something.
        private func drawTime(
            _ crowd: LoadCrowd, from begin: Int, to end: Int, _ random: inout TestRandom
        ) -> Int {
            let promises = crowd.promiseTimes
            if promises.isEmpty || random.coin() { return begin + random.below(end - begin + 1) }
            return promises[random.below(promises.count)]
        }

        private func check(
            _ disk: BlockDisk, _ crowd: LoadCrowd, cutAt time: Int, seed: Int
        ) throws {
            let when = "\(disk.form) cut at \(time) with seed \(seed)"
            try disk.cut(at: time, seed: seed)
            do {
                try expectClean(disk, "\(when), not opened yet")
                let daemon = try DaemonProcess(
                    in: disk.tool, prefix: disk.prefixOfImage, Killed.options)
                try crowd.verify(daemon, when)
                #expect(try daemon.stop().code == 0, "\(when)")
                try expectClean(disk, when)
            } catch {
                try disk.cut(at: time, seed: seed)
                try disk.keep()
                throw error
            }
        }

        private func expectClean(_ disk: BlockDisk, _ when: String) throws {
            let result = try disk.runOnImage("fsck --deep store")
            try #require(result.code == 0, "\(when): \(result.text) \(result.complaint)")
        }

        /// A disk that forgets a write that it called safe is found out: else nothing here would mean anything.
        private func expectLossIsSeen(_ disk: BlockDisk, _ crowd: LoadCrowd) throws {
            // Nothing that was there before looks like one of these.
            let all = crowd.clients.flatMap { $0.attempts.joined() }.filter { attempt in
                guard case .blob(let range) = attempt.state else { return false }
                return attempt.promised != nil && range.count > 100
            }
            let attempt = try #require(all.max { $0.begun < $1.begun })
            try disk.cut(at: attempt.begun, seed: 0)
            let daemon = try DaemonProcess(
                in: disk.tool, prefix: disk.prefixOfImage, Killed.options)
            withKnownIssue { try crowd.asOf(attempt.promised ?? 0).verify(daemon, "a lie") }
        }
    }
}
