// HintScan — reads a finished segment once, front to back, for the rows of its hint.
//
// The segment was just written, so its bytes are in the page cache as a rule; of large records only
// the front is read. Every header's checksum is checked, and at the end the records must add up to
// what MANIFEST says of the segment: else there is no hint. Where no intact record stands the scan
// goes on at the next one, as recovery did when it accepted them. A step reads a few thousand
// records. One thread at a time.

internal import CairnFormat
internal import CairnSystem

struct HintScan<S: Storage> {
    private static var recordsPerStep: Int { 8192 }
    private static var wideByteCount: Int { 256 << 10 }
    private static var narrowByteCount: Int { 4096 }

    private let task: HintTask
    private let hasher: KeyHasher
    private let seed: SegmentSeed
    /// Reads much at a time, for runs of small records.
    private var wide: LogWindow<S>
    /// Reads little at a time, for the fronts of records with large payloads.
    private var narrow: LogWindow<S>
    private var isNarrow = false
    private var offset = UInt64(SegmentHeader.byteCount)
    private var totals = SegmentTotals()
    private(set) var builder: HintBuilder

    init(
        _ task: HintTask, storage: S, file: FileHandle, uuid: StoreUUID, hasher: KeyHasher,
        blockByteCount: Int
    ) {
        self.task = task
        self.hasher = hasher
        seed = SegmentSeed(salt: task.salt, segmentID: task.segmentID)
        wide = LogWindow(
            storage: storage, file: file, limit: task.logicalByteCount, step: Self.wideByteCount)
        narrow = LogWindow(
            storage: storage, file: file, limit: task.logicalByteCount, step: Self.narrowByteCount)
        builder = HintBuilder(
            binding: HintBinding(task, uuid: uuid), blockByteCount: blockByteCount)
        builder.reserveCapacity(Int(task.recordCount))
    }

    /// Takes up some records; false when the segment is read.
    mutating func step() throws(FileError) -> Bool {
        for _ in 0..<Self.recordsPerStep {
            guard offset < task.logicalByteCount else { return false }
            let byteCount: Int?
            if isNarrow {
                byteCount = try Self.take(&narrow, offset, seed, hasher, &totals, &builder)
            } else {
                byteCount = try Self.take(&wide, offset, seed, hasher, &totals, &builder)
            }
            offset += UInt64(byteCount ?? 8)
            isNarrow = byteCount.map { $0 > Self.wideByteCount / 16 } ?? false
        }
        return true
    }

    /// Whether what was read is what MANIFEST says of the segment.
    var isComplete: Bool {
        totals.digest.crc == task.digest && totals.recordCount == task.recordCount
    }

    /// Takes up the record at `offset`; returns its length, nil when none stands there.
    private static func take(
        _ window: inout LogWindow<S>, _ offset: UInt64, _ seed: SegmentSeed, _ hasher: KeyHasher,
        _ totals: inout SegmentTotals, _ builder: inout HintBuilder
    ) throws(FileError) -> Int? {
        let available = try window.load(RecordHeader.byteCount, at: offset)
        guard available == RecordHeader.byteCount,
            let header = try? RecordHeader(decoding: window.bytes(at: offset, count: available)),
            offset + UInt64(header.recordByteCount) <= window.limit
        else { return nil }
        let wanted = header.prefixByteCount + (header.type == .composite ? Composite.byteCount : 0)
        guard try window.load(wanted, at: offset) == wanted else { return nil }
        let front = window.bytes(at: offset, count: wanted)
        guard
            RecordHeader.verifyHeaderCRC(
                record: front, prefixByteCount: header.prefixByteCount, seed: seed,
                offset: offset),
            let metadata = try? RecordMetadata(of: front, header: header)
        else { return nil }
        if header.type != .seal {
            totals.add(header, headerCRC: RecordHeader.storedHeaderCRC(of: front))
        }
        guard header.keyByteCount > 0 else { return header.recordByteCount }
        let key = front.extracting(header.keyRange)
        let hash = hasher.hash(header.type, key)
        builder.add(
            HintRow(
                hashFirst: hash.first, hashSecond: hash.second, sequence: header.sequence,
                offset: offset, recordByteCount: header.recordByteCount, type: header.type,
                flags: flags(header, metadata), keyByteCount: header.keyByteCount,
                expiry: metadata.expiry ?? 0, blobID: blobID(header, key, front)),
            key: key)
        return header.recordByteCount
    }

    private static func flags(
        _ header: RecordHeader, _ metadata: RecordMetadata
    ) -> HintRowFlags {
        var flags = HintRowFlags(rawValue: 0)
        if metadata.expiry != nil { flags.formUnion(.expires) }
        if header.flags.contains(.batchMember) { flags.formUnion(.batchMember) }
        if header.flags.contains(.sharesHash) { flags.formUnion(.sharesHash) }
        return flags
    }

    /// 0 for a composite record whose payload is damaged: nobody can tell its chunks.
    private static func blobID(
        _ header: RecordHeader, _ key: RawSpan, _ front: RawSpan
    ) -> UInt64 {
        switch header.type {
        case .chunk: return (try? ChunkKey(decoding: key))?.blobID ?? 0
        case .composite:
            let payload = front.extracting(header.payloadRange)
            guard header.verifyPayload(payload) else { return 0 }
            return (try? Composite(decoding: payload))?.blobID ?? 0
        case .put, .delete, .mark, .seal: return 0
        }
    }
}
