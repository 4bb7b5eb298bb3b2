// cairn-bench: every workload measures something that is checked, and what cannot be measured is said.

import CairnTestSupport
import Testing

@Suite("Tool: cairn-bench")
struct BenchCommandTests {
    private let tool: ToolProcess

    init() throws { tool = try ToolProcess("cairn-bench") }

    private func run(_ workload: String, _ words: String...) throws -> JSONValue {
        let result = try tool.run(
            ["--workload", workload, "--dir", tool.path("b"), "--keys", "500", "--json"] + words)
        expect(result, code: 0)
        return try #require(JSONValue(result.text.dropLast()), "\(result.text)")
    }

    private func number(_ json: JSONValue, _ name: String) throws -> Double {
        guard case .number(let text) = json[name] else {
            throw ToolFailure.missing(name)
        }
        return try #require(Double(text))
    }

    private enum ToolFailure: Error { case missing(String) }

    @Test(
        "each workload says what it did, how fast, and at what cost",
        arguments: ["overwrite", "mixed", "churn", "durable"], ["100", "blobs"])
    func workloads(name: String, size: String) throws {
        let json = try run(name, "--seconds", "0.2", "--value-size", size)
        #expect(json["workload"]?.string == name)
        for field in ["operations", "seconds", "bytesPerSecond", "cpuSeconds", "p999Microseconds"] {
            // The writes of a mixed run are timed apart, and so are its reads.
            #expect(try number(json, field) > 0, "\(field)")
        }
        if name == "durable" { return }
        #expect(try number(json, "spaceAmplificationMaximum") > 1)
        guard case .array(let samples) = json["spaceAmplificationPerSecond"] else {
            Issue.record("the samples are a list")
            return
        }
        #expect(samples.count == 1)
    }

    @Test("what was filled is read, in any order, and nothing else is taken for it")
    func filled() throws {
        _ = try run("fill", "--value-size", "blobs")
        let json = try run("read", "--value-size", "blobs", "--seconds", "0.1")
        #expect(try number(json, "operations") > 500)
        let other = try tool.run(
            "--workload", "read", "--dir", tool.path("b"), "--keys", "500", "--value-size", "99")
        expect(other, code: 1, saying: "does not hold what this workload reads")
    }

    @Test("a mixed run reads and writes in the proportion that is asked for")
    func proportion() throws {
        let reads = try run("mixed", "--seconds", "0.1", "--reads", "100", "--order", "zipfian")
        #expect(try number(reads, "p50WriteMicroseconds") == 0)
        let writes = try run("mixed", "--seconds", "0.1", "--reads", "0", "--threads", "2")
        #expect(try number(writes, "p50Microseconds") == 0)
        #expect(try number(writes, "p50WriteMicroseconds") > 0)
    }

    @Test("what makes no sense is refused, with the flag that does not")
    func refusals() throws {
        let rows: [([String], Int32, String)] = [
            (["--workload", "mixed", "--dir", tool.path("b"), "--reads", "101"], 2, "--reads"),
            (
                ["--workload", "mixed", "--dir", tool.path("b"), "--order", "best"], 2,
                "uniform, zipfian"
            ),
            (["--workload", "http", "--url", "ftp://x"], 2, "http://HOST:PORT"),
            (["--workload", "http"], 2, "--url"),
            (
                ["--workload", "fill", "--url", "http://127.0.0.1:1", "--dir", tool.path("b")], 2,
                "--url"
            ),
            (
                ["--workload", "fill", "--dir", tool.path("b"), "--value-size", "blob"], 2,
                "--value-size"
            ),
            (["--workload", "fill"], 2, "--dir is missing"),
            (["--workload", "fill", "--dir", "/proc"], 1, "not empty"),
            (["--workload", "fill", "--dir", tool.path("b"), "--keys", "999999999999"], 1, "free"),
            (["--workload", "http", "--url", "http://127.0.0.1:1"], 1, "refused"),
        ]
        for (words, code, text) in rows {
            expect(try tool.run(words), code: code, saying: text)
        }
    }
}
