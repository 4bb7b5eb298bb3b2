// BlobWriter, BlobReader — blobs larger than memory, in and out.
//
// Both are used by one thread at a time. A writer's blob is seen by nobody before `commit`; a
// writer that is dropped leaves nothing. A reader shows one version, whole, whatever happens to
// the key meanwhile.

internal import CairnSystem

/// Writes a blob of unknown length.
public final class BlobWriter: Sendable {
    private let upload: Upload<SystemStorage>

    init(_ upload: Upload<SystemStorage>) { self.upload = upload }

    /// Bytes taken so far.
    public var byteCount: UInt64 { upload.byteCount }

    /// Takes the next bytes. Full chunks go to the log at once.
    public func write(_ bytes: [UInt8]) throws(StoreError) { try upload.write(bytes.rawSpan) }

    /// Takes the next bytes, borrowed for the call.
    public func write(_ bytes: RawSpan) throws(StoreError) { try upload.write(bytes) }

    /// Makes the blob visible if its condition holds; returns when that is as durable as asked.
    @discardableResult
    public func commit() throws(StoreError) -> WriteReceipt { try upload.commit() }

    /// See `Upload.commit`.
    package func commit(
        under condition: Condition? = nil, metadata: [UInt8]?
    ) throws(StoreError) -> WriteReceipt {
        try upload.commit(under: condition, metadata: metadata)
    }

    /// Gives the blob up.
    public func abort() { upload.abort() }
}

/// Reads a blob piece by piece.
public final class BlobReader: Sendable {
    private let stream: BlobStream<SystemStorage>

    init(_ stream: BlobStream<SystemStorage>) { self.stream = stream }

    /// Version, size and metadata.
    public var information: BlobInformation { stream.information }

    /// Where the next read begins.
    public var offset: UInt64 { stream.offset }

    /// The next verified bytes, at most `byteCountMaximum`; empty at the end.
    public func read(byteCountMaximum: Int = 1 << 20) throws(StoreError) -> [UInt8] {
        try stream.read(byteCountMaximum: byteCountMaximum)
    }

    /// See `BlobStream.read`.
    package func read(
        byteCountMaximum: Int, _ body: (RawSpan) -> Void
    ) throws(StoreError) {
        try stream.read(byteCountMaximum: byteCountMaximum, body)
    }

    /// See `BlobStream.readIfCached`.
    package func readIfCached(
        byteCountMaximum: Int, _ body: (RawSpan) -> Void
    ) throws(StoreError) -> Bool {
        try stream.readIfCached(byteCountMaximum: byteCountMaximum, body)
    }

    /// Moves to another place in the blob.
    public func seek(to offset: UInt64) { stream.seek(to: offset) }

    /// Ends the read; dropping the reader does the same.
    public func close() { stream.close() }
}
