// Reading: find the newest version of a key, verify every byte that is returned, hand it over.
//
// Lock-free but for records still in the log's buffer. A record that does not match its location
// is looked up again: only an unchanged location is damage. One pread for a small blob.

internal import CairnFormat
internal import CairnSystem
internal import Synchronization

extension Engine {
    /// The blob, or a range of it clipped to its size; nil when there is none.
    package func get(
        _ key: RawSpan, range: Range<UInt64>? = nil
    ) throws(StoreError) -> Blob? {
        let scratch = ReadScratch.take()
        defer { scratch.giveBack() }
        if range == nil, let plain = readPlain(key, scratch) {
            let buffer = scratch.buffer(of: plain)
            return Blob(
                version: Version(sequence: plain.sequence),
                totalByteCount: UInt64(plain.range.count), metadata: [], expiry: nil,
                bytes: buffer.bytes(plain.range).copyBytes())
        }
        var sink = ArraySink()
        try read(key, range: range, scratch, into: &sink)
        guard let information = sink.information else { return nil }
        return Blob(
            version: information.version, totalByteCount: information.byteCount,
            metadata: information.metadata, expiry: information.expiry, bytes: sink.bytes)
    }

    /// Calls `body` with the verified bytes, piece by piece; nil when there is no such blob.
    package func withBytes(
        of key: RawSpan, range: Range<UInt64>? = nil, _ body: (RawSpan) -> Void
    ) throws(StoreError) -> BlobInformation? {
        let scratch = ReadScratch.take()
        defer { scratch.giveBack() }
        if range == nil, let plain = readPlain(key, scratch) {
            let buffer = scratch.buffer(of: plain)
            if !plain.range.isEmpty { body(buffer.bytes(plain.range)) }
            return BlobInformation(
                version: Version(sequence: plain.sequence),
                byteCount: UInt64(plain.range.count), metadata: [], expiry: nil)
        }
        // What keeps a closure allocates, which a key without a blob can do without.
        if try isAbsent(key, scratch) { return nil }
        return try withoutActuallyEscaping(body) { (body) throws(StoreError) in
            var sink = ClosureSink(body)
            try read(key, range: range, scratch, into: &sink)
            return sink.information
        }
    }

    /// Whether a read of the key finds nothing, when the index shows that at the first look. False says
    /// nothing about the blob.
    private func isAbsent(
        _ key: RawSpan, _ scratch: ReadScratch
    ) throws(StoreError) -> Bool {
        let token = readers.enter()
        let isIndexed = location(of: hash(key), key).isRecord
        readers.leave(token)
        if isIndexed { return false }
        var sink = ArraySink()
        try read(key, range: 0..<0, scratch, into: &sink)
        return sink.information == nil
    }

    /// What is known of a blob without reading its bytes.
    package func information(_ key: RawSpan) throws(StoreError) -> BlobInformation? {
        let scratch = ReadScratch.take()
        defer { scratch.giveBack() }
        var sink = ArraySink()
        try read(key, range: 0..<0, scratch, into: &sink)
        return sink.information
    }

    /// Reads into `sink`; it is not called when there is no such blob.
    func read(
        _ key: RawSpan, range: Range<UInt64>?, _ scratch: ReadScratch,
        into sink: inout some BlobSink
    ) throws(StoreError) {
        try checkKey(key)
        var attempt = 0
        while true {
            segmentFiles.awaitDescriptors()
            do {
                return try readInSection(hash(key), key, range, scratch, &sink)
            } catch {
                guard !sink.hasReceived, segmentFiles.mayRepeat(after: error, attempt: &attempt)
                else { throw error }
            }
        }
    }

    @inline(__always)
    private func readInSection(
        _ hash: UInt64, _ key: RawSpan, _ range: Range<UInt64>?, _ scratch: ReadScratch,
        _ sink: inout some BlobSink
    ) throws(StoreError) {
        let token = readers.enter()
        defer { readers.leave(token) }
        if hasFailed.load(ordering: .acquiring) { try checkCertain(hash, key) }
        var last = Location.empty
        while true {
            let location = location(of: hash, key)
            guard location.isRecord else { return try checkHidden(key, foundSequence: nil) }
            let isRepeated = location == last
            last = location
            switch try readRecord(location, key, range, scratch, isRepeated, &sink) {
            case .done: return
            case .absent: return try checkHidden(key, foundSequence: nil)
            case .retry: continue
            }
        }
    }

    /// The key's location in the index or the overflow map.
    func location(of hash: UInt64, _ key: RawSpan) -> Location {
        let location = index.location(of: hash)
        guard location == .overflow else { return location }
        return overflow.location(of: hash, key: key) ?? .empty
    }

    private enum Reading {
        case done
        case absent
        case retry
    }

    private func readRecord(
        _ location: Location, _ key: RawSpan, _ range: Range<UInt64>?, _ scratch: ReadScratch,
        _ isRepeated: Bool, _ sink: inout some BlobSink
    ) throws(StoreError) -> Reading {
        var count = 0
        let wanted =
            range?.isEmpty == true
            ? RecordHeader.byteCount + key.byteCount + 512
            : ReadScratch.frontByteCount(of: location.byteCountBound)
        let fetched = try fetchFront(location, key: key, wanted: wanted, scratch, count: &count)
        switch fetched {
        case .found(let header):
            try checkHidden(key, foundSequence: header.sequence)
            let details = try details(of: header, location, key, scratch)
            // Absent, and nothing hides it: it is newer than what might.
            if details.expiry != 0, isPast(details.expiry) { return .done }
            if header.type == .composite {
                return try readLarge(header, details, location, key, range, scratch, count, &sink)
            }
            try deliver(header, details, location, key, range, scratch, count, &sink)
            return .done
        case .other where isRepeated: return .absent
        case .damaged(let error) where isRepeated:
            throw damaged(key, location, "\(error)")
        case .other, .damaged: return .retry
        }
    }

    /// Hands over a record that stands alone.
    private func deliver(
        _ header: RecordHeader, _ details: Details, _ location: Location, _ key: RawSpan,
        _ range: Range<UInt64>?, _ scratch: ReadScratch, _ count: Int, _ sink: inout some BlobSink
    ) throws(StoreError) {
        let total = UInt64(header.rawByteCount)
        let range = (range ?? 0..<total).clamped(to: 0..<total)
        let information = BlobInformation(
            version: Version(sequence: header.sequence), byteCount: total,
            metadata: details.user, expiry: details.time)
        sink.found(.record(location, header))
        let wanted = try sink.begin(information, range)
        guard !wanted.isEmpty else { return }
        try deliverPayload(
            of: header, location, key, Int(wanted.lowerBound)..<Int(wanted.upperBound), scratch,
            count, &sink)
    }

    /// What a record's metadata say to its reader.
    private struct Details {
        var user: [UInt8] = []
        /// 0: none.
        var expiry: UInt64 = 0

        var time: WallTime? { expiry == 0 ? nil : WallTime(nanosecondsSince1970: expiry) }
    }

    /// The metadata of the record whose front is in `scratch`.
    @inline(__always)
    private func details(
        of header: RecordHeader, _ location: Location, _ key: RawSpan, _ scratch: ReadScratch
    ) throws(StoreError) -> Details {
        guard header.metadataByteCount > 0 else { return Details() }
        return try decodedDetails(of: header, location, key, scratch)
    }

    @inline(never)
    private func decodedDetails(
        of header: RecordHeader, _ location: Location, _ key: RawSpan, _ scratch: ReadScratch
    ) throws(StoreError) -> Details {
        let record = scratch.record
        let bytes = record.bytes(header.metadataRange)
        do {
            let metadata = try RecordMetadata(decoding: bytes)
            return Details(
                user: metadata.userRange.map { bytes.extracting($0).copyBytes() } ?? [],
                expiry: metadata.expiry ?? 0)
        } catch {
            throw damaged(key, location, "\(error)")
        }
    }

    /// Whether a record that expires is absent by now.
    func isPast(_ expiry: UInt64) -> Bool { Expiry.isExpired(expiry, at: storage.wallClock()) }

    // MARK: Large blobs

    /// Reads a blob that is cut into chunks. The blob is pinned, so that its chunks stay while
    /// the key is overwritten.
    private func readLarge(
        _ header: RecordHeader, _ details: Details, _ location: Location, _ key: RawSpan,
        _ range: Range<UInt64>?, _ scratch: ReadScratch, _ count: Int, _ sink: inout some BlobSink
    ) throws(StoreError) -> Reading {
        let composite = try composite(of: header, location, key, scratch, count)
        pins.pin(composite.blobID)
        defer { pins.unpin(composite.blobID) }
        guard self.location(of: hash(key), key) == location else { return .retry }
        let range = (range ?? 0..<composite.totalByteCount).clamped(
            to: 0..<composite.totalByteCount)
        let information = BlobInformation(
            version: Version(sequence: header.sequence), byteCount: composite.totalByteCount,
            metadata: details.user, expiry: details.time)
        sink.found(.chunks(composite))
        let wanted = try sink.begin(information, range)
        guard !wanted.isEmpty else { return .done }
        try deliverChunks(of: composite, key, wanted, scratch, &sink)
        return .done
    }

    /// The composite payload of the record whose first `count` bytes are in `scratch`.
    func composite(
        of header: RecordHeader, _ location: Location, _ key: RawSpan, _ scratch: ReadScratch,
        _ count: Int
    ) throws(StoreError) -> Composite {
        let end = header.payloadRange.upperBound
        if count < end {
            let more = try fetch(location, from: count, byteCount: end - count, scratch)
            guard count + more == end else { throw damaged(key, location, "its bytes end early") }
        }
        let record = scratch.record
        let payload = record.bytes(header.payloadRange)
        guard Checksum.crc32c(payload) == header.payloadCRC else {
            throw damaged(key, location, "the checksum of its payload does not match")
        }
        do {
            return try Composite(decoding: payload)
        } catch {
            throw damaged(key, location, "\(error)")
        }
    }

    /// Hands over the bytes of a pinned blob.
    func deliverChunks(
        of composite: Composite, _ key: RawSpan, _ range: Range<UInt64>, _ scratch: ReadScratch,
        _ sink: inout some BlobSink
    ) throws(StoreError) {
        for number in composite.chunks(overlapping: range) {
            let chunkRange = composite.range(ofChunk: number)
            let wanted = range.clamped(to: chunkRange)
            let start = Int(wanted.lowerBound - chunkRange.lowerBound)
            try deliverChunk(
                number, of: composite, key, start..<start + Int(wanted.count), scratch, &sink)
        }
    }

    private func deliverChunk(
        _ number: UInt32, of composite: Composite, _ key: RawSpan, _ range: Range<Int>,
        _ scratch: ReadScratch, _ sink: inout some BlobSink
    ) throws(StoreError) {
        let chunkKey = ChunkKey(blobID: composite.blobID, chunkNumber: number).encoded
        let hash = chunkHash(chunkKey.rawSpan)
        var last = Location.empty
        while true {
            let location = location(of: hash, chunkKey.rawSpan)
            guard location.isRecord else {
                throw damaged(key, location, "its chunk \(number) is missing")
            }
            var count = 0
            let fetched = try fetchFront(
                location, key: chunkKey.rawSpan,
                wanted: ReadScratch.frontByteCount(of: location.byteCountBound), scratch,
                count: &count)
            switch fetched {
            case .found(let header):
                guard header.rawByteCount == composite.byteCount(ofChunk: number) else {
                    throw damaged(key, location, "its chunk \(number) has another length")
                }
                return try deliverPayload(
                    of: header, location, key, range, scratch, count, &sink)
            case .other where location == last, .damaged where location == last:
                throw damaged(key, location, "its chunk \(number) is damaged")
            case .other, .damaged: last = location
            }
        }
    }

    // MARK: Doubt

    func damaged(_ key: RawSpan, _ location: Location, _ what: String) -> StoreError {
        let id = location.isRecord ? handles.segmentID(of: location.segmentOrdinal) : nil
        let place = id.map { " (segment \(SegmentFileName($0)), offset \(location.offset))" } ?? ""
        return StoreError(
            .damaged, "the blob \(escapedText(key.copyBytes())) is damaged: \(what)\(place)",
            segmentID: id, offset: location.isRecord ? location.offset : nil)
    }

    /// After a failed sync: what was not known to be durable is not read.
    func checkCertain(_ hash: UInt64, _ key: RawSpan) throws(StoreError) {
        lock.lock()
        let failure = state.uncertainHashes.contains(hash) ? state.failure : nil
        lock.unlock()
        guard let failure else { return }
        throw StoreError(
            .outcomeUnknown,
            "the last write of \(escapedText(key.copyBytes())) may or may not survive: "
                + failure.message)
    }

    /// A damaged span may hold a newer version, or a delete, of what a read found.
    private func checkHidden(_ key: RawSpan, foundSequence: UInt64?) throws(StoreError) {
        guard !hiddenSpans.isEmpty else { return }
        for span in hiddenSpans where foundSequence.map({ $0 < span.sequenceEnd }) ?? true {
            throw StoreError(
                .uncertain,
                "a damaged span may hold a newer version of \(escapedText(key.copyBytes())): "
                    + span.description, segmentID: span.segmentID, offset: span.offset)
        }
    }
}

extension ChunkKey {
    var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.withMutableRawSpan { encode(into: &$0) }
        return bytes
    }
}
