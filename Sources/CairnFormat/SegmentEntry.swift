// SegmentEntry — one segment as MANIFEST describes it.
//
// While a segment is open its length, counts and digest are not yet known and stand as zero. For a
// recovered segment they describe the accepted records, and the file may be longer.
// Spec: Format.md, "MANIFEST". Plain value; any thread.

/// What a segment is at present. Raw values are on disk and never reused.
package enum SegmentState: UInt8, Sendable, CaseIterable {
    /// Takes records, or did when the program stopped.
    case open = 1
    /// Ends in a seal.
    case sealed = 2
    /// Cut by recovery; the accepted length stands in the manifest.
    case recovered = 3
    /// Replaced; listed until its unlink is durable.
    case retired = 4
}

/// What put a segment's records there. Raw values are on disk and never reused.
package enum SegmentKind: UInt8, Sendable, CaseIterable {
    /// Records in the order in which they were written.
    case data = 1
    /// Records that compaction moved, with their own sequence numbers.
    case compacted = 2
}

/// Facts about a segment. Unknown bits are kept and ignored.
package struct SegmentFlags: OptionSet, Hashable, Sendable {
    /// The bits as stored.
    package let rawValue: UInt16

    /// The flags of stored bits.
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Its operator accepted that records of it are lost.
    package static let lossAccepted = SegmentFlags(rawValue: 1)
}

/// A segment in MANIFEST.
package struct SegmentEntry: Equatable, Sendable {
    /// Bytes of an entry.
    package static let byteCount = 56

    /// Never given to two segments.
    package var id: UInt64
    /// What the segment is at present.
    package var state: SegmentState
    /// What put its records there.
    package var kind: SegmentKind
    /// Facts about it.
    package var flags: SegmentFlags
    /// CRC-32C over the header checksums of the accepted records; see `SegmentDigest`.
    package var digest: UInt32
    /// Where the accepted records end, the seal included.
    package var logicalByteCount: UInt64
    /// Accepted records before the seal.
    package var recordCount: UInt64
    /// The salt of the segment's header, so that a damaged header costs nothing.
    package var salt: UInt64
    /// Bounds of the accepted records' sequence numbers; both zero when there are none.
    package var minSequence: UInt64
    /// See `minSequence`.
    package var maxSequence: UInt64

    /// An entry with these fields.
    package init(
        id: UInt64, state: SegmentState, kind: SegmentKind, flags: SegmentFlags = [],
        digest: UInt32 = 0, logicalByteCount: UInt64 = 0, recordCount: UInt64 = 0, salt: UInt64,
        minSequence: UInt64 = 0, maxSequence: UInt64 = 0
    ) {
        self.id = id
        self.state = state
        self.kind = kind
        self.flags = flags
        self.digest = digest
        self.logicalByteCount = logicalByteCount
        self.recordCount = recordCount
        self.salt = salt
        self.minSequence = minSequence
        self.maxSequence = maxSequence
    }

    /// Whether the fields fulfil the conditions that decoding checks.
    package var isMeaningful: Bool {
        minSequence <= maxSequence && logicalByteCount <= FormatLimits.segmentByteCountMaximum
    }

    /// Whether a file of so many bytes can hold the segment. A crash may have left a recovered one without
    /// the padding of its last record, which nobody reads.
    package func isWhole(in byteCount: UInt64) -> Bool {
        let missing = logicalByteCount - min(byteCount, logicalByteCount)
        return missing == 0 || missing < 8 && state == .recovered
    }
}

extension SegmentEntry {
    func encode(into bytes: inout MutableRawSpan, at offset: Int) {
        bytes.store(id, at: offset)
        bytes.store(state.rawValue, at: offset + 8)
        bytes.store(kind.rawValue, at: offset + 9)
        bytes.store(flags.rawValue, at: offset + 10)
        bytes.store(digest, at: offset + 12)
        bytes.store(logicalByteCount, at: offset + 16)
        bytes.store(recordCount, at: offset + 24)
        bytes.store(salt, at: offset + 32)
        bytes.store(minSequence, at: offset + 40)
        bytes.store(maxSequence, at: offset + 48)
    }

    /// Reads an entry; at least `byteCount` bytes stand at `offset`.
    init(decoding bytes: RawSpan, at offset: Int) throws(FormatError) {
        guard let state = SegmentState(rawValue: bytes.loadUInt8(at: offset + 8)) else {
            throw FormatError(.invalidField("segment state"), in: .manifest, at: offset + 8)
        }
        guard let kind = SegmentKind(rawValue: bytes.loadUInt8(at: offset + 9)) else {
            throw FormatError(.invalidField("segment kind"), in: .manifest, at: offset + 9)
        }
        self.init(
            id: bytes.loadUInt64(at: offset), state: state, kind: kind,
            flags: SegmentFlags(rawValue: bytes.loadUInt16(at: offset + 10)),
            digest: bytes.loadUInt32(at: offset + 12),
            logicalByteCount: bytes.loadUInt64(at: offset + 16),
            recordCount: bytes.loadUInt64(at: offset + 24),
            salt: bytes.loadUInt64(at: offset + 32),
            minSequence: bytes.loadUInt64(at: offset + 40),
            maxSequence: bytes.loadUInt64(at: offset + 48))
        try checkMeaning(at: offset)
    }

    private func checkMeaning(at offset: Int) throws(FormatError) {
        guard logicalByteCount <= FormatLimits.segmentByteCountMaximum else {
            throw FormatError(.invalidField("logical length"), in: .manifest, at: offset + 16)
        }
        guard minSequence <= maxSequence else {
            throw FormatError(.invalidField("sequence bounds"), in: .manifest, at: offset + 40)
        }
    }
}
