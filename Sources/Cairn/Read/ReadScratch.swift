// ReadScratch — the buffers of one reading thread: a record's bytes, and a block's decoded bytes.
//
// Never used by two threads at once: it belongs to the thread that took it. Memory: 16 KiB for small
// records, one window of at most a record's prefix and `windowByteCount` bytes, one decoded block.

internal import CairnSystem

/// It belongs to the thread that took it; nobody else refers to it.
final class ReadScratch: @unchecked Sendable {
    /// Stored bytes are read this many at a time, so that they are verified while in the cache.
    static let windowByteCount = 128 << 10

    /// How much of a record is read at first: all, or of a long one what tells its blocks.
    static func frontByteCount(of byteCountBound: Int) -> Int {
        byteCountBound <= windowByteCount ? windowByteCount : 4096
    }

    /// A small record's bytes.
    let front = AlignedBuffer(byteCount: 16 << 10)
    private(set) var record = AlignedBuffer(byteCount: 4096)
    private var window = AlignedBuffer(byteCount: 4096)
    private(set) var decoded = AlignedBuffer(byteCount: 4096)
    private var isTaken = false
    /// Whether a read may wait for the disk. One that may not fails when it would have to, and says so
    /// in `hasMissed`.
    private(set) var mayWait = true
    /// See `mayWait`.
    var hasMissed = false

    /// This thread's scratch, or a fresh one while a caller further up the stack uses that.
    static func take(mayWait: Bool = true) -> ReadScratch {
        let own = threadScratch.value
        let scratch = own.isTaken ? ReadScratch() : own
        scratch.isTaken = true
        scratch.mayWait = mayWait
        scratch.hasMissed = false
        return scratch
    }

    func giveBack() { isTaken = false }

    /// A buffer for stored bytes; what it held is kept.
    func recordBuffer(_ byteCount: Int) -> AlignedBuffer {
        if record.byteCount < byteCount {
            let larger = AlignedBuffer(byteCount: (byteCount + 4095) & ~4095)
            larger.copy(from: record.bytes, to: 0)
            record = larger
        }
        return record
    }

    /// A buffer for a run of blocks; what it held is lost.
    func windowBuffer(_ byteCount: Int) -> AlignedBuffer {
        if window.byteCount < byteCount {
            window = AlignedBuffer(byteCount: (byteCount + 4095) & ~4095)
        }
        return window
    }

    /// A buffer for decoded bytes; what it held is lost.
    func decodedBuffer(_ byteCount: Int) -> AlignedBuffer {
        if decoded.byteCount < byteCount {
            decoded = AlignedBuffer(byteCount: (byteCount + 4095) & ~4095)
        }
        return decoded
    }
}

private let threadScratch = ThreadLocal { ReadScratch() }
