// ls by parts: so many keys, behind a key, and what keys have in common.

import Cairn
import CairnTestSupport
import Testing

@Suite("Tool: listing")
struct ListCommandTests {
    private let tool: ToolProcess
    private let store: String
    private let keys = ["a", "b/", "b/1", "b/2", "c//x", "c/1", "d\u{1}", "e"]

    init() throws {
        tool = try ToolProcess()
        store = tool.path("store")
        let writer = try Store.open(at: store)
        for key in keys { try writer.put(Key(key), [1]) }
        try writer.close()
    }

    private func list(_ words: String) throws -> [Substring] {
        let result = try tool.shell("$CAIRN ls \(words)")
        expect(result, code: 0)
        return result.lines
    }

    @Test("a limit ends the listing, and what came last begins the next")
    func pages() throws {
        #expect(try list("--limit 3 store") == ["a", "b/", "b/1"])
        #expect(try list("--limit 100 store").count == keys.count)
        #expect(try list("--after b/1 --limit 2 store") == ["b/2", "c//x"])
        #expect(try list("--after b store b/") == ["b/", "b/1", "b/2"])
        #expect(try list("--after z store") == [])
        var (seen, last): ([Substring], Substring?) = ([], nil)
        repeat {
            let after = last.map { "--after '\($0)'" } ?? ""
            let page = try list("--escaped --limit 3 \(after) store")
            seen += page
            last = page.last
        } while last != nil
        #expect(try seen == list("store") && seen.count == keys.count)
        #expect(seen.contains("d\\x01"))
    }

    @Test("with a delimiter keys are told by what they have in common, once, in JSON as a prefix")
    func delimiter() throws {
        #expect(try list("--delimiter / store") == ["a", "b/", "c/", "d\\x01", "e"])
        #expect(try list("--delimiter=/ store c/") == ["c//", "c/1"])
        #expect(try list("--delimiter // store c/") == ["c//x", "c/1"])
        #expect(try list("--hex --delimiter 01 store 64") == ["d\\x01"])
        #expect(try list("--delimiter / --after b/ --limit 1 store") == ["c/"])
        let json = try #require(
            try tool.shell("$CAIRN ls --json --delimiter / --limit 2 store").json)
        #expect(json.count == 2)
        #expect(json[0]["key"]?.string == "a" && json[0]["prefix"] == nil)
        #expect(json[1]["prefix"]?.string == "b/" && json[1]["prefixHex"]?.string == "622f")
        #expect(json[1]["key"] == nil)
    }

    @Test("a limit that is no number above 0, and a delimiter without bytes, are refused")
    func refusals() throws {
        for limit in ["0", "-1", "x", "", "99999999999999999999"] {
            expect(
                try tool.run("ls", "--limit", limit, store), code: 16,
                saying: "--limit takes", "\"\(limit)\"")
        }
        expect(
            try tool.run("ls", "--delimiter", "", store), code: 16, saying: "--delimiter takes")
        expect(try tool.run("ls", "--hex", "--after", "0g", store), code: 16, saying: "0g")
    }

    @Test("of a store that lacks a segment a part of a listing is what is certain, and not all")
    func missingSegment() throws {
        expect(
            try tool.shell("$CAIRN put store f/1 < /dev/null && rm store/segments/*1.seg"), code: 0)
        for words in ["--limit 1", "--after e", "--delimiter /"] {
            let result = try tool.shell("$CAIRN ls \(words) store")
            expect(result, code: 4, saying: "not all")
            #expect(result.lines == [words.contains("/") ? "f/" : "f/1"])
        }
    }
}
