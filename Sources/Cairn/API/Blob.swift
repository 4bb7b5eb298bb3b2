// What reads and writes return.

/// What is known of a blob without its bytes.
public struct BlobInformation: Equatable, Sendable {
    public let version: Version
    public let byteCount: UInt64
    public let metadata: [UInt8]
}

/// A blob, or the requested range of it, verified.
public struct Blob: Equatable, Sendable {
    public let version: Version
    /// The size of the whole blob, also when a range was read.
    public let totalByteCount: UInt64
    public let metadata: [UInt8]
    public let bytes: [UInt8]
}

/// What a successful write answers.
public struct WriteReceipt: Equatable, Sendable {
    /// The version that the write made. For a delete: the version of the delete.
    public let version: Version
    /// Whether a blob of that key was there before.
    public let replaced: Bool
}

/// Counts of a store at one moment.
public struct Statistics: Equatable, Sendable {
    public var keyCount: UInt64 = 0
    public var segmentCount: Int = 0
    /// Record bytes of live blobs.
    public var liveByteCount: UInt64 = 0
    /// Record bytes of overwritten and deleted blobs, tombstones, seals and marks.
    public var deadByteCount: UInt64 = 0
    /// Bytes of segments up to their logical end.
    public var logicalByteCount: UInt64 = 0
    public var indexByteCount: Int = 0
    public var nextSequence: UInt64 = 0
    public var isReadOnly: Bool = false
    public var damage: [String] = []
}
