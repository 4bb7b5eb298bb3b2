// ls, export, import: everything goes out and comes in again, odd keys and metadata included.

import Cairn
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Tool: archives")
struct ArchiveCommandTests {
    private let tool: ToolProcess
    private let store: String
    private let copy: String

    init() throws {
        tool = try ToolProcess()
        store = tool.path("store")
        copy = tool.path("copy")
    }

    private var blobs: [[UInt8]: [UInt8]] {
        var random = TestRandom(seed: 11)
        return [
            [0]: [1], [0xff, 0x0a, 0x5c]: [], Array("../../etc/x".utf8): [2, 3],
            Array("a/b/c".utf8): Array("text".utf8), Array("/".utf8): [4],
            Array("schön".utf8): random.bytes(513), Array(repeating: 7, count: 60_000): [5],
            Array("large".utf8): random.bytes(2_500_000),
            Array(repeating: 0x61, count: 300): random.bytes(1024),
        ]
    }

    private let expiry = WallTime(nanosecondsSince1970: 4_000_000_000_123_456_789)

    private func fill() throws {
        let store = try Store.open(at: store)
        for (key, value) in blobs {
            let metadata = key.count == 3 ? [0, 1, 0xff] : [] as [UInt8]
            try store.put(
                Key(key), value,
                WriteOptions(metadata: metadata, expiry: value.count == 1 ? expiry : nil))
        }
        try store.put("gone", [1])
        try store.delete("gone")
        try store.close()
    }

    private func check(_ path: String) throws {
        let reader = try Store.open(at: path, options: StoreOptions(access: .readOnly))
        for (key, value) in blobs {
            let blob = try reader.get(Key(key))
            let isRight = blob?.bytes == value
            #expect(isRight, "\(Key(key))")
            #expect(blob?.expiry == (value.count == 1 ? expiry : nil))
            #expect(blob?.metadata == (key.count == 3 ? [0, 1, 0xff] : []))
        }
        #expect(reader.statistics().keyCount == UInt64(blobs.count))
        try reader.close()
    }

    @Test("an export that is imported is the same store, and importing it again writes nothing")
    func roundTrip() throws {
        try fill()
        expect(try tool.shell("$CAIRN export store > x.tar"), code: 0)
        expect(try tool.shell("$CAIRN import --create copy < x.tar"), code: 0)
        try check(copy)
        let before = try tool.run("stats", "--json", copy).json?.first
        let again = try tool.run("import", "--json", copy, tool.path("x.tar"))
        expect(again, code: 0)
        #expect(again.json?.first?["importedCount"]?.integer == 0)
        #expect(again.json?.first?["unchangedCount"]?.integer == blobs.count)
        let after = try tool.run("stats", "--json", copy).json?.first
        #expect(after?["liveByteCount"] == before?["liveByteCount"])
        #expect(after?["deadByteCount"] == before?["deadByteCount"])
    }

    @Test("tar reads an export, and import reads what tar writes")
    func otherTar() throws {
        try fill()
        let out = try tool.shell(
            "mkdir out && $CAIRN export store | tar x -C out && cat out/a/b/c && ls out | wc -l")
        #expect(out.code == 0 && out.text.hasPrefix("text"), "\(out.complaint)")
        #expect(!tool.has("../etc/x"))
        let name = String(repeating: "n", count: 150)
        for format in ["gnu", "pax", "ustar"] {
            let input = try tool.shell(
                """
                mkdir -p in/dir && echo -n one > in/dir/one && echo -n long > in/\(name.prefix(90)) \
                && ln -sf one in/dir/link && tar c --format=\(format) -C in . \
                | $CAIRN import --create \(format) && $CAIRN get \(format) ./dir/one
                """)
            #expect(input.code == 0 && input.text.hasSuffix("one"), "\(input.complaint)")
            #expect(input.complaint.contains("\"./dir/link\""), "\(input.complaint)")
        }
        for format in ["gnu", "pax"] {
            let sparse = "truncate -s 1M hole && echo x >> hole && tar c --format=\(format) -S hole"
            expect(
                try tool.shell("\(sparse) | $CAIRN import --create sparse"), code: 4,
                saying: "without --sparse")
        }
        let long = try tool.shell(
            """
            mkdir -p deep/\(name) && echo -n deep > deep/\(name)/\(name) \
            && tar c --format=gnu -C deep . | $CAIRN import --create long \
            && $CAIRN get long ./\(name)/\(name)
            """)
        #expect(long.text.hasSuffix("deep"), "\(long.complaint)")
    }

    @Test("keys that are no file names become file names for tar, and themselves for import")
    func dotKeys() throws {
        let keys = [
            ".", "..", "...", "./", "/.", "../", "a/.", "a/..", "a/./b", "./b", "\\x2e", "~", "-",
        ]
        let writer = try Store.open(at: store)
        for key in keys { try writer.put(Key(key), Array(key.utf8)) }
        try writer.close()
        let out = try tool.shell(
            "mkdir out && $CAIRN export store > x.tar && tar x -C out -f x.tar && ls -A out | wc -l"
        )
        #expect(out.code == 0 && out.text == "\(keys.count)\n", "\(out.complaint)")
        expect(try tool.shell("$CAIRN import --create copy x.tar"), code: 0)
        let reader = try Store.open(at: copy, options: StoreOptions(access: .readOnly))
        for key in keys { #expect(try reader.get(Key(key))?.bytes == Array(key.utf8), "\(key)") }
        try reader.close()
    }

    @Test("a broken archive is named with its offset, at whatever byte it was cut or changed")
    func brokenArchive() throws {
        try fill()
        expect(try tool.shell("$CAIRN export store a/ > x.tar"), code: 0)
        let whole = try tool.read("x.tar")
        for count in [0, 1, 511, 512, 513, 516, 700, 1023, 1024] where count < whole.count {
            try tool.write(Array(whole.prefix(count)), to: "cut.tar")
            let result = try tool.run("import", "--create", copy, tool.path("cut.tar"))
            expect(result, code: 4, saying: "cut.tar at \(count)", "before that")
        }
        var changed = whole
        changed[5] ^= 1
        try tool.write(changed, to: "changed.tar")
        expect(
            try tool.run("import", copy, tool.path("changed.tar")), code: 4,
            saying: "at 0", "header")
        expect(try tool.run("import", copy, input: Array(repeating: 9, count: 600)), code: 4)
        expect(try tool.run("import", tool.path("none"), input: whole), code: 8, saying: "no store")
    }

    @Test("a damaged blob is left out of an export, named, and the rest is there")
    func damagedBlob() throws {
        try fill()
        let segment = "store/segments/0000000000000001.seg"
        var bytes = try tool.read(segment)
        let text = Array("text".utf8)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: text) })
        bytes[place] ^= 1
        try tool.write(bytes, to: segment)
        expect(try tool.shell("$CAIRN export store > x.tar"), code: 4, saying: "a/b/c", "damaged")
        expect(try tool.shell("$CAIRN import --create copy < x.tar"), code: 0)
        let listed = try tool.run("ls", copy)
        #expect(listed.lines.count == blobs.count - 1 && !listed.lines.contains("a/b/c"))
    }

    @Test(
        "of a store that lacks a segment ls, stats and export show the rest, say so, and end with 4",
        arguments: ["rm", "truncate -s 0"])
    func missingSegment(harm: String) throws {
        expect(
            try tool.shell(
                "$CAIRN put --create store one < /dev/null && $CAIRN put store two < /dev/null"),
            code: 0)
        for line in ["ls store", "stats store", "export store"] {
            expect(try tool.shell("$CAIRN \(line) | cat; exit $PIPESTATUS"), code: 0)
        }
        expect(try tool.shell("\(harm) store/segments/0000000000000001.seg"), code: 0)
        let listed = try tool.run("ls", store)
        expect(listed, code: 4, saying: "0000000000000001", "not all", "cairn fsck --deep")
        #expect(listed.lines == ["two"])
        let statistics = try tool.run("stats", "--json", store)
        expect(statistics, code: 4, saying: "0000000000000001")
        #expect(statistics.json?.first?["keyCount"]?.integer == 1)
        for prefix in ["", "tw", "none"] {
            expect(
                try tool.shell("$CAIRN export store \(prefix) > x.tar"), code: 4,
                saying: "0000000000000001", "not all", "cairn fsck --deep")
        }
        expect(try tool.shell("$CAIRN export store > x.tar"), code: 4, saying: "not all")
        expect(try tool.shell("$CAIRN import --create copy < x.tar"), code: 0)
        #expect(try tool.run("ls", copy).lines == ["two"])
    }

    @Test("an export that cannot meet a blob's record says so, though the hint knows its key")
    func unmetRecord() throws {
        expect(
            try tool.shell(
                "printf a > a; $CAIRN put --create store one a && tar c a | $CAIRN import store"),
            code: 0)
        let segment = "store/segments/0000000000000001.seg"
        var bytes = try tool.read(segment)
        for place in 4096..<4096 + 40 { bytes[place] = 0xaa }
        try tool.write(bytes, to: segment)
        #expect(try tool.run("ls", store).lines == ["a", "one"])
        expect(
            try tool.shell("$CAIRN export store > x.tar"), code: 4,
            saying: "not all", "too damaged to be met: 1", "fsck --deep")
        expect(try tool.shell("$CAIRN import --create copy < x.tar"), code: 0)
        #expect(try tool.run("ls", copy).lines == ["a"])
    }

    @Test("the example that removes what begins alike removes those keys and no other")
    func removalExample() throws {
        let example = try #require(
            try tool.run("ls", "--help").lines.first {
                $0.contains("while ") && $0.contains(" rm ")
            })
        let keys = ["tmp/ ", "tmp/", "tmp/ a ", "tmp/\\", "tmp/\\x20", "tmp/*", "-tmp/", "other"]
        let writer = try Store.open(at: store)
        for key in keys { try writer.put(Key(key), [1]) }
        try writer.close()
        for line in [example, example.replacing(" tmp/", with: " -- -")[...]] {
            expect(try tool.shell("cairn() { $CAIRN \"$@\"; }; \(line)"), code: 0)
        }
        #expect(try tool.run("ls", store).lines == ["other"])
    }

    @Test("ls lists every key once, by prefix, in a form that goes back in")
    func list() throws {
        try fill()
        let all = try tool.run("ls", store)
        expect(all, code: 0)
        #expect(all.lines.count == blobs.count && Set(all.lines).count == blobs.count)
        #expect(try tool.run("ls", store, "a/").lines == ["a/b/c"])
        #expect(try tool.run("ls", "--hex", store, "ff").lines == ["\\xff\\x0a\\x5c"])
        // The kernel takes no argument of more than 128 KiB.
        for line in all.lines where line.utf8.count < 100_000 {
            expect(try tool.run("stat", "--escaped", store, String(line)), code: 0)
        }
        let json = try #require(try tool.run("ls", "--json", store).json)
        #expect(Set(json.compactMap { $0["key"]?.string }) == Set(all.lines.map(String.init)))
    }
}
