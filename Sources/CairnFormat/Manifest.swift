// Manifest — the MANIFEST file: every segment that exists, its state, and the store's counters.
//
// Replaced whole. There is one; damaged means a typed error, never an older one. Entries stand in
// ascending order of id, each id once, all below `nextSegmentID`; encoding insists on it, decoding
// checks it. The checksum is the last four bytes in this and every later version.
// Spec: Format.md, "MANIFEST". Plain value; any thread.

internal import CairnSystem

/// The contents of MANIFEST.
package struct Manifest: Equatable, Sendable {
    static let magic: UInt64 = 0x6E61_4D6E_7269_6143  // "CairnMan"
    /// The bytes before the entries.
    static let fixedByteCount = 80
    /// The longest MANIFEST that is ever read.
    package static let byteCountMaximum =
        fixedByteCount + FormatLimits.segmentCountMaximum * SegmentEntry.byteCount + 4
    /// The widest entry that a later, compatible version may write.
    static let entryByteCountMaximum = 4_096

    /// Features that a program must know to touch the store.
    package var incompatibleFeatures: UInt32 = 0
    /// The store that the manifest belongs to.
    package var uuid: StoreUUID
    /// One more with every replacement.
    package var generation: UInt64
    /// No sequence number at or above this one was ever issued.
    package var sequenceCeiling: UInt64
    /// Every id ever given out is below this one.
    package var nextSegmentID: UInt64
    /// Wall time of the last run, nanoseconds since 1970.
    package var lastRunWall: UInt64
    /// Monotonic time of the last run, nanoseconds.
    package var lastRunMonotonic: UInt64
    /// In ascending order of id.
    package var entries: [SegmentEntry]

    /// A manifest with these contents.
    package init(
        uuid: StoreUUID, generation: UInt64, sequenceCeiling: UInt64, nextSegmentID: UInt64,
        lastRunWall: UInt64, lastRunMonotonic: UInt64, entries: [SegmentEntry]
    ) {
        self.uuid = uuid
        self.generation = generation
        self.sequenceCeiling = sequenceCeiling
        self.nextSegmentID = nextSegmentID
        self.lastRunWall = lastRunWall
        self.lastRunMonotonic = lastRunMonotonic
        self.entries = entries
    }
}

extension Manifest {
    /// The bytes of MANIFEST. The entries must fulfil the conditions that decoding checks.
    package func encoded() -> [UInt8] {
        precondition(
            entries.count <= FormatLimits.segmentCountMaximum, "a manifest lists too many segments")
        let byteCount = Self.fixedByteCount + entries.count * SegmentEntry.byteCount + 4
        var bytes = [UInt8](repeating: 0, count: byteCount)
        bytes.withMutableRawSpan { encode(into: &$0) }
        return bytes
    }

    private func encode(into bytes: inout MutableRawSpan) {
        bytes.store(Self.magic, at: 0)
        bytes.store(FormatVersion.current, at: 8)
        bytes.store(incompatibleFeatures, at: 12)
        uuid.store(into: &bytes, at: 16)
        bytes.store(generation, at: 32)
        bytes.store(sequenceCeiling, at: 40)
        bytes.store(nextSegmentID, at: 48)
        bytes.store(lastRunWall, at: 56)
        bytes.store(lastRunMonotonic, at: 64)
        bytes.store(UInt32(entries.count), at: 72)
        bytes.store(UInt32(SegmentEntry.byteCount), at: 76)
        encodeEntries(into: &bytes)
        bytes.storeTrailingChecksum()
    }

    private func encodeEntries(into bytes: inout MutableRawSpan) {
        var offset = Self.fixedByteCount
        var previous: UInt64?
        for entry in entries {
            precondition(
                Self.isInOrder(entry.id, after: previous, below: nextSegmentID),
                "manifest entries ascend by id, below the next id")
            precondition(entry.isMeaningful, "a manifest entry fulfils its own conditions")
            entry.encode(into: &bytes, at: offset)
            previous = entry.id
            offset += SegmentEntry.byteCount
        }
    }

    private static func isInOrder(
        _ id: UInt64, after previous: UInt64?, below next: UInt64
    ) -> Bool {
        id < next && previous.map { $0 < id } ?? true
    }
}

extension Manifest {
    /// Reads MANIFEST; `bytes` is the whole file.
    package init(decoding bytes: RawSpan) throws(FormatError) {
        try bytes.checkMagic(Self.magic, fixedByteCount: Self.fixedByteCount, in: .manifest)
        try bytes.checkTrailingChecksum(in: .manifest)
        try FormatVersion.check(
            version: bytes.loadUInt32(at: 8), incompatibleFeatures: bytes.loadUInt32(at: 12),
            at: (8, 12), in: .manifest)
        self.init(
            uuid: StoreUUID(loading: bytes, at: 16), generation: bytes.loadUInt64(at: 32),
            sequenceCeiling: bytes.loadUInt64(at: 40), nextSegmentID: bytes.loadUInt64(at: 48),
            lastRunWall: bytes.loadUInt64(at: 56), lastRunMonotonic: bytes.loadUInt64(at: 64),
            entries: [])
        incompatibleFeatures = bytes.loadUInt32(at: 12)
        try decodeEntries(bytes)
    }

    private mutating func decodeEntries(_ bytes: RawSpan) throws(FormatError) {
        let count = Int(bytes.loadUInt32(at: 72))
        let stride = Int(bytes.loadUInt32(at: 76))
        guard count <= FormatLimits.segmentCountMaximum else {
            throw FormatError(.invalidField("segment count"), in: .manifest, at: 72)
        }
        guard (SegmentEntry.byteCount...Self.entryByteCountMaximum).contains(stride) else {
            throw FormatError(.invalidField("entry length"), in: .manifest, at: 76)
        }
        try bytes.checkByteCount(Self.fixedByteCount + count * stride + 4, in: .manifest)
        entries.reserveCapacity(count)
        for index in 0..<count {
            let offset = Self.fixedByteCount + index * stride
            let entry = try SegmentEntry(decoding: bytes, at: offset)
            guard Self.isInOrder(entry.id, after: entries.last?.id, below: nextSegmentID) else {
                throw FormatError(.invalidField("segment id"), in: .manifest, at: offset)
            }
            entries.append(entry)
        }
    }
}
