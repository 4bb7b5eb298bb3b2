// compact: what it would do, what it does, and that nothing is missing afterwards.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Tool: compaction")
struct CompactCommandTests {
    private let tool: ToolProcess
    private let store: String

    init() throws {
        tool = try ToolProcess()
        store = tool.path("store")
    }

    private func value(_ number: Int) -> [UInt8] {
        var random = TestRandom(seed: UInt64(number))
        return random.bytes(2_000)
    }

    /// Several segments, of whose blobs three of four are deleted.
    private func fill() throws {
        var options = StoreOptions(segmentByteCount: 1 << 20, compresses: false)
        options.compacts = false
        let filled = try Store.open(at: store, options: options)
        let interval = WriteOptions(durability: .interval)
        for number in 0..<4_000 { try filled.put(Key("key \(number)"), value(number), interval) }
        for number in 0..<4_000 where number % 4 != 0 {
            try filled.delete(Key("key \(number)"), interval)
        }
        try filled.close()
    }

    @Test("a dry run names segments that are there, and others as new")
    func named() throws {
        for key in ["a", "b", "c", "d"] {
            expect(try tool.run("put", "--create", store, key, input: [1]), code: 0)
        }
        expect(try tool.run("rm", store, "a"), code: 0)
        let plans = try #require(try tool.run("compact", "--dry-run", "--json", store).json)
        let names = try tool.shell("cd store/segments && ls | grep seg").lines
        let lines = try tool.run("compact", "--dry-run", store).lines
            .map { $0.split(separator: ":")[0].split(separator: " ") }
        let words = lines.flatMap(\.self)
        #expect(plans.count > 1)
        #expect(words.allSatisfy { $0 == "(new)" || names.contains("\($0).seg") }, "\(words)")
        #expect(words.contains("(new)"))
        // Of the first there is nothing new yet, and no segment is an input twice.
        #expect(lines.first?.contains("(new)") == false, "\(words)")
        let old = words.filter { $0 != "(new)" }
        #expect(Set(old).count == old.count, "\(words)")
        let listed = lines.map { JSONValue.array($0.map { .string(String($0)) }) }
        #expect(plans.map { $0["segments"] } == listed)
    }

    @Test("a dry run tells what would be copied, and touches nothing; then it is done")
    func compact() throws {
        try fill()
        let before = try #require(try tool.run("stats", "--json", store).json?.first)
        let dry = try tool.run("compact", "--dry-run", "--json", store)
        expect(dry, code: 0)
        #expect(try #require(dry.json).isEmpty == false)
        let unchanged = try #require(try tool.run("stats", "--json", store).json?.first)
        #expect(unchanged["diskByteCount"]?.integer == before["diskByteCount"]?.integer)

        let run = try tool.run("compact", "--json", store)
        expect(run, code: 0)
        let report = try #require(run.json?.first)
        let live = try #require(report["liveByteCount"]?.integer)
        #expect(try #require(report["afterByteCount"]?.integer) < live * 5 / 4)
        #expect(try #require(report["beforeByteCount"]?.integer) > live * 3)
        expect(try tool.run("verify", store), code: 0)
        let reader = try Store.open(at: store, options: StoreOptions(access: .readOnly))
        for number in 0..<4_000 {
            let expected = number % 4 == 0 ? value(number) : nil
            #expect(try reader.get(Key("key \(number)"))?.bytes == expected)
        }
        try reader.close()
        #expect(try tool.run("compact", "--dry-run", store).text == "nothing to do\n")
    }

    @Test("a target that means nothing is a usage error, a directory without a store none to make")
    func refusals() throws {
        for target in ["1", "0.5", "two", "1001", "nan"] {
            expect(try tool.run("compact", "--target", target, store), code: 16)
        }
        expect(try tool.run("compact", store), code: 8, saying: "no store")
        expect(try tool.run("compact", "--dry-run", store), code: 8, saying: "no store")
    }
}
