// IndexLoader — builds the index from records in any order.
//
// The newest record of each key wins, by sequence number. Tombstones take slots while loading, so
// that order does not matter, and leave them at the end; so do chunks that no live composite names.
// Two records with one hash are compared by their keys, read from their files: two keys are never
// confused. One thread.

internal import CairnFormat
internal import CairnSystem

struct IndexLoader<S: Storage> {
    private let storage: S
    private let index: Index
    private let overflow: OverflowMap
    private let handles: SegmentHandles
    private let segmentFiles: SegmentFiles<S>
    private var segments: [SegmentInfo]
    /// By location of the composite record.
    private var composites: [Location: UInt64] = [:]
    private var chunks: [UInt64: [Chunk]] = [:]
    private var tombstoneCount = 0

    private struct Chunk {
        let key: ChunkKey
        let hash: UInt64
        let location: Location
        let byteCount: Int
    }

    init(
        storage: S, index: Index, overflow: OverflowMap, handles: SegmentHandles,
        segmentFiles: SegmentFiles<S>, segments: [SegmentInfo]
    ) {
        self.storage = storage
        self.index = index
        self.overflow = overflow
        self.handles = handles
        self.segmentFiles = segmentFiles
        self.segments = segments
    }

    /// Takes up the accepted records of a segment.
    mutating func add(_ records: [ScannedRecord], ordinal: Int) throws(StoreError) {
        for record in records { try add(record, ordinal: ordinal) }
    }

    private mutating func add(_ record: ScannedRecord, ordinal: Int) throws(StoreError) {
        guard let kind = record.header.type.locationKind else { return }
        let location = Location(
            segmentOrdinal: ordinal, offset: record.offset,
            recordByteCount: record.header.recordByteCount, kind: kind)
        if let chunkKey = record.chunkKey {
            chunks[chunkKey.blobID, default: []].append(
                Chunk(
                    key: chunkKey, hash: record.hash, location: location,
                    byteCount: record.header.recordByteCount))
        }
        if let composite = record.composite { composites[location] = composite.blobID }
        if kind == .tombstone { tombstoneCount += 1 }
        let present = index.location(of: record.hash)
        if present == .empty {
            index.set(record.hash, to: location)
            account(location, record.header.recordByteCount, adding: true)
        } else {
            try settle(record, location, present)
        }
    }

    /// The hash is taken: by an older or newer record of the same key, or by another key.
    private mutating func settle(
        _ record: ScannedRecord, _ location: Location, _ present: Location
    ) throws(StoreError) {
        let front = try front(at: location)
        guard present == .overflow else {
            let other = try self.front(at: present)
            if other.key == front.key {
                keepNewer(front, location, other, present) { loader, winner in
                    loader.index.set(record.hash, to: winner)
                }
            } else {
                overflow.set(record.hash, key: other.key.rawSpan, to: present)
                overflow.set(record.hash, key: front.key.rawSpan, to: location)
                index.set(record.hash, to: .overflow)
                account(location, front.header.recordByteCount, adding: true)
            }
            return
        }
        guard let old = overflow.location(of: record.hash, key: front.key.rawSpan) else {
            overflow.set(record.hash, key: front.key.rawSpan, to: location)
            account(location, front.header.recordByteCount, adding: true)
            return
        }
        let other = try self.front(at: old)
        keepNewer(front, location, other, old) { loader, winner in
            loader.overflow.set(record.hash, key: front.key.rawSpan, to: winner)
        }
    }

    private mutating func keepNewer(
        _ front: Front, _ location: Location, _ other: Front, _ present: Location,
        set: (inout IndexLoader, Location) -> Void
    ) {
        guard front.header.sequence > other.header.sequence else { return }
        set(&self, location)
        account(present, other.header.recordByteCount, adding: false)
        account(location, front.header.recordByteCount, adding: true)
    }

    private mutating func account(_ location: Location, _ byteCount: Int, adding: Bool) {
        guard location.kind != .tombstone else { return }
        if adding {
            segments[location.segmentOrdinal].liveByteCount += UInt64(byteCount)
        } else {
            segments[location.segmentOrdinal].liveByteCount -= UInt64(byteCount)
        }
    }

    // MARK: Keys on disk

    private struct Front {
        let header: RecordHeader
        let key: [UInt8]
    }

    /// Header and key of a record that the scan found intact.
    private func front(at location: Location) throws(StoreError) -> Front {
        do {
            var bytes = try read(location, byteCount: 256)
            var header = try RecordHeader(decoding: bytes.rawSpan)
            if header.keyRange.upperBound > bytes.count {
                bytes = try read(location, byteCount: header.keyRange.upperBound)
                header = try RecordHeader(decoding: bytes.rawSpan)
            }
            guard header.keyRange.upperBound <= bytes.count else {
                throw FormatError(.truncated, in: .record, at: bytes.count)
            }
            return Front(header: header, key: Array(bytes[header.keyRange]))
        } catch {
            throw StoreError(
                .inputOutput, "reading a record again while opening: \(error)",
                segmentID: handles.segmentID(of: location.segmentOrdinal),
                offset: location.offset)
        }
    }

    private func read(_ location: Location, byteCount: Int) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let file = try segmentFiles.file(of: location.segmentOrdinal)
        var span = bytes.mutableRawSpan
        let count = try storage.read(file, into: &span, at: location.offset)
        return count == byteCount ? bytes : Array(bytes.prefix(count))
    }

    // MARK: The end

    /// Takes out what is needed while loading only. Returns the segments with their live bytes
    /// and the number of keys.
    mutating func finish() -> (segments: [SegmentInfo], keyCount: UInt64) {
        removeOrphanChunks()
        if tombstoneCount > 0 { removeTombstones() }
        var keyCount: UInt64 = 0
        forEachSlot { _, _, location in
            if location.kind == .put || location.kind == .composite { keyCount += 1 }
        }
        return (segments, keyCount)
    }

    private func forEachSlot(_ body: (UInt64, [UInt8]?, Location) -> Void) {
        index.forEach { hash, location in
            if location.isRecord { body(hash, nil, location) }
        }
        for entry in overflow.allEntries { body(entry.hash, entry.key, entry.location) }
    }

    private func remove(_ hash: UInt64, _ key: [UInt8]?) {
        if let key {
            overflow.remove(hash, key: key.rawSpan)
        } else {
            index.remove(hash)
        }
    }

    private func removeTombstones() {
        var found: [(UInt64, [UInt8]?)] = []
        forEachSlot { hash, key, location in
            if location.kind == .tombstone { found.append((hash, key)) }
        }
        for (hash, key) in found { remove(hash, key) }
    }

    /// Chunks whose blob no live composite record names: of uploads that never ended, and of
    /// blobs that were replaced.
    private mutating func removeOrphanChunks() {
        guard !chunks.isEmpty else { return }
        var live: Set<UInt64> = []
        forEachSlot { _, _, location in
            if let blobID = composites[location] { live.insert(blobID) }
        }
        for (blobID, orphans) in chunks where !live.contains(blobID) {
            for chunk in orphans { removeChunk(chunk) }
        }
    }

    private mutating func removeChunk(_ chunk: Chunk) {
        let key = chunk.key.encoded
        if index.location(of: chunk.hash) == chunk.location {
            index.remove(chunk.hash)
        } else if overflow.location(of: chunk.hash, key: key.rawSpan) == chunk.location {
            overflow.remove(chunk.hash, key: key.rawSpan)
        } else {
            return
        }
        account(chunk.location, chunk.byteCount, adding: false)
    }
}

extension RecordType {
    fileprivate var locationKind: Location.Kind? {
        switch self {
        case .put: .put
        case .composite: .composite
        case .chunk: .chunk
        case .delete: .tombstone
        case .mark, .seal: nil
        }
    }
}
