// `cairn-micro`: its flags, what it prints, and that it leaves nothing behind.
//
// The program is built with everything else and run beside the tests. No target of tests depends on it:
// then its malloc would stand in theirs. That nothing allocates which must not is a phase of .ci/run.

import CairnTestSupport
import Testing

@Suite("cairn-micro") struct MicroBenchmarkTests {
    private let tool: ToolProcess

    init() throws { tool = try ToolProcess("cairn-micro") }

    @Test("--list names every part, each once") func list() throws {
        let result = try tool.run("--list")
        expect(result, code: 0)
        #expect(Set(result.lines).count == result.lines.count)
        let parts = [
            "record-100", "crc32c-64k", "lz4-compress-random-1k", "lz4-decompress-64k",
            "index-insert", "index-lookup-hit", "index-lookup-miss", "index-load", "hint-load",
            "http-scan", "http-parse", "put-new-100", "put-over-1k", "get-1k", "get-missing",
        ]
        #expect(Set(result.lines).isSuperset(of: parts.map { $0[...] }))
    }

    @Test("--help says every flag") func help() throws {
        let result = try tool.run("--help")
        expect(result, code: 0)
        for flag in ["--case", "--seconds", "--dir", "--json", "--check", "--list", "--help"] {
            #expect(result.text.contains("  \(flag) ") || result.text.contains("  \(flag)\n"))
        }
    }

    @Test("JSON is one object a line, a line for each case that was asked for, in their order")
    func json() throws {
        let result = try tool.run(
            "--case", "http-scan", "--case", "record-100", "--seconds", "0.001", "--json")
        expect(result, code: 0)
        let objects = result.lines.map { JSONValue($0) }
        #expect(objects.map { $0?["case"]?.string } == ["record-100", "http-scan"])
        for object in objects {
            let count = try #require(object?["operations"]?.integer)
            let rounds = try #require(object?["rounds"]?.integer)
            #expect(rounds >= 5 && count >= rounds)
            let median = try number(object, "nsPerOp")
            let best = try number(object, "bestNsPerOp")
            #expect(0 < best && best <= median)
            #expect(try number(object, "allocationsPerOp") >= 0)
            #expect(try number(object, "allocatedBytesPerOp") >= 0)
        }
    }

    private func number(_ object: JSONValue?, _ name: String) throws -> Double {
        guard case .number(let text) = object?[name] else { return try #require(nil) }
        return try #require(Double(text))
    }

    @Test("for people there is a line of heads, then one for each case") func lines() throws {
        let result = try tool.run("--case", "crc32c-100", "--seconds", "0.001")
        expect(result, code: 0)
        let words = result.lines.map { $0.split(separator: " ") }
        #expect(words.map(\.first) == ["case", "crc32c-100"])
        #expect(words.map(\.count) == [5, 5])
    }

    @Test("what allocates is seen to, and what does not is not") func counts() throws {
        let result = try tool.run(
            "--case", "crc32c-100", "--case", "index-load", "--seconds", "0.001", "--json")
        expect(result, code: 0)
        let objects = result.lines.map { JSONValue($0) }
        try #require(objects.count == 2)
        #expect(try number(objects[0], "allocationsPerOp") == 0)
        #expect(try number(objects[0], "allocatedBytesPerOp") == 0)
        // An index of no keys yet makes its tables while it takes them.
        #expect(try number(objects[1], "allocationsPerOp") > 0)
        #expect(try number(objects[1], "allocatedBytesPerOp") > 0)
    }

    @Test("stores are made in a directory of the run's own, which is gone at the end")
    func directory() throws {
        try tool.write([1], to: "mine")
        let result = try tool.run(
            "--case", "put-over-100", "--case", "get-missing", "--seconds", "0.001", "--json",
            "--dir", tool.path)
        expect(result, code: 0)
        #expect(result.lines.count == 2)
        let names = try tool.shell("ls '\(tool.path)'")
        #expect(names.lines == ["mine"])
    }

    @Test(
        "what makes no sense is refused with status 2 and the flag's name",
        arguments: [
            (["--case", "no-such"], "no-such"), (["--seconds", "0"], "--seconds"),
            (["--seconds", "soon"], "--seconds"), (["--seconds", "61"], "--seconds"),
            (["--speed"], "--speed"), (["--speed", "1"], "--speed"), (["--dir"], "--dir"),
            (["--check", "--json"], "--json"), (["--check", "--seconds", "1"], "--seconds"),
            (["--check", "--case", "crc32c-1k"], "crc32c-1k"),
        ])
    func refused(words: [String], saying: String) throws {
        let line = words.map { "'\($0)'" }.joined(separator: " ")
        let result = try tool.shell("\(ToolProcess.binaries)/cairn-micro \(line)")
        expect(result, code: 2, saying: saying, "--help")
        #expect(result.output.isEmpty)
    }

    @Test("a directory that is not there is status 1") func noDirectory() throws {
        let missing = tool.path("missing")
        let result = try tool.run("--case", "get-100", "--seconds", "0.001", "--dir", missing)
        expect(result, code: 1, saying: missing)
    }
}
