// Storage — the engine's only door to files, directories, the clock and randomness.
//
// The engine is generic over it: `SystemStorage` is the disk, the simulated disk of the tests loses
// power. Names live in one of three directories, each with its own durability: a new, renamed or
// removed name survives a power cut only after `synchronize(_:)` of its directory. Bytes survive
// only after `synchronize(_:)` of their file. Every call may be made from any thread; the engine
// never makes two writing calls on one file at a time. Spec: Engine.md, "What a disk may forget".

package import CairnSystem

/// An open file. A plain token, so that lock-free readers carry no reference count; the engine
/// closes it only when no reader can hold it.
package struct FileHandle: Hashable, Sendable, BitwiseCopyable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }
}

/// What reads past the page cache are made of.
package enum UncachedRead {
    /// Addresses, offsets and lengths are whole blocks of so many bytes.
    package static let blockByteCount = 4096
}

/// The directories of a store.
package enum StoreDirectory: UInt8, Sendable, CaseIterable {
    case root
    case segments
    case quarantine
}

/// How `lock()` ended.
package enum LockOutcome: Equatable, Sendable {
    case acquired
    /// Another process, if its identity is known.
    case held(by: Int32?)
}

/// How two names came to the same bytes.
package enum SharedBytes: Sendable {
    /// One file with two names: hard links.
    case linked
    /// Two files, whose bytes are shared until one of them changes. Not durable by itself.
    case cloned
}

/// A disk as the engine sees it: three directories, their files, one lock. Every call may block.
package protocol Storage: AnyObject, Sendable {
    /// A name for messages: the store's path.
    var location: String { get }

    /// Opens the store's directories, making them first when `creating`. Not durable by itself.
    /// False when there is no such directory and `creating` is false.
    func openDirectories(creating: Bool) throws(FileError) -> Bool
    /// Removes those of the directories that `openDirectories` made. They are empty, or it fails.
    func removeNewDirectories() throws(FileError)

    /// Takes the exclusive lock that a writer holds for the store's life.
    func lock() throws(FileError) -> LockOutcome
    func unlock()

    /// The names in a directory, in no order, without "." and "..".
    func names(in directory: StoreDirectory) throws(FileError) -> [String]
    /// Makes the names of a directory durable.
    func synchronize(_ directory: StoreDirectory) throws(FileError)
    /// Atomic; replaces an existing name. Durable after both directories are synchronized.
    func rename(
        _ name: String, in source: StoreDirectory, to newName: String,
        in destination: StoreDirectory
    ) throws(FileError)
    func unlink(_ name: String, in directory: StoreDirectory) throws(FileError)

    /// Creates a new empty file for reading and writing; fails if the name exists.
    func create(_ name: String, in directory: StoreDirectory) throws(FileError) -> FileHandle
    /// Opens an existing file; nil when there is none.
    func open(
        _ name: String, in directory: StoreDirectory, writable: Bool
    ) throws(FileError) -> FileHandle?
    /// Opens an existing file to read what the disk holds of it, leaving the page cache as it is, in whole
    /// blocks (`UncachedRead`). Where that cannot be it is as any other.
    func openUncached(_ name: String, in directory: StoreDirectory) throws(FileError) -> FileHandle?
    func close(_ file: FileHandle)

    func byteCount(of file: FileHandle) throws(FileError) -> UInt64
    /// Fills `buffer` from `offset`; fewer bytes only at the end of the file. Returns how many.
    func read(
        _ file: FileHandle, into buffer: inout MutableRawSpan, at offset: UInt64
    ) throws(FileError) -> Int
    /// As `read`, but never waits for the disk: nil when it would have to.
    func readIfCached(
        _ file: FileHandle, into buffer: inout MutableRawSpan, at offset: UInt64
    ) throws(FileError) -> Int?
    /// Says that a range will be read soon, so that a disk may fetch it meanwhile. Only advice.
    func readAhead(_ file: FileHandle, _ range: Range<UInt64>)
    /// Says that the file does not change any more and is read in small pieces, until it is closed. Only
    /// advice.
    func expectReads(of file: FileHandle, byteCount: UInt64)
    /// Writes all of `bytes`. A failure may leave any part of them.
    func write(_ file: FileHandle, _ bytes: RawSpan, at offset: UInt64) throws(FileError)
    /// Writes `head`, then `tail` behind it, in one call where the disk allows.
    func write(
        _ file: FileHandle, _ head: RawSpan, _ tail: RawSpan, at offset: UInt64
    ) throws(FileError)
    func truncate(_ file: FileHandle, to byteCount: UInt64) throws(FileError)
    /// Allocates the space of `[0, byteCount)` and makes the file that long.
    func allocate(_ file: FileHandle, byteCount: UInt64) throws(FileError)
    /// Lets the disk begin with bytes that were written, and returns at once. Promises nothing, so
    /// it cannot fail: whether they arrived is what `synchronize` says.
    func startWriting(_ file: FileHandle, _ range: Range<UInt64>)
    /// Makes bytes and length durable: fdatasync(2).
    func synchronize(_ file: FileHandle) throws(FileError)
    /// Forgets cached pages of the file, so that the next read sees what the disk holds.
    func dropCache(of file: FileHandle) throws(FileError)

    /// Gives a segment's file, or its bytes under a file of its own, a name among the segments of
    /// `other`. Nil when the two disks share no bytes; then nothing was made.
    func share(
        _ name: String, as newName: String, with other: Self
    ) throws(FileError) -> SharedBytes?
    /// Whether a file of this disk and one of `other` are one file with two names.
    func isSame(_ file: FileHandle, as otherFile: FileHandle, of other: Self) throws(FileError)
        -> Bool

    /// Free bytes that an ordinary user of the file system can have.
    func freeByteCount() throws(FileError) -> UInt64
    /// Bytes of the whole file system.
    func totalByteCount() throws(FileError) -> UInt64
    /// Wall time in nanoseconds since 1970.
    func wallClock() -> UInt64
    /// Monotonic time in nanoseconds.
    func monotonicClock() -> UInt64
    func random() -> UInt64
}

extension Storage {
    /// A disk whose directories are always there.
    package func removeNewDirectories() throws(FileError) {}
    /// A disk without a cache.
    package func openUncached(
        _ name: String, in directory: StoreDirectory
    ) throws(FileError) -> FileHandle? {
        try open(name, in: directory, writable: false)
    }
    /// As any other.
    package func expectReads(of file: FileHandle, byteCount: UInt64) {}
}
