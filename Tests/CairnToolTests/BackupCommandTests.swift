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
