// System calls fail under the commands of the tool, by strace.

import CairnTestSupport
import Glibc
import Testing

extension DaemonProofs {
    @Suite("Tool: failed calls") struct ToolFailedCalls {
        private static let runCount = CrashSettings.number("CAIRN_CALLS") ?? 3
        private static let keys = (0..<5).map { "key-\($0)" }
        private static let commands = [
            "put store KEY value", "put store KEY value", "rm store KEY", "compact store",
            "fsck store",
            "fsck --deep store", "backup store backup", "import store archive", "export store",
            "get store KEY", "ls store",
        ]

        @Test(
            "a call of the tool that fails loses nothing, and ends with a status that is documented"
        )
        func commands() throws {
            var random = TestRandom.reported("failed calls of the tool")
            let tool = try ToolProcess()
            guard try tool.hasCommand("strace") else { return }
            var states: [String: [KeyState]] = [:]
            try prepare(tool, &states, &random)
            var counts: [String: [(call: String, count: Int)]] = [:]
            var (tally, tryCount) = (CallFaultTally(), 0)
            while tally.runCount < Self.runCount {
                tryCount += 1
                try #require(tryCount < 100 + 10 * Self.runCount, "next to nothing fails")
                let command = Self.commands[random.below(Self.commands.count)]
                let known = try counts[command] ?? count(tool, command, &states, &random)
                counts[command] = known
                let fault = CallFault.draw(known, &random)
                let code = try run(tool, command, fault.prefix(tool), &states, &random)
                let lines = try CallFault.injected(tool)
                let when = "\(command): \(fault)\n\(lines.joined(separator: "\n"))"
                if !lines.contains(where: CallFault.isBeyondTheProgram) {
                    try #require([0, 1, 4, 8, 16].contains(code), "\(when): status \(code)")
                }
                try expectWhole(tool, &states, when)
                tally.add(fault, command, lines)
            }
            tally.report("the tool")
        }

        /// A store with something in it, and an archive of another key.
        private func prepare(
            _ tool: ToolProcess, _ states: inout [String: [KeyState]], _ random: inout TestRandom
        ) throws {
            try tool.write(Array(BodyPool.bytes[0..<100_000]), to: "value")
            let start = "$CAIRN put --create store other value && $CAIRN export store > archive"
            try #require(try tool.shell(start).code == 0)
            for key in Self.keys {
                states[key] = [.absent]
                _ = try run(tool, "put store KEY value", [], &states, &random, key: key)
            }
        }

        private func count(
            _ tool: ToolProcess, _ command: String, _ states: inout [String: [KeyState]],
            _ random: inout TestRandom
        ) throws -> [(call: String, count: Int)] {
            _ = try run(tool, command, CallFault.counter(tool), &states, &random)
            return try CallFault.counted(tool)
        }

        /// Runs a command behind these words; its status.
        private func run(
            _ tool: ToolProcess, _ command: String, _ prefix: [String],
            _ states: inout [String: [KeyState]], _ random: inout TestRandom, key: String? = nil
        ) throws -> Int32 {
            let key = key ?? Self.keys[random.below(Self.keys.count)]
            let range = BodyPool.draw(&random, exponents: 4..<21)
            try tool.write(Array(BodyPool.bytes[range]), to: "value")
            let attempt: KeyState? =
                command.hasPrefix("put") ? .blob(range) : command.hasPrefix("rm") ? .absent : nil
            let words = command.replacing("KEY", with: key)
            // Else there is nothing to import.
            if command.hasPrefix("import") { _ = try tool.shell("$CAIRN rm store other") }
            let front = prefix.map { "'\($0)'" }.joined(separator: " ")
            // strace stays behind the command: what it wrote is whole when it has ended, too.
            _ = try tool.shell(
                "rm -f trace; { \(front) $CAIRN \(words); echo $? >status; } | cat >output")
            let text = String(decoding: try tool.read("status"), as: UTF8.self)
            let code = Int32(text.dropLast()) ?? -1
            if let attempt {
                states[key, default: []].append(attempt)
                // 1 says that there was no such key.
                if code == 0 || command.hasPrefix("rm") && code == 1 { states[key] = [attempt] }
            }
            return code
        }

        private func expectWhole(
            _ tool: ToolProcess, _ states: inout [String: [KeyState]], _ when: String
        ) throws {
            let reading = Self.keys.map { "$CAIRN get store \($0) >\($0); echo $?" }
            let result = try tool.shell(reading.joined(separator: "; "))
            let codes = result.lines.map { Int32($0) ?? -1 }
            try #require(codes.count == Self.keys.count, "\(when): \(result.complaint)")
            for (key, code) in zip(Self.keys, codes) {
                let body = try tool.read(key)
                let found = states[key, default: []].last { state in
                    state == .absent ? code == 1 : code == 0 && state.isBody(body)
                }
                let state = try #require(
                    found,
                    "\(when): \(key) with status \(code) and \(body.count) bytes is none of \(states[key, default: []]) \(result.complaint)"
                )
                states[key] = [state]
            }
            let check = try tool.shell(
                "$CAIRN fsck --deep store && { [[ ! -e backup/MANIFEST ]] || $CAIRN verify backup; }"
            )
            try #require(check.code == 0, "\(when): \(check.text) \(check.complaint)")
        }
    }
}
