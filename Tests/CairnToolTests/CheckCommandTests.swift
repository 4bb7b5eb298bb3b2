// fsck, verify, dump, explain: over real files, beside a writer, and what their codes say.

import Cairn
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Tool: looking for damage")
struct CheckCommandTests {
    private let tool: ToolProcess
    private let store: String

    init() throws {
        tool = try ToolProcess()
        store = tool.path("store")
        let store = try Store.open(at: store)
        try store.put("one", [1, 2, 3])
        try store.put("two", Array(repeating: 9, count: 100_000))
        try store.put("one", [4])
        try store.delete("two")
        try store.close()
    }

    private let segment = "store/segments/0000000000000001.seg"

    private func damage(_ offset: Int, of name: String) throws {
        var bytes = try tool.read(name)
        bytes[offset] ^= 0x10
        try tool.write(bytes, to: name)
    }

    @Test("a sound store is clean, in words and in JSON")
    func clean() throws {
        for words in [["fsck"], ["fsck", "--deep"], ["verify"]] {
            let line = words.joined(separator: " ")
            let text = try tool.shell("$CAIRN \(line) store")
            expect(text, code: 0)
            #expect(
                text.text.hasPrefix("clean: 1 segment")
                    && !text.text.contains("segments"))
            let json = try tool.shell("$CAIRN \(line) --json store").json
            #expect(json?.count == 1 && json?.first?["isClean"] == .bool(true))
            #expect(json?.first?["segmentCount"]?.integer == 1)
            // The quick form reads neither records nor bytes of them.
            let known = line == "fsck" ? nil : 5
            #expect(json?.first?["recordCount"]?.integer == known, "\(line)")
            #expect((json?.first?["byteCount"] == nil) == (known == nil), "\(line)")
        }
    }

    @Test("a damaged key is named with place and version, and the code is 4")
    func damagedKey() throws {
        try damage(4096 + 41, of: segment)
        for command in ["fsck --deep", "verify"] {
            let result = try tool.shell("$CAIRN \(command) --json store")
            expect(result, code: 4)
            let findings = try #require(result.json)
            let finding = try #require(findings.first)
            #expect(finding["key"]?.string == "one" && finding["offset"]?.integer == 4137)
            #expect(finding["segment"]?.string == "0000000000000001")
            #expect(finding["severity"]?.string == "damage")
            #expect(findings.last?["damageCount"]?.integer == 1)
        }
        let dump = try tool.run("dump", "--json", store)
        expect(dump, code: 4)
        #expect(dump.json?.first?["damage"]?.string?.contains("4137") == true)
        expect(try tool.run("fsck", store), code: 0)
    }

    @Test("a lost MANIFEST and a directory without a store have codes of their own")
    func noStore() throws {
        expect(try tool.shell("rm store/MANIFEST; $CAIRN fsck store"), code: 4)
        for command in ["fsck", "fsck --deep", "verify", "dump", "explain"] {
            let key = command == "explain" ? "k" : ""
            let result = try tool.shell("mkdir -p empty; $CAIRN \(command) empty \(key)")
            expect(result, code: 8, saying: "no store")
            #expect(try tool.shell("ls -A empty").text == "", "\(command)")
        }
    }

    @Test("beside a writer the deep form refuses with its number, and the others work")
    func besideWriter() throws {
        let writer = try Store.open(at: store)
        try writer.put("three", [3])
        expect(try tool.run("fsck", "--deep", store), code: 8, saying: "process \(getpid())")
        expect(try tool.run("fsck", store), code: 0)
        expect(try tool.run("verify", store), code: 0)
        #expect(try tool.run("explain", store, "three").text.hasPrefix("live"))
        #expect(try tool.run("dump", store).text.contains("\"three\""))
        try writer.close()
        expect(try tool.run("fsck", "--deep", store), code: 0)
    }

    @Test("of one there is one: a record, a byte, a segment")
    func one() throws {
        let first = tool.path("first")
        expect(try tool.run("put", "--create", first, "k", input: [1]), code: 0)
        #expect(try tool.run("dump", first).text.contains("  1 byte, "))
        let short = try tool.shell("truncate -s -1 first/segments/*.seg; $CAIRN fsck first")
        #expect(short.text.contains(": ends 1 byte too early\n"), "\(short.text)")
        let missing = try tool.shell(
            "cat /dev/null > e; $CAIRN put --create X k e && rm X/segments/*.seg && $CAIRN fsck X")
        #expect(missing.text.contains("it had 1 record\n"), "\(missing.text)")
        let made = try tool.shell("rm store/MANIFEST; $CAIRN fsck --repair store")
        expect(made, code: 1)
        #expect(made.text.contains("was made from 1 segment\n"), "\(made.text)")
    }

    @Test("explain shows every version, newest first, and why")
    func explain() throws {
        let one = try #require(try tool.run("explain", "--json", store, "one").json)
        #expect(one.map { $0["isLive"] } == [.bool(true), .bool(false)])
        #expect(one[1]["reason"]?.string?.hasPrefix("superseded by version 3") == true)
        let two = try #require(try tool.run("explain", "--json", store, "two").json)
        #expect(two.map { $0["type"]?.string } == ["delete", "put"])
        expect(try tool.run("explain", store, "none"), code: 1, saying: "none")
        expect(try tool.shell("rm store/segments/*.hint; $CAIRN explain store one"), code: 0)
    }

    @Test("explain says when a segment lacks something, for that may be the newest version")
    func explainDamaged() throws {
        for damage in ["truncate -s -200", "truncate -s 0", "rm"] {
            let result = try tool.shell(
                "rm -rf X && cp -a store X && \(damage) X/segments/*.seg && $CAIRN explain X one")
            expect(result, code: 4, saying: "versions in it are not shown")
        }
    }

    @Test("dump prints a store, a segment and a hint, and refuses other files")
    func dump() throws {
        let records = try #require(try tool.run("dump", "--json", store).json)
        #expect(
            records.compactMap { $0["type"]?.string } == ["put", "put", "put", "delete", "seal"])
        #expect(try tool.run("dump", "--json", tool.path(segment)).json == records)
        let rows = try tool.run("dump", "--json", store + "/segments/0000000000000001.hint").json
        #expect(Set((rows ?? []).compactMap { $0["key"]?.string }) == ["one", "two"])
        expect(try tool.run("dump", store + "/STORE"), code: 8, saying: "neither")
        let dumped = try tool.shell("cd store/segments && $CAIRN dump 0000000000000001.seg")
        #expect(dumped.lines.count == 5, "\(dumped.complaint)")
    }

    @Test("dump tells a segment that is missing, shows the others, and ends with 4")
    func dumpMissing() throws {
        for key in ["three", "four"] {
            expect(try tool.run("put", store, key, input: [1]), code: 0)
        }
        expect(try tool.shell("rm store/segments/0000000000000002.seg"), code: 0)
        let json = try tool.run("dump", "--json", store)
        expect(json, code: 4, saying: "segment 0000000000000002.seg is missing")
        let keys = try #require(json.json).compactMap { $0["key"]?.string }
        #expect(keys == ["one", "two", "one", "two", "four"])
        let text = try tool.run("dump", store)
        expect(text, code: 4, saying: "segment 0000000000000002.seg is missing")
        #expect(text.text.contains("\"four\""))
        expect(try tool.shell("rm store/segments/*.seg; $CAIRN dump store"), code: 4)
    }

    @Test("a repair names what is lost, ends with 1, and leaves a clean store and the old file")
    func repair() throws {
        let records = try #require(try tool.run("dump", "--json", store).json)
        let newest = try #require(records.first { $0["version"]?.integer == 3 })
        try damage(try #require(newest["offset"]?.integer) + 43, of: segment)
        let old = try tool.read(segment)
        expect(try tool.run("get", store, "one"), code: 4, saying: "damaged")
        let result = try tool.run("fsck", "--repair", "--json", store)
        expect(result, code: 1)
        let lines = try #require(result.json)
        let lost = try #require(lines.first { $0["repair"]?.string == "lost" })
        #expect(lost["key"]?.string == "one" && lost["version"]?.integer == 3)
        #expect(lines.last?["isClean"] == .bool(true))
        expect(try tool.run("get", store, "one"), code: 1, saying: "no key")
        expect(try tool.run("fsck", "--deep", store), code: 0)
        #expect(try tool.read("store/quarantine/0000000000000001.seg") == old)
        expect(try tool.run("put", store, "one", input: [5]), code: 0)
        #expect(try tool.run("get", store, "one").output == [5])
        expect(try tool.run("fsck", "--repair", store), code: 0)
    }

    @Test("what cannot be repaired ends with 4, and is given up only when told to")
    func acceptLoss() throws {
        expect(try tool.run("fsck", "--accept-loss", store), code: 16, saying: "--repair")
        var bytes = try tool.read(segment)
        for place in 4096..<4096 + 40 { bytes[place] = 0xaa }
        try tool.write(bytes, to: segment)
        expect(try tool.shell("rm store/segments/*.hint; $CAIRN fsck --repair store"), code: 4)
        #expect(try tool.read(segment) == bytes)
        let writing = try tool.run("put", store, "k", input: [1])
        expect(writing, code: 8, saying: "cairn fsck --repair --accept-loss")
        expect(try tool.run("fsck", "--repair", "--accept-loss", store), code: 1)
        expect(try tool.run("put", store, "k", input: [1]), code: 0)
        expect(try tool.run("fsck", "--deep", store), code: 0)
    }

    @Test("a process that is killed leaves a store that is clean, and is gone on with")
    func killed() throws {
        let result = try tool.shell(
            """
            mkfifo pipe; $CAIRN put store big < pipe & tool=$!
            # All but the last piece of what is in the pipe gets written, while the pipe stays open.
            exec 3> pipe; head -c 5000000 /dev/urandom >&3
            until (($(stat -c %s store/segments/0000000000000002.seg) > 1000000))
            do kill -0 $tool || exit
            done
            kill -9 $tool; wait $tool; exec 3>&-
            $CAIRN fsck --deep store && $CAIRN get store one | od -An -tx1
            """)
        #expect(result.code == 0 && result.text.hasSuffix(" 04\n"), "\(result)")
    }
}
