// BlobStream — reads a blob piece by piece: for blobs larger than memory.
//
// It shows one version of the blob, whole, however the key changes meanwhile: a blob in chunks stays
// pinned until the stream is closed or dropped, and so does the segment of one in a record. One thread
// at a time. Memory: one window of stored bytes and one decoded block at most.

internal import CairnFormat
internal import CairnSystem

/// Used by one thread at a time, as its owner promises; what it shares with others is the engine.
package final class BlobStream<S: Storage>: @unchecked Sendable {
    private let engine: Engine<S>
    private let key: [UInt8]
    /// Of the version that the stream shows, whatever becomes of the key.
    package let information: BlobInformation
    private let content: BlobContent
    private var isOpen = true
    /// Where the next read begins.
    package private(set) var offset: UInt64 = 0

    /// The stream unpins what the caller has pinned.
    init(engine: Engine<S>, key: [UInt8], information: BlobInformation, content: BlobContent) {
        self.engine = engine
        self.key = key
        self.information = information
        self.content = content
    }

    /// Of a blob in chunks.
    var composite: Composite? {
        guard case .pinned(.chunks(let composite)) = content else { return nil }
        return composite
    }

    deinit { close() }

    /// Ends the stream; a replaced blob's space is free for reclaiming afterwards.
    package func close() {
        guard isOpen else { return }
        isOpen = false
        if case .pinned(let place) = content { engine.unpin(place) }
    }

    /// Moves to another place in the blob.
    package func seek(to offset: UInt64) { self.offset = min(offset, information.byteCount) }

    /// The next verified bytes, at most `byteCountMaximum` and at most a chunk; empty at the end.
    package func read(byteCountMaximum: Int) throws(StoreError) -> [UInt8] {
        var bytes: [UInt8] = []
        try read(byteCountMaximum: byteCountMaximum) { bytes.append(copying: $0) }
        return bytes
    }

    /// The same, handed over in one or more pieces that are valid during the call only. What was handed
    /// over before an error is true, and counts as read.
    package func read(
        byteCountMaximum: Int, _ body: (RawSpan) -> Void
    ) throws(StoreError) {
        let scratch = ReadScratch.take()
        defer { scratch.giveBack() }
        try read(byteCountMaximum, scratch, body)
    }

    /// The same, as far as the bytes are in memory. False: the disk has to be asked for what follows.
    package func readIfCached(
        byteCountMaximum: Int, _ body: (RawSpan) -> Void
    ) throws(StoreError) -> Bool {
        let scratch = ReadScratch.take(mayWait: false)
        defer { scratch.giveBack() }
        do {
            try read(byteCountMaximum, scratch, body)
            return true
        } catch {
            if scratch.hasMissed { return false }
            throw error
        }
    }

    private func read(
        _ byteCountMaximum: Int, _ scratch: ReadScratch, _ body: (RawSpan) -> Void
    ) throws(StoreError) {
        guard isOpen else { throw StoreError(.closed, "the stream is closed") }
        let end = min(offset + UInt64(max(0, byteCountMaximum)), information.byteCount)
        guard offset < end else { return }
        guard case .pinned(let place) = content else { return readWhole(offset..<end, body) }
        let range = offset..<place.end(of: offset..<end)
        try withoutActuallyEscaping(body) { (body) throws(StoreError) in
            var sink = PieceSink(body)
            defer { offset += sink.byteCount }
            try engine.readPinned(place, key, range, scratch, &sink)
        }
    }

    private func readWhole(_ range: Range<UInt64>, _ body: (RawSpan) -> Void) {
        guard case .whole(let bytes) = content else { return }
        body(bytes.rawSpan.extracting(Int(range.lowerBound)..<Int(range.upperBound)))
        offset = range.upperBound
    }
}

/// What a stream reads from.
enum BlobContent {
    /// All bytes of a small blob.
    case whole([UInt8])
    case pinned(BlobPlace)
}

extension BlobPlace {
    /// How far a read goes that begins at the start of the range: to the end of its chunk.
    fileprivate func end(of range: Range<UInt64>) -> UInt64 {
        guard case .chunks(let composite) = self else { return range.upperBound }
        let chunkByteCount = UInt64(composite.chunkByteCount)
        return min(range.upperBound, (range.lowerBound / chunkByteCount + 1) * chunkByteCount)
    }
}

private struct PieceSink: BlobSink {
    private(set) var byteCount: UInt64 = 0
    private let body: (RawSpan) -> Void
    var hasReceived: Bool { byteCount > 0 }

    init(_ body: @escaping (RawSpan) -> Void) { self.body = body }

    mutating func begin(
        _ information: BlobInformation, _ range: Range<UInt64>
    ) throws(StoreError) -> Range<UInt64> { range }

    mutating func take(_ piece: RawSpan) throws(StoreError) {
        byteCount += UInt64(piece.byteCount)
        body(piece)
    }
}

extension Engine {
    /// Reads a range of a blob that is pinned.
    func readPinned(
        _ place: BlobPlace, _ key: [UInt8], _ range: Range<UInt64>, _ scratch: ReadScratch,
        _ sink: inout some BlobSink
    ) throws(StoreError) {
        var attempt = 0
        while true {
            segmentFiles.awaitDescriptors()
            do {
                let token = readers.enter()
                defer { readers.leave(token) }
                return try deliver(place, key.rawSpan, range, scratch, &sink)
            } catch {
                guard !sink.hasReceived, segmentFiles.mayRepeat(after: error, attempt: &attempt)
                else { throw error }
            }
        }
    }

    private func deliver(
        _ place: BlobPlace, _ key: RawSpan, _ range: Range<UInt64>, _ scratch: ReadScratch,
        _ sink: inout some BlobSink
    ) throws(StoreError) {
        switch place {
        case .chunks(let composite): try deliverChunks(of: composite, key, range, scratch, &sink)
        case .record(let location, let header):
            try deliverRecord(header, location, key, range, scratch, &sink)
        }
    }

    /// The front is read again, with the table of its blocks, and verified again.
    private func deliverRecord(
        _ header: RecordHeader, _ location: Location, _ key: RawSpan, _ range: Range<UInt64>,
        _ scratch: ReadScratch, _ sink: inout some BlobSink
    ) throws(StoreError) {
        var count = 0
        let fetched = try fetchFront(
            location, key: key, wanted: ReadScratch.frontByteCount(of: location.byteCountBound),
            scratch, count: &count)
        guard case .found(let found) = fetched, found == header else {
            throw damaged(key, location, "it changed while it was read")
        }
        try deliverPayload(
            of: header, location, key, Int(range.lowerBound)..<Int(range.upperBound), scratch,
            count, &sink)
    }
}
