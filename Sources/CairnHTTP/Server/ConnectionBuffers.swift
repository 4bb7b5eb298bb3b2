// ConnectionBuffers — the memory of a connection that has something to do; an idle one has none.
//
// A loop keeps a few of them for its connections. What a request made larger than usual is given up when
// the request has ended. The loop's thread.

internal import CairnSystem

/// What a request and its answer need.
struct ConnectionBuffers {
    /// Room for a head and most bodies that come with it.
    static let inputByteCount = 64 << 10
    private static let outputByteCount = 16 << 10
    /// More than this is not kept.
    private static let keptByteCountMaximum = 256 << 10

    var input = ByteQueue(byteCount: inputByteCount)
    var output = ByteQueue(byteCount: outputByteCount)
    var scanner = HeadScanner()
    var head = RequestHead()
    /// While the output lies in memory for pieces: the memory that it has else.
    private var narrowOutput: ByteQueue?
    /// What was collected from chunks.
    var body: ByteQueue?
    var decoder = ChunkedDecoder()

    /// Whether it is worth keeping for another connection.
    var isOrdinary: Bool { input.capacity + output.capacity <= Self.keptByteCountMaximum }

    /// Forgets what an end left in it.
    mutating func reset() {
        input.removeAll()
        output.removeAll()
        beginRequest()
    }

    mutating func beginRequest() {
        scanner = HeadScanner()
        // A head that is refused before it is read would be answered as the one before it.
        head.reset()
        endBody()
    }

    /// Whether the output lies in memory for pieces.
    var isWide: Bool { narrowOutput != nil }

    /// Moves the output into memory for pieces.
    mutating func widen(into memory: ByteQueue) {
        var (narrow, wide) = (output, memory)
        wide.append(narrow.bytes)
        narrow.removeAll()
        (output, narrowOutput) = (wide, narrow)
    }

    /// The memory for pieces, out of which all has gone; nil when there was none.
    mutating func narrow() -> ByteQueue? {
        guard let narrow = narrowOutput else { return nil }
        defer { (output, narrowOutput) = (narrow, nil) }
        return output
    }

    /// Gives up what a client that drips a head has no use for.
    mutating func shrinkToHead() {
        input.shrink(to: 4 << 10)
        output.shrink(to: 1 << 10)
    }

    /// Gives up what a body needed.
    mutating func endBody() {
        body = nil
        input.shrink(to: Self.inputByteCount)
    }
}

/// Buffers that a loop lends to one connection after the other.
final class LentBuffers {
    /// Outside of the object: see `StateCell`. Each request touches them thirty times.
    private let cell = StateCell(ConnectionBuffers())

    /// As long as somebody has the object.
    var reference: StateReference<ConnectionBuffers> { cell.reference }
}
