// put, get, rm, stat, stats: the store from the shell, over real files.

import Cairn
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Tool: blobs from the shell")
struct KeyCommandTests {
    private let tool: ToolProcess
    private let store: String

    init() throws {
        tool = try ToolProcess()
        store = tool.path("store")
    }

    private func fill() throws {
        expect(try tool.run("put", "--create", store, "one", input: [1, 2, 3]), code: 0)
    }

    @Test("what was put by one process is got by the next, from and to files and streams")
    func roundTrip() throws {
        var random = TestRandom(seed: 7)
        let large = random.bytes(3 << 20)
        try fill()
        try tool.write(large, to: "large")
        expect(try tool.run("put", store, "large", tool.path("large")), code: 0)
        expect(try tool.run("put", store, "stream", "-", input: large), code: 0)
        expect(try tool.run("put", store, "empty"), code: 0)
        #expect(try tool.run("get", store, "one").output == [1, 2, 3])
        #expect(try tool.run("get", store, "large").output == large)
        expect(try tool.run("get", store, "stream", tool.path("copy")), code: 0)
        #expect(try tool.read("copy") == large)
        let empty = try tool.run("get", store, "empty", "-")
        expect(empty, code: 0)
        #expect(empty.output == [])
        let statistics = try #require(try tool.run("stats", "--json", store).json?.first)
        #expect(statistics["keyCount"]?.integer == 4)
    }

    @Test("what is meant for a standard stream that is closed fails, and goes to no file")
    func closedStreams() throws {
        try fill()
        let result = try tool.shell(
            """
            $CAIRN put store two <&- 2> said; (($? == 8)) && grep -q "standard input.*Bad file" said &&
            { $CAIRN get store one >&-; (($? == 8)); } &&
            { $CAIRN get store nothing 2>&-; (($? == 1)); } &&
            { $CAIRN put store two <&- >&- 2>&-; (($? == 8)); } &&
            # A warning while the store is open, whose LOCK would get the number that is free.
            echo > store/segments/notes.txt && $CAIRN put --create store two < /dev/null 2>&- &&
            [[ -e store/quarantine/notes.txt ]] && ! grep -rq cairn: store && $CAIRN fsck --deep store && $CAIRN get store one > copy
            """)
        #expect(result.code == 0, "\(result)")
        #expect(try tool.read("copy") == [1, 2, 3])
    }

    @Test("keys of odd bytes go in and out, in hexadecimal and escaped")
    func oddKeys() throws {
        let odd: [UInt8] = [0, 0xff, 0x0a, 0x5c, 0x22]
        expect(try tool.run("put", "--create", "--hex", store, "00ff0a5c22", input: [9]), code: 0)
        let stat = try #require(try tool.run("stat", "--json", "--hex", store, "00FF0a5c22").json)
        let escaped = try #require(stat.first?["key"]?.string)
        #expect(escaped == "\\x00\\xff\\x0a\\x5c\"")
        #expect(stat.first?["keyHex"]?.string == "00ff0a5c22")
        #expect(try tool.run("get", "--escaped", store, escaped).output == [9])
        expect(try tool.run("put", store, "schön", input: [8]), code: 0)
        #expect(try tool.run("stat", store, "schön").text.contains("key      schön\n"))
        let reader = try Store.open(at: store, options: StoreOptions(access: .readOnly))
        #expect(try reader.get(Key(odd))?.bytes == [9])
        try reader.close()
    }

    @Test("a blob that expires is told from when on, and is absent then")
    func expiry() throws {
        expect(
            try tool.run("put", "--create", "--expires-in", "7200", store, "k", input: [1]), code: 0
        )
        let now = WallTime.now.nanosecondsSince1970 / 1_000_000_000
        let stat = try tool.run("stat", "--json", store, "k").json?.first
        let expiry = try #require(stat?["expiry"]?.integer) / 1_000_000_000
        #expect((Int(now) + 7140...Int(now) + 7200).contains(expiry))
        #expect(try tool.run("stat", store, "k").text.contains("\nexpires  20"))
        let (key, value) = (Key("expired"), [1] as [UInt8])
        let writer = try Store.open(at: store)
        try writer.put(key, value, WriteOptions(expiry: .after(.seconds(-9000))))
        try writer.close()
        expect(try tool.run("stat", store, "expired"), code: 1)
        let statistics = try tool.run("stats", "--json", store).json?.first
        #expect(try #require(statistics?["expiredByteCount"]?.integer) > 40)
        let explained = try tool.run("explain", "--json", store, "expired").json?.first
        #expect(
            explained?["reclaimTime"]?.integer
                == (explained?["expiry"]?.integer).map { $0 + 3_600_000_000_000 })
        #expect(try tool.run("explain", store, "expired").text.contains(" trusted, from 20"))
        let compacted = try tool.run("compact", "--json", store).json?.first
        #expect(compacted?["destroyedBlobCount"]?.integer == 1)
        #expect(compacted?["isClockDoubted"] == .bool(false))
        expect(try tool.run("explain", store, "expired"), code: 1)
        for wrong in ["0", "-5", "x", ""] {
            expect(
                try tool.run("put", "--expires-in", wrong, store, "k", input: []), code: 16,
                saying: "--expires-in takes")
        }
    }

    @Test("an expiry is never another than was asked for: one too far away names the last")
    func farExpiry() throws {
        let end = (UInt64.max - WallTime.now.nanosecondsSince1970) / 1_000_000_000
        for wrong in ["16800000000", "9223372036854775807", "99999999999999999999", "x"] {
            let result = try tool.run("put", "--create", "--expires-in", wrong, store, "k")
            expect(result, code: 16, saying: "\"\(wrong)\"")
            let words = result.complaint.split { !$0.isNumber }.compactMap { UInt64($0) }
            #expect(words.contains { $0 <= end && $0 + 60 > end }, "\(result.complaint)")
        }
        #expect(!tool.has("store"))
        let far = try tool.run("put", "--create", "--expires-in", "\(end - 60)", store, "k")
        expect(far, code: 0)
        #expect(try tool.run("stat", store, "k").text.contains("expires  2554-07-21T23:3"))
    }

    @Test("a missing key ends with 1, touches no file, and is named")
    func missingKey() throws {
        try fill()
        for command in ["get", "stat", "rm"] {
            expect(try tool.run(command, store, "two"), code: 1, saying: "no key \"two\"")
        }
        expect(try tool.run("get", store, "two", tool.path("new")), code: 1, saying: "two")
        #expect(!tool.has("new"))
        let removed = try tool.run("rm", "--json", store, "two", "one")
        expect(removed, code: 1, saying: "two")
        #expect(removed.json?.last?["removed"] == .bool(true))
        expect(try tool.run("get", store, "one"), code: 1, saying: "one")
    }

    @Test("only put --create makes a store; everything else leaves the directory as it was")
    func noStore() throws {
        for words in [
            ["get", store, "k"], ["stat", store, "k"], ["stats", store], ["rm", store, "k"],
            ["put", store, "k"],
        ] {
            let result = try tool.shell(
                "$CAIRN \(words.map { "'\($0)'" }.joined(separator: " ")) </dev/null")
            expect(result, code: 8, saying: "no store in \(store)")
            #expect(result.complaint.contains("--create makes one") == (words[0] == "put"))
            #expect(!tool.has("store"))
        }
        for line in [
            "put empty k", "rm empty k", "compact empty", "backup empty x", "import empty x.tar",
            "restore empty", "restore empty x",
        ] {
            let result = try tool.shell(
                "mkdir -p empty; printf '' > x.tar; $CAIRN \(line) < /dev/null")
            expect(result, code: 8, saying: "no store in empty")
            #expect(try tool.shell("ls -A empty").text == "", "\(line)")
        }
        try tool.write([1], to: "store")
        expect(try tool.run("stats", store), code: 8, saying: "Not a directory")
        #expect(try tool.read("store") == [1])
    }

    @Test("--create makes no store among the files of others, which stay as they are")
    func foreignFiles() throws {
        let made = try tool.shell("mkdir d; echo hello > d/letter; tar c d/letter > x.tar")
        expect(made, code: 0)
        for line in ["put --create d k x.tar", "import --create d x.tar"] {
            expect(
                try tool.shell("$CAIRN \(line)"), code: 8, saying: "d is not empty: letter is in it"
            )
            #expect(try tool.shell("ls -A d; cat d/letter").text == "letter\nhello\n", "\(line)")
        }
        expect(try tool.shell("mkdir -p disk/lost+found e b; mkdir b/lost+found"), code: 0)
        for name in ["disk", "e"] {
            expect(try tool.shell("$CAIRN put --create \(name) k x.tar"), code: 0)
            #expect(try tool.shell("$CAIRN fsck \(name)").text == "clean: 1 segment\n")
        }
        expect(try tool.shell("$CAIRN backup e b"), code: 0)
        // A store is one, whatever lies beside it.
        expect(try tool.shell("echo hello > e/letter; $CAIRN put --create e k x.tar"), code: 0)
    }

    @Test("--if-absent and --metadata do what they say")
    func writeOptions() throws {
        try fill()
        expect(
            try tool.run("put", "--if-absent", store, "one", input: [4]), code: 8,
            saying: "\"one\" has a blob already")
        #expect(try tool.run("get", store, "one").output == [1, 2, 3])
        expect(
            try tool.run("put", "--metadata", "text/plain", store, "one", input: [4]), code: 0)
        let stat = try tool.run("stat", "--json", store, "one").json?.first
        #expect(stat?["metadata"]?.string == "text/plain")
        #expect(stat?["byteCount"]?.integer == 1)
    }

    @Test("an input, key or metadata that cannot be stored leaves no new store behind")
    func unreadableInput() throws {
        for line in [
            "put --create new k .", "put --create new k < .", "put --create new k none",
            "import --create new .", "import --create new < .", "import --create new none",
            "put --create new '' < /dev/null",
            "put --create new k --metadata \"$(printf %16385s '')\" < /dev/null",
        ] {
            let result = try tool.shell("$CAIRN \(line)")
            #expect(result.code == (line.contains("''") ? 16 : 8), "\(line): \(result.complaint)")
            #expect(!tool.has("new"), "\(line)")
        }
    }

    @Test("an empty key is refused with 16 by every command, and an empty prefix by none")
    func emptyKey() throws {
        try fill()
        for command in ["put", "get", "rm", "stat", "explain"] {
            expect(try tool.run(command, store, ""), code: 16, saying: "1 to 65,535 bytes")
        }
        #expect(try tool.run("ls", store, "").lines == ["one"])
    }

    @Test("every line of JSON that names a key has it in hexadecimal, too")
    func keysInJSON() throws {
        try fill()
        for line in [
            "put --json store one < /dev/null", "stat --json store one", "ls --json store",
            "dump --json store", "rm --json store one",
        ] {
            let objects = try #require(try tool.shell("$CAIRN \(line)").json)
            let named = objects.filter { $0["key"] != nil }
            #expect(
                !named.isEmpty && named.allSatisfy { $0["keyHex"]?.string == "6f6e65" }, "\(line)")
        }
    }

    @Test("beside a writer reading works, and writing is refused with its number")
    func besideWriter() throws {
        try fill()
        let writer = try Store.open(at: store)
        try writer.put("two", [2, 2])
        #expect(try tool.run("get", store, "two").output == [2, 2])
        expect(try tool.run("stats", "--segments", store), code: 0)
        expect(try tool.run("put", store, "two"), code: 8, saying: "by process \(getpid())")
        expect(try tool.run("rm", store, "two"), code: 8, saying: "by process \(getpid())")
        try writer.put("two", [3])
        try writer.close()
        #expect(try tool.run("get", store, "two").output == [3])
    }

    @Test("an unreadable input, a full disk and a closed pipe are errors with a message")
    func badStreams() throws {
        try fill()
        var random = TestRandom(seed: 9)
        expect(
            try tool.run("put", store, "large", input: random.bytes(2 << 20)), code: 0)
        expect(
            try tool.run("put", store, "k", tool.path("none")), code: 8,
            saying: "none: No such file")
        expect(try tool.run("put", store, "k", tool.path), code: 8, saying: "Is a directory")
        expect(try tool.run("get", store, "k"), code: 1, saying: "k")
        expect(
            try tool.shell("$CAIRN get store one > /dev/full"), code: 8,
            saying: "standard output", "No space left")
        expect(
            try tool.shell("$CAIRN get store large | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}"),
            code: 8, saying: "standard output", "Broken pipe")
        expect(
            try tool.run("get", store, "one", tool.path("no/where")), code: 8,
            saying: "no/where: No such file")
    }

    @Test("a damaged blob ends with 4 and names its segment, and what was true before it stays")
    func damagedBlob() throws {
        try fill()
        let name = "store/segments/0000000000000001.seg"
        var bytes = try tool.read(name)
        bytes[4096 + 40 + 3] ^= 1
        try tool.write(bytes, to: name)
        let result = try tool.run("get", store, "one", tool.path("copy"))
        expect(result, code: 4, saying: "0000000000000001")
    }
}
