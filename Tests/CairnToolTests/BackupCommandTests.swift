// backup and restore: the drill, from the shell.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Tool: backup and restore")
struct BackupCommandTests {
    private let tool: ToolProcess
    private let store: String
    private let backup: String

    init() throws {
        tool = try ToolProcess()
        store = tool.path("store")
        backup = tool.path("backup")
    }

    private func put(_ key: String, _ text: String, into path: String) throws {
        expect(try tool.run("put", "--create", path, key, input: Array(text.utf8)), code: 0)
    }

    @Test("backup, loss, restore: everything is there, and the backup is one still")
    func drill() throws {
        try put("greeting", "hello", into: store)
        expect(try tool.run("backup", store, backup), code: 0)
        try put("second", "again", into: store)
        let run = try tool.run("backup", "--json", store, backup)
        expect(run, code: 0)
        let report = try #require(run.json?.first)
        #expect(report["segmentCount"]?.integer == 2)
        #expect(report["reusedSegmentCount"]?.integer == 1)
        #expect(report["copiedSegmentCount"]?.integer == 1)
        #expect(report["sharedSegmentCount"]?.integer == 0)
        expect(try tool.run("verify", backup), code: 0)
        #expect(try tool.run("get", backup, "second").text == "again")
        expect(try tool.run("put", backup, "x", input: [1]), code: 8, saying: "restore")
        expect(try tool.shell("mv store lost; $CAIRN restore backup store"), code: 0)
        #expect(try tool.run("get", store, "greeting").text == "hello")
        try put("third", "more", into: store)
        expect(try tool.run("fsck", "--deep", store), code: 0)
        expect(try tool.run("verify", backup), code: 0)
        expect(
            try tool.run("backup", store, backup), code: 8, saying: "another store", "nothing was")
        expect(try tool.run("restore", backup, store), code: 8, saying: "is a store")
    }

    @Test("linked bytes are told; in place the backup becomes the store, once")
    func inPlace() throws {
        try put("greeting", "hello", into: store)
        let linked = try tool.run("backup", "--link", store, backup)
        expect(linked, code: 0)
        #expect(linked.text.contains("the bytes of 1 segment are shared"))
        let own = try tool.run("backup", store, backup)
        #expect(own.text.contains("1 copied") && !own.text.contains("are shared"))
        expect(try tool.run("restore", "--link", backup), code: 16, saying: "--link")
        expect(try tool.run("restore", "--json", backup), code: 0)
        expect(try tool.run("restore", backup), code: 8, saying: "restored before")
        try put("more", "1", into: backup)
        #expect(try tool.run("get", backup, "greeting").text == "hello")
    }

    @Test("a restore that fails leaves nothing of its own, and says so in its own words")
    func failedRestore() throws {
        try put("greeting", "hello", into: store)
        try put("second", "again", into: store)
        expect(try tool.run("backup", store, backup), code: 0)
        let segment = "backup/segments/0000000000000002.seg"
        expect(try tool.shell("mv \(segment) kept; mkdir there there.too"), code: 0)
        expect(try tool.shell("mkdir there.too/lost+found; $CAIRN verify backup"), code: 4)
        for name in ["new", "there", "there.too"] {
            let result = try tool.shell("$CAIRN restore backup \(name)")
            expect(
                result, code: 4, saying: "0000000000000002", "cannot be restored",
                "nothing of it is left in \(name)")
            #expect(!result.complaint.contains("backed up"), "\(result.complaint)")
        }
        #expect(!tool.has("new"))
        #expect(
            try tool.shell("find there there.too | sort | xargs").lines
                == ["there there.too there.too/lost+found"])
        expect(try tool.shell("mv kept \(segment) && $CAIRN restore backup there"), code: 0)
        #expect(try tool.run("get", tool.path("there"), "second").text == "again")
    }

    @Test("a restore for which there is no room takes its files away again")
    func noRoom() throws {
        var random = TestRandom(seed: 3)
        let (first, second) = (random.bytes(400_000), random.bytes(1_200_000))
        expect(try tool.run("put", "--create", store, "a", input: first), code: 0)
        expect(try tool.run("put", store, "b", input: second), code: 0)
        expect(try tool.run("backup", store, backup), code: 0)
        for kibibytes in [0, 600] {
            // What the tool says goes through a pipe, which has no limit.
            let result = try tool.shell(
                "(ulimit -f \(kibibytes); exec $CAIRN restore backup new 2>&1) | cat")
            #expect(result.text.contains("of the store in new: "), "\(result.text)")
            #expect(result.text.contains("nothing of it is left in new"), "\(result.text)")
            #expect(!tool.has("new"), "\(kibibytes)")
        }
        expect(try tool.shell("$CAIRN restore backup new"), code: 0)
    }

    @Test("what an earlier attempt left stays when the next one fails, and is named")
    func failedAgain() throws {
        try put("greeting", "hello", into: store)
        try put("second", "again", into: store)
        expect(try tool.run("backup", store, backup), code: 0)
        let half = try tool.shell(
            """
            cp -a backup half && rm half/MANIFEST half/segments/0000000000000002.*
            mv backup/segments/0000000000000002.seg kept; $CAIRN restore backup half
            """)
        expect(half, code: 4, saying: "half holds what an earlier attempt brought", "do it again")
        expect(
            try tool.shell("ls half/segments/0000000000000001.seg && ! $CAIRN get half second"),
            code: 0, saying: "never finished")
        expect(
            try tool.shell(
                "mv kept backup/segments/0000000000000002.seg; $CAIRN restore backup half"), code: 0
        )
    }

    @Test("what cannot be backed up says why")
    func refusals() throws {
        expect(try tool.run("backup", store, backup), code: 8, saying: "no store")
        expect(try tool.run("restore", store), code: 8, saying: "no backup")
        try put("greeting", "hello", into: store)
        expect(try tool.run("backup", store, store + "/b"), code: 8, saying: "own directory")
        expect(try tool.run("backup", store, tool.path), code: 8, saying: "not empty")
        let open = try Store.open(at: store)
        expect(try tool.run("backup", store, backup), code: 8, saying: "in use by process")
        try open.backup(to: backup)
        try open.close()
        let segment = "store/segments/0000000000000001.seg"
        expect(try tool.shell("truncate -s -8 \(segment); $CAIRN backup store backup"), code: 4)
        expect(try tool.run("verify", backup), code: 0)
    }
}
