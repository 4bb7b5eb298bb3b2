// BodyMemory — the bytes of a body as they come, in memory that is large only when they are many.
//
// Who drips a body, or breaks it off, has needed little. What is filled is taken out, and its memory given back to the
// pool by whoever had the bytes. One thread at a time.

internal import CairnHTTP
internal import CairnSystem

/// Memory that is being filled.
struct BodyMemory {
    /// Beyond this the bytes have a buffer of the pool.
    private static let smallByteCount = 4 << 10

    private let pool: BufferPool
    private var filled = ByteQueue(byteCount: smallByteCount)

    /// Nothing is in it, and nothing taken from the pool.
    init(_ pool: BufferPool) { self.pool = pool }

    /// How many bytes are in it.
    var count: Int { filled.count }

    /// The bytes, which fit in a buffer of the pool.
    mutating func append(_ bytes: RawSpan) {
        if filled.count + bytes.byteCount > filled.capacity { enlarge() }
        filled.append(bytes)
    }

    /// What `body` puts to the front of the room that there is; it returns how many bytes.
    mutating func append(upTo byteCount: Int, _ body: (inout MutableRawSpan) -> Int) {
        if filled.count == filled.capacity { enlarge() }
        filled.append(upTo: min(byteCount, filled.capacity - filled.count), body)
    }

    private mutating func enlarge() {
        var larger = ByteQueue(in: pool.take())
        larger.append(filled.bytes)
        filled = larger
    }

    /// What is in it, for `giveBack` in the end; then nothing is.
    mutating func take() -> ByteQueue {
        defer { filled = ByteQueue(byteCount: Self.smallByteCount) }
        return filled
    }

    /// Gives back the memory of bytes that were taken.
    static func giveBack(_ bytes: ByteQueue, to pool: BufferPool) {
        if bytes.capacity == pool.byteCount { pool.giveBack(bytes.takeStorage()) }
    }
}
