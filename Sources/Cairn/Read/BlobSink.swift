// BlobSink — who receives the bytes of a read.
//
// Pieces come in order, each verified before it is handed over; a piece is valid during the call
// only. A read that fails half-way has handed over true bytes, never wrong ones.

internal import CairnFormat
internal import CairnSystem

/// Receives the verified bytes of a blob.
protocol BlobSink {
    /// Called once, before any piece. Returns which bytes are to follow, of those that were asked for.
    mutating func begin(
        _ information: BlobInformation, _ range: Range<UInt64>
    ) throws(StoreError) -> Range<UInt64>
    mutating func take(_ piece: RawSpan) throws(StoreError)
    /// A piece that stays in the buffer until the reading thread's scratch is given back.
    mutating func take(_ buffer: AlignedBuffer, _ range: Range<Int>) throws(StoreError)
    /// Until then a read that failed can begin anew, with another `begin`.
    var hasReceived: Bool { get }
    /// Called before `begin`. A large blob is pinned meanwhile; the segment of a record is not replaced
    /// before the call returns.
    mutating func found(_ place: BlobPlace)
}

extension BlobSink {
    mutating func found(_ place: BlobPlace) {}

    mutating func take(_ buffer: AlignedBuffer, _ range: Range<Int>) throws(StoreError) {
        try take(buffer.bytes(range))
    }
}

/// Where the bytes of a blob are.
enum BlobPlace {
    /// In one record.
    case record(Location, RecordHeader)
    /// In chunks.
    case chunks(Composite)
}

/// Collects everything in an array.
struct ArraySink: BlobSink {
    /// The most that is collected in memory; larger blobs are streamed.
    static let byteCountMaximum: UInt64 = 1 << 31

    private(set) var information: BlobInformation?
    private(set) var bytes: [UInt8] = []
    var hasReceived: Bool { !bytes.isEmpty }

    mutating func begin(
        _ information: BlobInformation, _ range: Range<UInt64>
    ) throws(StoreError) -> Range<UInt64> {
        let byteCount = range.upperBound - range.lowerBound
        guard byteCount <= Self.byteCountMaximum else {
            throw StoreError(
                .blobTooLarge,
                "\(byteCount) bytes are too many to return at once: read them as a stream")
        }
        self.information = information
        bytes.reserveCapacity(Int(byteCount))
        return range
    }

    mutating func take(_ piece: RawSpan) throws(StoreError) {
        bytes.append(copying: piece)
    }
}

/// Hands every piece to a closure.
struct ClosureSink: BlobSink {
    private(set) var information: BlobInformation?
    private(set) var hasReceived = false
    private let body: (RawSpan) -> Void

    init(_ body: @escaping (RawSpan) -> Void) { self.body = body }

    mutating func begin(
        _ information: BlobInformation, _ range: Range<UInt64>
    ) throws(StoreError) -> Range<UInt64> {
        self.information = information
        return range
    }

    mutating func take(_ piece: RawSpan) throws(StoreError) {
        hasReceived = true
        body(piece)
    }
}
