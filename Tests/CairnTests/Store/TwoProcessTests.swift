// Two writers, one directory: the second is refused and told who the first is.

import Cairn
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Two processes")
struct TwoProcessTests {
    private func put(_ value: UInt8, into store: Store) throws {
        try store.put("key", [value])
    }

    @Test("a second store in the same process is refused, with this process's number")
    func sameProcess() throws {
        let directory = try StoreTestDirectory()
        let store = try Store.open(at: directory.path)
        try store.put("key", [1])
        // The keeper's own work is done: what follows changes nothing.
        try store.flush()
        try store.engine.markIdle()
        let before = try directory.contents()
        for access in [StoreOptions.Access.create, .existing] {
            expectError(.inUse, naming: "\(getpid())", directory.path) {
                _ = try Store.open(
                    at: directory.path, options: StoreOptions(access: access))
            }
        }
        let reader = try Store.open(
            at: directory.path, options: StoreOptions(access: .readOnly))
        #expect(try reader.get("key")?.bytes == [1])
        try reader.close()
        #expect(try directory.contents() == before)
        try store.put("key", [2])
        try store.close()
        let next = try Store.open(at: directory.path)
        #expect(try next.get("key")?.bytes == [2])
        try next.close()
    }

    @Test("another process is refused, with the number of the one that has the store")
    func otherProcess() async throws {
        let directory = try StoreTestDirectory()
        let store = try Store.open(at: directory.path)
        try put(1, into: store)
        let path = directory.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            try otherProcessChild(path)
        }
        try put(2, into: store)
        try store.close()
    }

    @Test("the lock of a process that was killed does not outlive it")
    func killed() async throws {
        let directory = try StoreTestDirectory()
        let path = directory.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            try killedChild(path)
        }
        let store = try Store.open(at: path)
        #expect(try store.get("key")?.bytes == [1])
        #expect(store.findings == [])
        try store.close()
    }
}

// MARK: - What the child processes do

private func otherProcessChild(_ path: String) throws {
    expectError(.inUse, naming: "by process \(getppid())", path) {
        _ = try Store.open(at: path)
    }
    let reader = try Store.open(
        at: path, options: StoreOptions(access: .readOnly))
    #expect(try reader.get("key")?.bytes == [1])
    try reader.close()
}

private func killedChild(_ path: String) throws {
    let store = try Store.open(at: path)
    try store.put("key", [1])
    kill(getpid(), SIGKILL)
}
