// Where a store may be made: in no directory that holds anything of others.

import Cairn
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Making a store")
struct CreationTests {
    private let directory: StoreTestDirectory

    init() throws { directory = try StoreTestDirectory() }

    private func open() throws { try Store.open(at: directory.path).close() }

    @Test("a directory with a file that is no store's is refused, and nothing is made in it")
    func foreignFile() throws {
        for name in ["thesis.tex", ".hidden", "STORE.bak"] {
            try directory.replace(name, [1])
            expectError(.wrongDirectory, naming: name, "not empty", "nothing was touched") {
                try open()
            }
            let handle = try #require(try DirectoryHandle.open(path: directory.path))
            #expect(try handle.names() == [name])
            try directory.remove(name)
        }
        try open()
        try directory.replace("thesis.tex", [1])
        try open()
    }

    @Test("the root of a fresh file system, and what a cut creation left, is as good as empty")
    func asGoodAsEmpty() throws {
        let handle = try #require(try DirectoryHandle.open(path: directory.path))
        for name in ["lost+found", "segments", "quarantine"] { try handle.makeDirectory(name) }
        for name in ["LOCK", "MANIFEST", "MANIFEST.new", "STORE.new"] {
            try directory.replace(name, [1, 2, 3])
        }
        try open()
        try open()
    }

    @Test("where segments are, and no STORE, it is a lost file that is told")
    func lostIdentity() throws {
        let store = try Store.open(at: directory.path)
        try store.put("key", [1])
        try store.close()
        try directory.remove("STORE")
        try directory.replace("thesis.tex", [1])
        expectError(.storeDamaged, naming: "STORE is missing") { try open() }
    }
}
