// BenchDirectory — the directory of a benchmark: the store, and a note of what was put into it.
//
//     DIRECTORY/store         the store
//     DIRECTORY/cairn-bench   keys, value size and kind of the last fill
//
// A workload that writes begins with an empty store. It removes a store only where the note says
// that a benchmark made it, and takes no directory that holds anything else. One process at a time,
// by the store's own lock. Main thread.

internal import BenchSupport
internal import Cairn
internal import CairnSystem

struct BenchDirectory {
    private static let noteName = "cairn-bench"
    private static let storeName = "store"
    private static let noteByteCountMaximum = 4096

    private let directory: DirectoryHandle

    var storePath: String { directory.path(of: Self.storeName) }

    // MARK: Writing

    /// The directory for a workload that writes: made if missing, emptied if a benchmark made it.
    init(emptying arguments: Arguments, byteCount: Int) throws(BenchFailure) {
        directory = try Self.open(arguments.directory, create: true)
        let names = try BenchFailure.file { () throws(FileError) in try directory.names() }
        guard names.isEmpty || names.contains(Self.noteName) else {
            throw .refused(
                "\(arguments.directory) is not empty and holds no store of cairn-bench: "
                    + "name a directory that is new or empty")
        }
        if names.contains(Self.storeName) { try emptyStore() }
        try checkSpace(byteCount)
        try write("unfinished")
    }

    /// Notes what the store holds by now, for workloads that read.
    func noteFilled(_ arguments: Arguments) throws(BenchFailure) {
        try write(Self.note(arguments))
    }

    private func emptyStore() throws(BenchFailure) {
        let store = try BenchFailure.file { () throws(FileError) in
            try directory.directory(Self.storeName)
        }
        guard let store else { return }
        do {
            guard case .acquired(let lock) = try FileLock.acquire("LOCK", in: store) else {
                throw BenchFailure.refused("\(storePath) is in use by another process")
            }
            try StoreFiles.unlinkAll(in: store)
            withExtendedLifetime(lock) {}
        } catch let error as FileError {
            throw .file(error)
        } catch let error as BenchFailure {
            throw error
        } catch {
            preconditionFailure("emptying throws file errors and its own only")
        }
    }

    private func checkSpace(_ byteCount: Int) throws(BenchFailure) {
        let free = (try? SystemCall.freeByteCount(directory.rawValue)) ?? .max
        guard free < UInt64(byteCount) else { return }
        throw .refused(
            "\(directory.path) has \(free >> 20) MiB free, this workload may need "
                + "\(byteCount >> 20) MiB: free some, or lower --keys or --seconds")
    }

    // MARK: Reading

    /// The directory for a workload that reads what a fill with the same arguments put there.
    init(filled arguments: Arguments) throws(BenchFailure) {
        directory = try Self.open(arguments.directory, create: false)
        let found = try read()
        let wanted = Self.note(arguments)
        guard found == wanted else {
            throw .refused(
                "\(arguments.directory) does not hold what this workload reads; wanted: "
                    + "\(wanted); found: \(found ?? "nothing"). Run --workload fill first")
        }
    }

    /// Makes the kernel forget the cached pages of every segment; returns how many bytes there are.
    func dropCache() throws(BenchFailure) -> UInt64 {
        try forEachSegment { (fd) throws(Errno) in
            try SystemCall.synchronizeData(fd)
            try SystemCall.dropCache(fd)
        }
    }

    /// Reads every segment once from its beginning to its end: what the disk can do at best.
    func readThrough() throws(BenchFailure) -> UInt64 {
        let buffer = AlignedBuffer(byteCount: 1 << 20)
        return try forEachSegment { (fd) throws(Errno) in
            var target = buffer.mutableBytes(0..<buffer.byteCount)
            var offset: UInt64 = 0
            while true {
                let count = try SystemCall.read(fd, into: &target, at: offset)
                if count == 0 { break }
                offset += UInt64(count)
            }
        }
    }

    /// What segments and hints take; a file that goes meanwhile counts nothing.
    func segmentsByteCount() -> UInt64 {
        do {
            let store = try directory.directory(Self.storeName)
            guard let segments = try store?.directory("segments") else { return 0 }
            return try segments.names().reduce(0) { sum, name in
                guard let file = try segments.open(name, writable: false) else { return sum }
                return sum + (try SystemCall.byteCount(file.rawValue))
            }
        } catch {
            return 0
        }
    }

    private func forEachSegment(
        _ body: (Int32) throws(Errno) -> Void
    ) throws(BenchFailure) -> UInt64 {
        do {
            let store = try directory.directory(Self.storeName)
            guard let segments = try store?.directory("segments") else { return 0 }
            var byteCount: UInt64 = 0
            for name in try segments.names().sorted() {
                guard let file = try segments.open(name, writable: false) else { continue }
                try body(file.rawValue)
                byteCount += try SystemCall.byteCount(file.rawValue)
            }
            return byteCount
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .refused("reading the segments of \(storePath): \(error)")
        }
    }

    // MARK: The note

    private static func note(_ arguments: Arguments) -> String {
        "\(arguments.keyCount) keys of 16 bytes, values of \(arguments.valueSizes) "
            + (arguments.compressible ? "compressible bytes" : "random bytes")
    }

    private func write(_ note: String) throws(BenchFailure) {
        let bytes = Array(note.utf8)
        do {
            let file = try directory.openOrCreate(Self.noteName)
            try SystemCall.truncate(file.rawValue, to: 0)
            try SystemCall.write(file.rawValue, bytes.rawSpan, at: 0)
        } catch {
            throw .refused("writing \(directory.path(of: Self.noteName)): \(error)")
        }
    }

    private func read() throws(BenchFailure) -> String? {
        var bytes = [UInt8](repeating: 0, count: Self.noteByteCountMaximum)
        do {
            guard let file = try directory.open(Self.noteName, writable: false) else { return nil }
            var target = bytes.mutableRawSpan
            let count = try SystemCall.read(file.rawValue, into: &target, at: 0)
            return String(decoding: bytes.prefix(count), as: UTF8.self)
        } catch {
            throw .refused("reading \(directory.path(of: Self.noteName)): \(error)")
        }
    }

    private static func open(
        _ path: String, create: Bool
    ) throws(BenchFailure) -> DirectoryHandle {
        let opened = try BenchFailure.file { () throws(FileError) in
            try DirectoryHandle.open(path: path, create: create)
        }
        guard let opened else { throw .refused("there is no directory \(path)") }
        return opened
    }
}
