// OpenedBlob — a blob that was found: a small one's bytes, or a larger one's stream.
//
// Whoever serves blobs decides by version, size and metadata what becomes of the bytes, so one look
// finds all of them. Both forms show one version, whole, whatever becomes of the key. Any thread.

internal import CairnFormat
internal import CairnSystem

/// What is known of a blob, and its bytes. `Stream` is the engine's, or the public reader over it.
package struct OpenedBlob<Stream: Sendable>: Sendable {
    /// In which form its bytes come.
    package enum Content: Sendable {
        /// All of them.
        case bytes([UInt8])
        /// They are read as they are wanted.
        case stream(Stream)
    }

    /// Of the version that was found.
    package let information: BlobInformation
    /// Its bytes.
    package let content: Content
}

/// How a blob was opened without waiting for the disk.
package enum PromptOpening<Stream: Sendable>: ~Copyable {
    /// A small one, whose bytes came in one piece.
    case lent(BlobInformation, LentBytes)
    case found(OpenedBlob<Stream>)
    case absent
    /// The disk has to be asked.
    case unknown
}

extension Engine {
    /// A blob up to this size is opened with its bytes: they are verified together anyhow.
    package var wholeByteCountMaximum: Int { tuning.blockByteCount }

    /// Opens the newest version of a key; nil when there is none.
    package func open(_ key: RawSpan) throws(StoreError) -> OpenedBlob<BlobStream<S>>? {
        let scratch = ReadScratch.take()
        defer { scratch.giveBack() }
        var sink = OpeningSink(placePins, wholeByteCountMaximum, lends: false)
        try read(key, scratch, &sink)
        return sink.information.map { opened(key, $0, sink) }
    }

    /// The same, from memory alone: of small blobs all bytes, of others what tells where they are.
    package func openIfCached(_ key: RawSpan) throws(StoreError) -> PromptOpening<BlobStream<S>> {
        let scratch = ReadScratch.take(mayWait: false)
        var sink = OpeningSink(placePins, wholeByteCountMaximum, lends: true)
        do {
            try read(key, scratch, &sink)
        } catch {
            scratch.giveBack()
            // Only a read that may wait says that a blob is damaged: it looks twice.
            if scratch.hasMissed || error.kind == .damaged { return .unknown }
            throw error
        }
        guard let information = sink.information else {
            scratch.giveBack()
            return .absent
        }
        if let (buffer, range) = sink.lent {
            return .lent(information, LentBytes(scratch, buffer, range))
        }
        scratch.giveBack()
        return .found(opened(key, information, sink))
    }

    @inline(__always)
    private func read(
        _ key: RawSpan, _ scratch: ReadScratch, _ sink: inout OpeningSink
    ) throws(StoreError) {
        do {
            try read(key, range: nil, scratch, into: &sink)
        } catch {
            sink.release()
            throw error
        }
    }

    private func opened(
        _ key: RawSpan, _ information: BlobInformation, _ sink: OpeningSink
    ) -> OpenedBlob<BlobStream<S>> {
        guard let place = sink.pinned else {
            return OpenedBlob(information: information, content: .bytes(sink.bytes))
        }
        let stream = BlobStream(
            engine: self, key: key.copyBytes(), information: information,
            content: .pinned(place))
        return OpenedBlob(information: information, content: .stream(stream))
    }

    /// Opens a stream on the newest version of a key, however small; nil when there is none.
    package func stream(_ key: RawSpan) throws(StoreError) -> BlobStream<S>? {
        guard let blob = try open(key) else { return nil }
        switch blob.content {
        case .stream(let stream): return stream
        case .bytes(let bytes):
            return BlobStream(
                engine: self, key: key.copyBytes(), information: blob.information,
                content: .whole(bytes))
        }
    }

    /// Lets go of what `open` pinned.
    func unpin(_ place: BlobPlace) { placePins.unpin(place) }
}

/// Keeps bytes where they are, whatever holds them. Of no storage, so that its users are not generic; an object, so
/// that a read counts one reference and not three.
final class PlacePins: Sendable {
    private let blobs: BlobPins
    private let segments: SegmentPins
    private let handles: SegmentHandles

    init(_ blobs: BlobPins, _ segments: SegmentPins, _ handles: SegmentHandles) {
        (self.blobs, self.segments, self.handles) = (blobs, segments, handles)
    }

    func pin(_ place: BlobPlace) {
        switch place {
        case .record(let location, _):
            segments.pin([handles.segmentID(of: location.segmentOrdinal)])
        case .chunks(let composite): blobs.pin(composite.blobID)
        }
    }

    func unpin(_ place: BlobPlace) {
        switch place {
        case .record(let location, _):
            segments.unpin([handles.segmentID(of: location.segmentOrdinal)])
        case .chunks(let composite): blobs.unpin(composite.blobID)
        }
    }
}

/// Takes the bytes of a small blob, or notes where they are; pins those of another beyond the read that found it.
private struct OpeningSink: BlobSink {
    private let pins: PlacePins
    private let byteCountMaximum: Int
    private let lends: Bool
    private var place: BlobPlace?
    private(set) var pinned: BlobPlace?
    private(set) var information: BlobInformation?
    private(set) var bytes: [UInt8] = []
    private(set) var lent: (AlignedBuffer, Range<Int>)?
    var hasReceived: Bool { pinned != nil || lent != nil || !bytes.isEmpty }

    init(_ pins: PlacePins, _ byteCountMaximum: Int, lends: Bool) {
        self.pins = pins
        self.byteCountMaximum = byteCountMaximum
        self.lends = lends
    }

    mutating func found(_ place: BlobPlace) { self.place = place }

    mutating func begin(
        _ information: BlobInformation, _ range: Range<UInt64>
    ) throws(StoreError) -> Range<UInt64> {
        self.information = information
        if let place, information.byteCount > UInt64(byteCountMaximum) {
            pins.pin(place)
            pinned = place
            return 0..<0
        }
        if !lends { bytes.reserveCapacity(Int(information.byteCount)) }
        return range
    }

    mutating func take(_ piece: RawSpan) throws(StoreError) { bytes.append(copying: piece) }

    mutating func take(_ buffer: AlignedBuffer, _ range: Range<Int>) throws(StoreError) {
        if lends, information?.byteCount == UInt64(range.count) {
            lent = (buffer, range)
        } else {
            bytes.append(copying: buffer.bytes(range))
        }
    }

    mutating func release() {
        if let pinned { pins.unpin(pinned) }
        pinned = nil
    }
}
