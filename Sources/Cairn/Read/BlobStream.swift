// BlobStream — reads a blob piece by piece: for blobs larger than memory.
//
// It shows one version of the blob, whole, however the key changes meanwhile: a large blob stays
// pinned until the stream is closed or dropped. A small one is held in memory. One thread at a
// time. Memory: one window of stored bytes and one chunk at most.

internal import CairnFormat
internal import CairnSystem

/// Used by one thread at a time, as its owner promises; what it shares with others is the engine.
package final class BlobStream<S: Storage>: @unchecked Sendable {
    private let engine: Engine<S>
    private let key: [UInt8]
    /// Of the version that the stream shows, whatever becomes of the key.
    package let information: BlobInformation
    /// Nil: the blob is in `small`.
    private let composite: Composite?
    private let small: [UInt8]
    private var isOpen = true
    /// Where the next read begins.
    package private(set) var offset: UInt64 = 0

    init(
        engine: Engine<S>, key: [UInt8], information: BlobInformation, composite: Composite?,
        small: [UInt8]
    ) {
        self.engine = engine
        self.key = key
        self.information = information
        self.composite = composite
        self.small = small
    }

    deinit { close() }

    /// Ends the stream; a replaced blob's space is free for reclaiming afterwards.
    package func close() {
        guard isOpen else { return }
        isOpen = false
        if let composite { engine.pins.unpin(composite.blobID) }
    }

    /// Moves to another place in the blob.
    package func seek(to offset: UInt64) { self.offset = min(offset, information.byteCount) }

    /// The next verified bytes, at most `byteCountMaximum` and at most a chunk; empty at the end.
    package func read(byteCountMaximum: Int) throws(StoreError) -> [UInt8] {
        guard isOpen else { throw StoreError(.closed, "the stream is closed") }
        var sink = PieceSink()
        let end = min(offset + UInt64(max(0, byteCountMaximum)), information.byteCount)
        guard offset < end else { return [] }
        if let composite {
            let key = key
            let chunkEnd =
                (offset / UInt64(composite.chunkByteCount) + 1)
                * UInt64(composite.chunkByteCount)
            try engine.readPinned(composite, key.rawSpan, offset..<min(end, chunkEnd), &sink)
            offset = min(end, chunkEnd)
            return sink.bytes
        }
        defer { offset = end }
        return Array(small[Int(offset)..<Int(end)])
    }
}

private struct PieceSink: BlobSink {
    var bytes: [UInt8] = []
    var hasReceived: Bool { !bytes.isEmpty }

    mutating func begin(_ information: BlobInformation, byteCount: UInt64) throws(StoreError) {}
    mutating func take(_ piece: RawSpan) throws(StoreError) { bytes.append(copying: piece) }
}

extension Engine {
    /// Opens a stream on the newest version of a key; nil when there is none.
    package func stream(_ key: RawSpan) throws(StoreError) -> BlobStream<S>? {
        if let (information, composite) = try pinLarge(key) {
            return BlobStream(
                engine: self, key: key.copyBytes(), information: information,
                composite: composite, small: [])
        }
        guard let blob = try get(key) else { return nil }
        let information = BlobInformation(
            version: blob.version, byteCount: blob.totalByteCount, metadata: blob.metadata,
            expiry: blob.expiry)
        return BlobStream(
            engine: self, key: key.copyBytes(), information: information, composite: nil,
            small: blob.bytes)
    }

    /// Pins the key's blob if it is a large one.
    func pinLarge(
        _ key: RawSpan
    ) throws(StoreError) -> (BlobInformation, Composite)? {
        var sink = PinSink(pins: pins)
        do {
            let scratch = ReadScratch.take()
            defer { scratch.giveBack() }
            try read(key, range: 0..<0, scratch, into: &sink)
        } catch {
            sink.release()
            throw error
        }
        guard let information = sink.information, let composite = sink.composite else {
            return nil
        }
        return (information, composite)
    }

    /// Reads a range of a blob that is pinned.
    func readPinned(
        _ composite: Composite, _ key: RawSpan, _ range: Range<UInt64>,
        _ sink: inout some BlobSink
    ) throws(StoreError) {
        let scratch = ReadScratch.take()
        defer { scratch.giveBack() }
        var attempt = 0
        while true {
            segmentFiles.awaitDescriptors()
            do {
                let token = readers.enter()
                defer { readers.leave(token) }
                return try deliverChunks(of: composite, key, range, scratch, &sink)
            } catch {
                guard !sink.hasReceived, segmentFiles.mayRepeat(after: error, attempt: &attempt)
                else { throw error }
            }
        }
    }
}

/// Keeps a large blob pinned beyond the read that found it.
private struct PinSink: BlobSink {
    let pins: BlobPins
    private(set) var information: BlobInformation?
    private(set) var composite: Composite?
    var hasReceived: Bool { composite != nil }

    init(pins: BlobPins) { self.pins = pins }

    mutating func begin(_ information: BlobInformation, byteCount: UInt64) throws(StoreError) {
        self.information = information
    }

    mutating func take(_ piece: RawSpan) throws(StoreError) {}

    mutating func found(_ composite: Composite) {
        pins.pin(composite.blobID)
        self.composite = composite
    }

    mutating func release() {
        if let composite { pins.unpin(composite.blobID) }
        composite = nil
    }
}
