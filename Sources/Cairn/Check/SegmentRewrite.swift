// SegmentRewrite — copies what is good of a damaged segment into a new one.
//
// Every intact record is copied with its own sequence, as a compaction does. What is lost is put there as
// a delete of the same sequence, so that no older version of its key comes back; a chunk that is lost is
// left out. A record whose front lost one byte, and whose payload's own checksum holds, is whole again.
// A span that hides records which nobody can name is given up only when that is accepted: else nothing
// is written. Where every record is there or named, what is lost is the seal or a mark.
// The new file is durable on return and listed nowhere. Spec: Format.md, "Segment".

internal import CairnFormat
internal import CairnSystem

/// A record that could not be copied.
package struct LostRecord: Equatable, Sendable {
    /// The segment.
    package let segmentID: UInt64
    /// Where it stands in the segment.
    package let offset: UInt64
    /// The sequence number of the record.
    package let sequence: UInt64
    /// In the words of messages.
    package let type: String
    /// Nil: a chunk, whose blob has the id.
    package let key: [UInt8]?
    /// Of a chunk.
    package let blobID: UInt64?
}

struct SegmentRewrite<S: Storage> {
    enum Outcome {
        /// `unnamed` spans were given up.
        case rewritten(SegmentEntry, lost: [LostRecord], unnamed: [Range<UInt64>])
        /// Records that nobody can name stood there.
        case unnamed(Range<UInt64>)
    }

    let storage: S
    let tuning: Tuning
    let identity: StoreIdentity
    /// What MANIFEST says of the damaged segment, which was ended.
    let entry: SegmentEntry
    /// Never given out before.
    let newID: UInt64
    /// Never given out before; of the new seal.
    let sealSequence: UInt64
    /// Whether records that nobody can name are given up, and a segment that has no file.
    let acceptsLoss: Bool

    private var totals = SegmentTotals()
    private var lost: [LostRecord] = []
    private var minKey: [UInt8] = []
    private var maxKey: [UInt8] = []
    private var offset = UInt64(SegmentHeader.byteCount)
    private var output: FileHandle?
    private var seed = SegmentSeed(crc: 0)

    init(
        storage: S, tuning: Tuning, identity: StoreIdentity, entry: SegmentEntry, newID: UInt64,
        sealSequence: UInt64, acceptsLoss: Bool
    ) {
        self.storage = storage
        self.tuning = tuning
        self.identity = identity
        self.entry = entry
        self.newID = newID
        self.sealSequence = sealSequence
        self.acceptsLoss = acceptsLoss || entry.flags.contains(.lossAccepted)
    }

    private var newName: String { SegmentFileName(newID).description }

    mutating func run() throws(FileError) -> Outcome {
        let name = SegmentFileName(entry.id).description
        let file = try storage.open(name, in: .segments, writable: false)
        defer { if let file { storage.close(file) } }
        var limit: UInt64 = 0
        if let file { limit = min(try storage.byteCount(of: file), entry.logicalByteCount) }
        let survey = try survey(file, limit)
        let witness = try HintWitness(of: entry, uuid: identity.uuid(ofSegment: entry.id), storage)
        let named = witness?.records(in: survey.gaps) ?? []
        var unnamed: [Range<UInt64>] = []
        if survey.digest != entry.digest {
            unnamed = survey.gaps.filter { !covers(named, $0, isBelieved: witness?.header != nil) }
        }
        if let first = unnamed.first, !acceptsLoss { return .unnamed(first) }
        let salt = storage.random()
        try begin(salt)
        do throws(FileError) {
            if let file { try copy(file, limit, named) }
            try lose(named.filter { $0.row.offset >= limit })
            return .rewritten(try finish(salt), lost: lost, unnamed: unnamed)
        } catch {
            if let output { storage.close(output) }
            // Listed nowhere; the next opening removes what is left.
            try? storage.unlink(newName, in: .segments)
            throw error
        }
    }

    /// Spans without a record that is intact or can be put back, and the digest of those that are. What
    /// the file lacks at its end belongs to the last span.
    private func survey(
        _ file: FileHandle?, _ limit: UInt64
    ) throws(FileError) -> (gaps: [Range<UInt64>], digest: UInt32) {
        var gaps: [Range<UInt64>] = []
        var totals = SegmentTotals()
        if let file {
            var walk = walk(file, limit, verifiesPayloads: false)
            while let step = try walk.next() {
                switch step {
                case .record(let record): totals.count(record.header, record.headerCRC)
                case .mended(let record): totals.count(record.header, record.headerCRC)
                case .gap(let span, _): gaps.append(span)
                }
            }
        }
        guard !entry.isWhole(in: limit) else { return (gaps, totals.digest.crc) }
        var start = max(limit, UInt64(SegmentHeader.byteCount))
        if let last = gaps.last, last.upperBound == limit {
            start = last.lowerBound
            gaps.removeLast()
        }
        return (gaps + [start..<entry.logicalByteCount], totals.digest.crc)
    }

    private func walk(
        _ file: FileHandle, _ limit: UInt64, verifiesPayloads: Bool
    ) -> SegmentWalk<S> {
        SegmentWalk(
            storage: storage, file: file, limit: limit,
            seed: SegmentSeed(salt: entry.salt, segmentID: entry.id), step: tuning.scanByteCount,
            verifiesPayloads: verifiesPayloads)
    }

    /// Whether the hint knows a record for every byte of a gap. Seals and marks have no row: what is
    /// left at the end is the seal, and what is too short for a record with a key a mark.
    private func covers(
        _ records: [HintWitness.Record], _ gap: Range<UInt64>, isBelieved: Bool
    ) -> Bool {
        var offset = gap.lowerBound
        for record in records where gap.contains(record.row.offset) {
            guard record.row.offset - offset <= UInt64(RecordHeader.byteCount) else { return false }
            guard record.key != nil || record.row.type == .chunk else { return false }
            offset = record.row.offset + UInt64(record.row.recordByteCount)
        }
        let isSeal = gap.upperBound >= entry.logicalByteCount && entry.state == .sealed
        return isBelieved && isSeal || offset >= gap.upperBound
            || gap.upperBound - offset <= UInt64(RecordHeader.byteCount)
    }

    // MARK: The new segment

    private mutating func begin(_ salt: UInt64) throws(FileError) {
        let header = SegmentHeader(
            uuid: identity.uuid, id: newID, kind: .compacted, salt: salt,
            createdAt: storage.wallClock())
        seed = header.seed
        let file = try storage.create(newName, in: .segments)
        output = file
        let bytes = header.encoded()
        try storage.write(file, bytes.rawSpan, at: 0)
    }

    private mutating func copy(
        _ file: FileHandle, _ limit: UInt64, _ named: [HintWitness.Record]
    ) throws(FileError) {
        var walk = walk(file, limit, verifiesPayloads: true)
        while let step = try walk.next() {
            switch step {
            case .record(let record):
                let prefix = try walk.bytes(record.header.prefixByteCount, at: record.offset)
                if record.isPayloadIntact {
                    try append(record.header, prefix, try walk.payload(of: record))
                } else {
                    try lose(record.header, prefix, at: record.offset)
                }
            case .mended(let record):
                if try walk.isPayloadIntact(record),
                    record.header.storedByteCount > 0
                        || record.header.type == .delete
                {
                    let place = record.offset + UInt64(record.header.prefixByteCount)
                    let payload = try walk.bytes(record.header.storedByteCount, at: place)
                    try append(record.header, record.prefix, payload)
                } else {
                    try lose(record.header, record.prefix, at: record.offset)
                }
            case .gap(let span, _): try lose(named.filter { span.contains($0.row.offset) })
            }
        }
    }

    private mutating func append(
        _ header: RecordHeader, _ prefix: [UInt8], _ payload: [UInt8]
    ) throws(FileError) {
        // Marks and the old seal speak of the old segment.
        if header.type == .seal || header.type == .mark { return }
        let written = Array(prefix[header.metadataRange])
        var metadata = written
        // A batch binds only where it was first written.
        if let range = (try? RecordMetadata(decoding: written.rawSpan))?.batchFieldRange {
            metadata.removeSubrange(range)
        }
        var header = header
        header.flags = RecordFlags(
            rawValue: header.flags.rawValue & ~RecordFlags.batchMember.rawValue)
        header.metadataByteCount = metadata.count
        try write(header, key: Array(prefix[header.keyRange]), metadata, payload)
    }

    private mutating func lose(
        _ header: RecordHeader, _ prefix: [UInt8], at offset: UInt64
    ) throws(FileError) {
        let key = Array(prefix[header.keyRange])
        let chunk = header.type == .chunk ? try? ChunkKey(decoding: key.rawSpan) : nil
        try lose(
            header.type, key, header.sequence, header.flags.contains(.sharesHash), chunk?.blobID,
            at: offset)
    }

    private mutating func lose(_ records: [HintWitness.Record]) throws(FileError) {
        for record in records {
            try lose(
                record.row.type, record.key ?? [], record.row.sequence,
                record.row.flags.contains(.sharesHash), record.row.blobID, at: record.row.offset)
        }
    }

    private mutating func lose(
        _ type: RecordType, _ key: [UInt8], _ sequence: UInt64, _ sharesHash: Bool,
        _ blobID: UInt64?, at offset: UInt64
    ) throws(FileError) {
        if type == .seal || type == .mark { return }
        // A delete is nothing but its key and sequence: it is not lost.
        if type != .delete {
            lost.append(
                LostRecord(
                    segmentID: entry.id, offset: offset, sequence: sequence, type: type.noun,
                    key: type == .chunk ? nil : key, blobID: type == .chunk ? blobID : nil))
        }
        if type == .chunk { return }
        let header = RecordHeader(
            sequence: sequence, type: .delete, flags: sharesHash ? .sharesHash : .none,
            keyByteCount: key.count)
        try write(header, key: key, [], [])
    }

    private mutating func write(
        _ header: RecordHeader, key: [UInt8], _ metadata: [UInt8], _ payload: [UInt8]
    ) throws(FileError) {
        guard let output else { return }
        var header = header
        header.durableLag = RecordHeader.durableLag(
            at: offset, durableOffset: UInt64(SegmentHeader.byteCount))
        var bytes = [UInt8](repeating: 0, count: header.recordByteCount)
        bytes.withMutableRawSpan {
            header.encodeRecord(
                key: key.rawSpan, metadata: metadata.rawSpan, payload: payload.rawSpan, into: &$0,
                seed: seed, offset: offset)
        }
        try storage.write(output, bytes.rawSpan, at: offset)
        offset += UInt64(bytes.count)
        guard header.type != .seal else { return }
        totals.add(header, headerCRC: RecordHeader.storedHeaderCRC(of: bytes.rawSpan))
        guard header.type != .chunk else { return }
        if minKey.isEmpty || key.lexicographicallyPrecedes(minKey) { minKey = key }
        if maxKey.lexicographicallyPrecedes(key) { maxKey = key }
    }

    private mutating func finish(_ salt: UInt64) throws(FileError) -> SegmentEntry {
        let payload = Seal(
            totals: totals, replacedIDs: [entry.id], minKey: minKey, maxKey: maxKey
        ).encoded()
        let header = RecordHeader(
            sequence: sealSequence, type: .seal, keyByteCount: 0, storedByteCount: payload.count,
            rawByteCount: payload.count, payloadCRC: Checksum.crc32c(payload.rawSpan))
        try write(header, key: [], [], payload)
        if let file = output.take() {
            defer { storage.close(file) }
            try storage.synchronize(file)
        }
        try storage.synchronize(.segments)
        var new = SegmentEntry(
            id: newID, state: .sealed, kind: .compacted, logicalByteCount: offset, salt: salt)
        new.describe(totals)
        return new
    }
}

extension SegmentTotals {
    /// As MANIFEST counts: a seal counts what is before it.
    fileprivate mutating func count(_ header: RecordHeader, _ headerCRC: UInt32) {
        if header.type != .seal { add(header, headerCRC: headerCRC) }
    }
}
