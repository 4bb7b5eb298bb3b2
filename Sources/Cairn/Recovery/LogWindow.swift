// LogWindow — a sliding view of a segment file, for reading it from front to back.
//
// Bytes are read `scanByteCount` at a time; a longer piece makes the buffer grow to it once. What
// lies beyond the end of the file is absent, not zero. One thread. An error of the disk is thrown:
// it is never taken for the end of the log. Of a file that is read past the page cache whole blocks are
// read, to an aligned address.

internal import CairnSystem

struct LogWindow<S: Storage> {
    private let storage: S
    private let file: FileHandle
    private let step: Int
    private let blockByteCount: UInt64
    private var buffer: AlignedBuffer
    private var start: UInt64 = 0
    private var count = 0
    /// Nothing is read from here on.
    let limit: UInt64

    init(storage: S, file: FileHandle, limit: UInt64, step: Int, isUncached: Bool = false) {
        self.storage = storage
        self.file = file
        self.limit = limit
        self.step = step
        blockByteCount = isUncached ? UInt64(UncachedRead.blockByteCount) : 1
        buffer = AlignedBuffer(byteCount: max(64, min(step, Int(limit))))
    }

    /// Makes `byteCount` bytes at `offset` available, or fewer before `limit`; returns how many.
    mutating func load(_ byteCount: Int, at offset: UInt64) throws(FileError) -> Int {
        let wanted = Int(min(UInt64(byteCount), limit - min(offset, limit)))
        if holds(wanted, at: offset) { return wanted }
        let length = Int(min(UInt64(max(wanted, step)), limit - min(offset, limit)))
        start = offset
        count = 0
        guard length > 0 else { return 0 }
        try read(length, at: offset)
        return min(wanted, max(0, Int(start) + count - Int(offset)))
    }

    private mutating func read(_ length: Int, at offset: UInt64) throws(FileError) {
        let place = offset / blockByteCount * blockByteCount
        let end = offset + UInt64(length)
        let rounded = (end + blockByteCount - 1) / blockByteCount * blockByteCount
        let whole = Int(rounded - place)
        if whole > buffer.byteCount { buffer = AlignedBuffer(byteCount: whole) }
        start = place
        var target = buffer.mutableBytes(0..<whole)
        let found = try storage.read(file, into: &target, at: place)
        count = Int(min(UInt64(found), limit - place))
    }

    /// Whether `bytes` may be asked for these without a `load`.
    func holds(_ byteCount: Int, at offset: UInt64) -> Bool {
        offset >= start && offset + UInt64(byteCount) <= start + UInt64(count)
    }

    /// What is loaded may be out of date: a writer appends to the file.
    mutating func forget() { count = 0 }

    /// How many bytes from `offset` on are zero, as far as they are loaded.
    mutating func zeroByteCount(at offset: UInt64) throws(FileError) -> Int {
        guard try load(8, at: offset) > 0 else { return 0 }
        let rest = Int(start + UInt64(count) - offset)
        return bytes(at: offset, count: rest).leadingZeroByteCount
    }

    /// Bytes that were loaded.
    @_lifetime(borrow self)
    func bytes(at offset: UInt64, count: Int) -> RawSpan {
        let position = Int(offset - start)
        return buffer.bytes(position..<position + count)
    }
}
