// CompactionInput — reads a segment that is to be replaced, front to back, and verifies what it hands on.
//
// Every header is checked, and at the end all of them together against MANIFEST's digest: a record that
// is damaged, missing or too many ends the compaction, whatever it was, for it may be a delete that
// somebody needs. Only in a segment whose loss was accepted the reader goes on at the next intact
// record, as recovery did. One thread. Spec: Engine.md, "Compaction".

internal import CairnFormat
internal import CairnSystem
internal import Glibc

/// Why a compaction ends before its commit.
enum CompactionFailure: Error {
    /// An input does not hold what it should.
    case damaged(segmentID: UInt64, offset: UInt64, String)
    /// It would get too little back, or not fit.
    case pointless
    /// What was taken for expired need not be.
    case clockChanged
    case error(StoreError)
}

/// A record of an input, its header intact.
struct InputRecord {
    let offset: UInt64
    let header: RecordHeader
    let metadata: RecordMetadata
}

struct CompactionInput<S: Storage> {
    let entry: SegmentEntry
    let ordinal: Int
    private let storage: S
    private let seed: SegmentSeed
    private let file: FileHandle
    private var window: LogWindow<S>
    private var offset = UInt64(SegmentHeader.byteCount)
    private var totals = SegmentTotals()

    init(
        _ entry: SegmentEntry, ordinal: Int, storage: S, files: SegmentFiles<S>, step: Int
    ) throws(CompactionFailure) {
        self.entry = entry
        self.ordinal = ordinal
        self.storage = storage
        seed = SegmentSeed(salt: entry.salt, segmentID: entry.id)
        let name = SegmentFileName(entry.id).description
        do throws(FileError) {
            let opened = try files.withDescriptors { () throws(FileError) in
                try storage.open(name, in: .segments, writable: false)
            }
            guard let opened else {
                throw FileError(.open, path: "\(storage.location)/segments/\(name)", code: ENOENT)
            }
            file = opened
        } catch {
            throw .error(StoreError(error, doing: "compacting segment \(name)"))
        }
        window = LogWindow(
            storage: storage, file: file, limit: entry.logicalByteCount, step: step)
    }

    func close() { storage.close(file) }

    /// How far it was read.
    var readByteCount: UInt64 { offset }

    /// Whether the next record is in memory already, whole: reading it moves nothing out.
    var isNextLoaded: Bool {
        guard window.holds(RecordHeader.byteCount, at: offset),
            let header = try? RecordHeader(
                decoding: window.bytes(at: offset, count: RecordHeader.byteCount))
        else { return false }
        return window.holds(header.recordByteCount, at: offset)
    }

    /// The next record; nil at the end, when all records were there and no other.
    mutating func next() throws(CompactionFailure) -> InputRecord? {
        while offset < entry.logicalByteCount {
            if let record = try record() {
                offset += UInt64(record.header.recordByteCount)
                return record
            }
            if PlantedBug.badRecordSkipped.isPlanted {
                offset += 8
                continue
            }
            guard entry.flags.contains(.lossAccepted) else {
                throw damaged(offset, "no intact record stands there")
            }
            offset += 8
        }
        let isWhole =
            totals.recordCount == entry.recordCount && totals.digest.crc == entry.digest
        guard isWhole || PlantedBug.badRecordSkipped.isPlanted else {
            throw damaged(0, "its records are not those that MANIFEST lists")
        }
        return nil
    }

    /// Header, key and metadata at `offset`; nil when they are not intact.
    private mutating func record() throws(CompactionFailure) -> InputRecord? {
        guard try load(RecordHeader.byteCount, at: offset),
            let header = try? RecordHeader(
                decoding: window.bytes(at: offset, count: RecordHeader.byteCount)),
            offset + UInt64(header.recordByteCount) <= entry.logicalByteCount,
            try load(header.prefixByteCount, at: offset)
        else { return nil }
        guard let (crc, metadata) = verifiedFront(header) else { return nil }
        if header.type != .seal { totals.add(header, headerCRC: crc) }
        return InputRecord(offset: offset, header: header, metadata: metadata)
    }

    /// What the front at `offset`, which is loaded, says; nil when its checksum does not hold.
    private func verifiedFront(
        _ header: RecordHeader
    ) -> (crc: UInt32, metadata: RecordMetadata)? {
        let front = window.bytes(at: offset, count: header.prefixByteCount)
        guard
            RecordHeader.verifyHeaderCRC(
                record: front, prefixByteCount: header.prefixByteCount, seed: seed,
                offset: offset),
            let metadata = try? RecordMetadata(of: front, header: header)
        else { return nil }
        return (RecordHeader.storedHeaderCRC(of: front), metadata)
    }

    /// Key and metadata of the record that was read last.
    @_lifetime(borrow self)
    func front(of record: InputRecord) -> RawSpan {
        window.bytes(at: record.offset, count: record.header.prefixByteCount)
    }

    /// The whole record, every byte of its payload verified.
    mutating func loadWhole(_ record: InputRecord) throws(CompactionFailure) {
        let header = record.header
        guard try load(header.unpaddedByteCount, at: record.offset) else {
            throw damaged(record.offset, "its bytes end early")
        }
        let bytes = window.bytes(at: record.offset, count: header.unpaddedByteCount)
        guard header.verifyWholePayload(bytes.extracting(header.payloadRange)) else {
            throw damaged(record.offset, "the checksum of its payload does not match")
        }
    }

    /// The bytes of a record that was loaded whole.
    @_lifetime(borrow self)
    func whole(_ record: InputRecord) -> RawSpan {
        window.bytes(at: record.offset, count: record.header.unpaddedByteCount)
    }

    /// Makes bytes available; false when the file ends before them. One retry, as for every read.
    private mutating func load(
        _ byteCount: Int, at offset: UInt64
    ) throws(CompactionFailure) -> Bool {
        do throws(FileError) {
            return try window.load(byteCount, at: offset) == byteCount
        } catch {
            do throws(FileError) {
                return try window.load(byteCount, at: offset) == byteCount
            } catch {
                throw damaged(offset, "\(error)")
            }
        }
    }

    private func damaged(_ offset: UInt64, _ what: String) -> CompactionFailure {
        .damaged(segmentID: entry.id, offset: offset, what)
    }
}
