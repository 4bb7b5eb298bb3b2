// Bad input: a directory, a file system or limits that do not let the store work.
//
// What needs limits, another user or a mount of its own runs in a process of its own.
// Why this is sound: pointers are strings lent for one call.

import Cairn
import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Bad input: environment")
struct BadEnvironmentTests {
    @Test("a path that is a file, or holds a file where a directory belongs")
    func notADirectory() throws {
        let directory = try StoreTestDirectory()
        try directory.replace("file", [1])
        expectError(.inputOutput, naming: "file", "opening the directory") {
            _ = try Store.open(at: directory.path + "/file")
        }
        try directory.replace("segments", [1])
        expectError(.inputOutput, naming: "segments") {
            _ = try Store.open(at: directory.path)
        }
        #expect(try directory.files().sorted() == ["file", "segments"])
    }

    @Test(
        "a directory without permission is an error that names it",
        .enabled(if: ChildProcess.isRoot, "only root may become another user"))
    func permission() async throws {
        // The directory is the parent's, which can remove it afterwards.
        let directory = try StoreTestDirectory()
        let path = directory.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            try permissionChild(path)
        }
        withExtendedLifetime(directory) {}
    }

    @Test(
        "a store is not made where the name of its directory cannot be made durable",
        .enabled(if: ChildProcess.isRoot, "only root may become another user"))
    func unreadableParent() async throws {
        let directory = try StoreTestDirectory()
        let path = directory.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            try unreadableParentChild(path)
        }
        withExtendedLifetime(directory) {}
    }

    @Test(
        "a read-only file system: opening for writing is refused, for reading it works",
        .enabled(if: ChildProcess.isRoot, "only root may mount a file system"))
    func readOnlyFileSystem() async throws {
        // The directory is the parent's, which can remove it afterwards.
        let directory = try StoreTestDirectory()
        let path = directory.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            try readOnlyFileSystemChild(path)
        }
        withExtendedLifetime(directory) {}
    }

    @Test(
        "a file size limit: puts fail as on a full disk, reads and deletes go on, nothing is lost")
    func fileSizeLimit() async {
        await #expect(processExitsWith: .success) { try fileSizeLimitChild() }
    }

    @Test("more segments than descriptors: puts and reads go on, in files that are opened again")
    func descriptorLimit() async throws {
        let directory = try StoreTestDirectory()
        let path = directory.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            try descriptorLimitChild(path)
        }
        let store = try Store.open(at: path, options: StoreOptions(), tuning: .small)
        #expect(store.statistics().keyCount == 600)
        #expect(store.findings == [])
        try store.close()
    }

    @Test(
        "a store of more segments than descriptors opens and answers, for writing and for reading")
    func descriptorLimitAtOpening() async throws {
        let directory = try StoreTestDirectory()
        let path = directory.path
        try fill(path)
        #expect(try directory.segments().count > 100)
        await #expect(processExitsWith: .success) { [path = path as String] in
            try ChildProcess.limitDescriptors(toMore: 24)
            for access in [StoreOptions.Access.readOnly, .existing] {
                let store = try Store.open(
                    at: path, options: StoreOptions(access: access), tuning: .small)
                #expect(store.findings == [])
                for number in 0..<900 {
                    #expect(try store.get(.numbered(number))?.bytes == sampleBytes(500))
                }
                try store.close()
            }
        }
    }

    @Test("opening without descriptors is an error that says so, and touches nothing")
    func noDescriptors() async throws {
        let directory = try StoreTestDirectory()
        let path = directory.path
        try fill(path)
        let before = try directory.contents()
        await #expect(processExitsWith: .success) { [path = path as String] in
            try ChildProcess.limitDescriptors(toMore: 5)
            expectError(.inputOutput, naming: "Too many open files") {
                _ = try Store.open(at: path, options: StoreOptions(), tuning: .small)
            }
        }
        #expect(try directory.contents() == before)
    }

    @Test("an opening that fails, whatever call it fails in, leaves no file open and no lock")
    func failedOpening() throws {
        let origin = SimulatedDisk()
        let engine = try Engine.open(origin, tuning: .small)
        for number in 0..<40 {
            _ = try engine.put(Key.numbered(number).bytes.rawSpan, sampleBytes(500).rawSpan)
        }
        origin.kill()
        origin.replaceBytes(of: "notes", in: .segments, with: [1, 2, 3])
        let operations: [SimulatedOperation] = [
            .open, .read, .create, .write, .synchronizeFile, .synchronizeDirectory, .dropCache,
            .rename, .truncate, .allocate, .listNames,
        ]
        var failureCount = 0
        for operation in operations {
            for occurrence in 1...200 {
                let disk = SimulatedDisk(copying: origin)
                disk.inject(Fault(operation, occurrence: occurrence))
                let access: StoreOptions.Access = occurrence % 2 == 0 ? .existing : .create
                if let opened = try? Engine.open(
                    disk, options: StoreOptions(access: access), tuning: .small)
                {
                    try opened.close()
                    // The fault was not met, or was overcome.
                    if occurrence > 60 { break }
                } else {
                    failureCount += 1
                }
                #expect(disk.openHandleCount == 0, "\(operation) \(occurrence)")
                disk.clearFaults()
                try Engine.open(disk, tuning: .small).close()
            }
        }
        #expect(failureCount > 40)
    }

    private func fill(_ path: String) throws {
        let store = try Store.open(at: path, options: StoreOptions(), tuning: .small)
        for number in 0..<900 { try store.put(.numbered(number), sampleBytes(500)) }
        try store.close()
    }
}

// MARK: - What the child processes do

private func permissionChild(_ path: String) throws {
    let store = try Store.open(at: path)
    try store.put("key", [1])
    try store.close()
    try #require(unsafe chmod(path, 0o755) == 0)
    try ChildProcess.dropPrivileges()
    for access in [StoreOptions.Access.create, .existing, .readOnly] {
        expectError(.inputOutput, naming: path, "Permission denied") {
            _ = try Store.open(
                at: path, options: StoreOptions(access: access))
        }
    }
    expectError(.inputOutput, naming: path + "/new", "Permission denied") {
        _ = try Store.open(at: path + "/new")
    }
}

private func unreadableParentChild(_ path: String) throws {
    try #require(unsafe mkdir(path + "/given", 0o700) == 0)
    for name in ["", "/given"] { try #require(unsafe chown(path + name, 65_534, 65_534) == 0) }
    try #require(unsafe chmod(path, 0o300) == 0)
    try ChildProcess.dropPrivileges()
    expectError(.inputOutput, naming: path + "/made/..", "Permission denied") {
        _ = try Store.open(at: path + "/made")
    }
    // Whoever gave us the directory saw to its name.
    let store = try Store.open(at: path + "/given")
    try store.put("key", [1])
    try store.close()
}

private func readOnlyFileSystemChild(_ path: String) throws {
    guard try ChildProcess.leaveMounts(),
        try ChildProcess.mount(
            "tmpfs", at: path, type: "tmpfs", flags: 0, "size=64m")
    else {
        print("SKIPPED, cannot mount here: a read-only file system")
        return
    }
    let store = try Store.open(
        at: path + "/store", options: StoreOptions(), tuning: .small)
    try store.put("key", [1])
    try store.close()
    // MS_REMOUNT | MS_RDONLY
    try #require(
        try ChildProcess.mount(
            "tmpfs", at: path, type: "tmpfs", flags: 0x21))
    for access in [StoreOptions.Access.create, .existing] {
        let error = expectError(.inputOutput, naming: "Read-only file system") {
            _ = try Store.open(
                at: path + "/store", options: StoreOptions(access: access))
        }
        #expect(error?.errno == EROFS)
    }
    let reader = try Store.open(
        at: path + "/store", options: StoreOptions(access: .readOnly))
    #expect(try reader.get("key")?.bytes == [1])
    expectError(.readOnly) { try reader.put("key", [2]) }
    try reader.close()
}

private func fileSizeLimitChild() throws {
    let directory = try StoreTestDirectory()
    let store = try Store.open(
        at: directory.path, options: StoreOptions(segmentByteCount: 1 << 20),
        tuning: .smallChunks)
    try ChildProcess.limit(RLIMIT_FSIZE, to: 200_000)
    var count = 0
    let error = try storeError {
        while count < 1000 {
            try store.put(.numbered(count), sampleBytes(3000))
            count += 1
        }
    }
    #expect(error?.kind == .diskFull, "\(String(describing: error))")
    #expect(count > 20)
    for number in 0..<count {
        #expect(try store.get(.numbered(number))?.bytes == sampleBytes(3000))
    }
    #expect(try store.delete(.numbered(0)) != nil)
    try store.close()
    let again = try Store.open(
        at: directory.path, options: StoreOptions(access: .readOnly),
        tuning: .smallChunks)
    #expect(again.statistics().keyCount == UInt64(count - 1))
    for number in 1..<count {
        #expect(try again.get(.numbered(number))?.bytes == sampleBytes(3000))
    }
    try again.close()
}

private func descriptorLimitChild(_ path: String) throws {
    let store = try Store.open(at: path, options: StoreOptions(), tuning: .small)
    try store.put(.numbered(0), sampleBytes(500))
    try ChildProcess.limitDescriptors(toMore: 12)
    for number in 1..<600 {
        try store.put(.numbered(number), sampleBytes(500))
        #expect(try store.get(.numbered(number / 2))?.bytes == sampleBytes(500))
    }
    for number in 0..<600 {
        #expect(try store.get(.numbered(number))?.bytes == sampleBytes(500))
    }
    try store.close()
}
