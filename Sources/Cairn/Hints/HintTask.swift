// HintTask — a segment that ended and whose hint is to be written; and how records are hashed.
//
// What a hint is bound to is known when the segment ends: where, and with which digest. Plain values;
// any thread. Spec: Format.md, "Hint".

internal import CairnFormat
internal import CairnSystem

/// A segment without a hint.
struct HintTask: Equatable, Sendable {
    /// The segment's place in the engine's list.
    let ordinal: Int
    let segmentID: UInt64
    let salt: UInt64
    let logicalByteCount: UInt64
    let digest: UInt32
    /// Accepted records; a bound of the rows.
    let recordCount: UInt64

    init(_ entry: SegmentEntry, ordinal: Int) {
        self.ordinal = ordinal
        segmentID = entry.id
        salt = entry.salt
        logicalByteCount = entry.logicalByteCount
        digest = entry.digest
        recordCount = entry.recordCount
    }
}

extension HintBinding {
    /// The binding of the hint of a segment as MANIFEST describes it.
    init(_ entry: SegmentEntry, uuid: StoreUUID) {
        self.init(
            uuid: uuid, segmentID: entry.id, logicalByteCount: entry.logicalByteCount,
            salt: entry.salt, digest: entry.digest)
    }

    init(_ task: HintTask, uuid: StoreUUID) {
        self.init(
            uuid: uuid, segmentID: task.segmentID, logicalByteCount: task.logicalByteCount,
            salt: task.salt, digest: task.digest)
    }
}

/// The hashes of keys, as hints and the index know them.
struct KeyHasher: Sendable {
    let key: SipHashKey
    /// Bits that count; fewer in tests, so that different keys collide, in both halves.
    let mask: UInt64

    /// The hash of a record's key, in the domain of its type.
    func hash(_ type: RecordType, _ bytes: RawSpan) -> Hash128 {
        let domain = type == .chunk ? HashDomain.chunkKey : HashDomain.userKey
        let hash = key.hash(bytes, domain: domain)
        return Hash128(first: hash.first & mask, second: hash.second & mask)
    }

    /// The index's hash of a record. Its last bit keeps users' keys and chunk keys apart.
    static func indexHash(_ first: UInt64, isChunk: Bool) -> UInt64 {
        isChunk ? first | 1 : first & ~1
    }
}

extension SegmentFileName {
    /// The name of a hint while it is written.
    static func unfinishedHint(_ id: UInt64) -> String {
        SegmentFileName(id, .hint).description + StoreNames.unfinished
    }

    /// Whether a file is a hint that was being written when the program stopped.
    static func isUnfinishedHint(_ name: String) -> Bool {
        name.hasSuffix(StoreNames.unfinished)
            && SegmentFileName(parsing: String(name.dropLast(StoreNames.unfinished.count)))?.kind
                == .hint
    }
}
