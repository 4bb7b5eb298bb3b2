// StoreIdentity — the STORE file: who this store is, what wrote it, and the key of its hashes.
//
// Written once when a store is created or restored, mode 0600, never changed in place. The checksum
// is the last four bytes in this and every later version, so that rot is told from a newer version.
// Spec: Format.md, "STORE". Plain value; any thread.

internal import CairnSystem

/// A store that this one was restored from; its segments stay as they are.
package struct Ancestor: Equatable, Sendable {
    static let byteCount = StoreUUID.byteCount + 8

    /// Whose uuid.
    package let uuid: StoreUUID
    /// The highest segment id that may carry `uuid`.
    package let highestSegmentID: UInt64

    /// An ancestor of a restored store.
    package init(uuid: StoreUUID, highestSegmentID: UInt64) {
        self.uuid = uuid
        self.highestSegmentID = highestSegmentID
    }
}

/// The contents of STORE.
package struct StoreIdentity: Equatable, Sendable {
    static let magic: UInt64 = 0x6F74_536E_7269_6143  // "CairnSto"
    /// The bytes before the ancestors.
    static let fixedByteCount = 68
    /// Incompatible feature: the directory is a backup, which nobody writes to but the next backup.
    package static let backupFeature: UInt32 = 1 << 0
    /// The longest STORE that is ever read.
    package static let byteCountMaximum =
        fixedByteCount + FormatLimits.ancestorCountMaximum * Ancestor.byteCount + 4

    /// Features that a program may ignore.
    package var compatibleFeatures: UInt32
    /// Features that a program must know to touch the store.
    package var incompatibleFeatures: UInt32
    /// The store, as its segments name it.
    package let uuid: StoreUUID
    /// The random key of every hash in this store.
    package let hashKeyFirst: UInt64
    /// See `hashKeyFirst`.
    package let hashKeySecond: UInt64
    /// Nanoseconds since 1970.
    package let createdAt: UInt64
    /// Oldest first.
    package let ancestors: [Ancestor]

    /// An identity with these fields.
    package init(
        uuid: StoreUUID, hashKeyFirst: UInt64, hashKeySecond: UInt64, createdAt: UInt64,
        ancestors: [Ancestor] = [], compatibleFeatures: UInt32 = 0, incompatibleFeatures: UInt32 = 0
    ) {
        self.uuid = uuid
        self.hashKeyFirst = hashKeyFirst
        self.hashKeySecond = hashKeySecond
        self.createdAt = createdAt
        self.ancestors = ancestors
        self.compatibleFeatures = compatibleFeatures
        self.incompatibleFeatures = incompatibleFeatures
    }

    /// Whether the directory is a backup and no store yet.
    package var isBackup: Bool { incompatibleFeatures & Self.backupFeature != 0 }

    /// What a backup of this store says of itself.
    package var ofBackup: StoreIdentity {
        var identity = self
        identity.incompatibleFeatures |= Self.backupFeature
        return identity
    }

    /// What the store says of itself that is made of this backup: a store of its own, whose ancestor
    /// gave out the ids below `nextSegmentID`.
    package func restored(
        as uuid: StoreUUID, at time: UInt64, nextSegmentID: UInt64
    ) -> StoreIdentity {
        StoreIdentity(
            uuid: uuid, hashKeyFirst: hashKeyFirst, hashKeySecond: hashKeySecond, createdAt: time,
            ancestors: ancestors
                + [Ancestor(uuid: self.uuid, highestSegmentID: nextSegmentID - 1)],
            compatibleFeatures: compatibleFeatures,
            incompatibleFeatures: incompatibleFeatures & ~Self.backupFeature)
    }

    /// Which uuid the segment of an id carries, and its hint: that of the store that gave the id out.
    package func uuid(ofSegment id: UInt64) -> StoreUUID {
        ancestors.first { id <= $0.highestSegmentID }?.uuid ?? uuid
    }

    /// Whether a MANIFEST of this uuid is the store's: after a restore it is the ancestor's until the
    /// store is first opened for writing.
    package func owns(manifestOf uuid: StoreUUID) -> Bool {
        uuid == self.uuid || uuid == ancestors.last?.uuid
    }

    /// Whether a segment that carries `uuid` and `segmentID` belongs to this store.
    package func owns(segmentID: UInt64, uuid: StoreUUID) -> Bool {
        uuid == self.uuid
            || ancestors.contains { $0.uuid == uuid && segmentID <= $0.highestSegmentID }
    }
}

extension StoreIdentity {
    /// The bytes of STORE.
    package func encoded() -> [UInt8] {
        precondition(
            ancestors.count <= FormatLimits.ancestorCountMaximum, "a store has too many ancestors")
        let byteCount = Self.fixedByteCount + ancestors.count * Ancestor.byteCount + 4
        var bytes = [UInt8](repeating: 0, count: byteCount)
        bytes.withMutableRawSpan { encode(into: &$0) }
        return bytes
    }

    private func encode(into bytes: inout MutableRawSpan) {
        bytes.store(Self.magic, at: 0)
        bytes.store(FormatVersion.current, at: 8)
        bytes.store(compatibleFeatures, at: 12)
        bytes.store(incompatibleFeatures, at: 16)
        bytes.store(UInt32(0), at: 20)
        uuid.store(into: &bytes, at: 24)
        bytes.store(hashKeyFirst, at: 40)
        bytes.store(hashKeySecond, at: 48)
        bytes.store(createdAt, at: 56)
        bytes.store(UInt32(ancestors.count), at: 64)
        var offset = Self.fixedByteCount
        for ancestor in ancestors {
            ancestor.uuid.store(into: &bytes, at: offset)
            bytes.store(ancestor.highestSegmentID, at: offset + 16)
            offset += Ancestor.byteCount
        }
        bytes.storeTrailingChecksum()
    }

    /// Reads STORE; `bytes` is the whole file.
    package init(decoding bytes: RawSpan) throws(FormatError) {
        try bytes.checkMagic(Self.magic, fixedByteCount: Self.fixedByteCount, in: .store)
        try bytes.checkTrailingChecksum(in: .store)
        try FormatVersion.check(
            version: bytes.loadUInt32(at: 8), incompatibleFeatures: bytes.loadUInt32(at: 16),
            knownFeatures: Self.backupFeature, at: (8, 16), in: .store)
        let ancestorCount = Int(bytes.loadUInt32(at: 64))
        guard ancestorCount <= FormatLimits.ancestorCountMaximum else {
            throw FormatError(.invalidField("ancestor count"), in: .store, at: 64)
        }
        let byteCount = Self.fixedByteCount + ancestorCount * Ancestor.byteCount + 4
        try bytes.checkByteCount(byteCount, in: .store)
        self.init(
            uuid: StoreUUID(loading: bytes, at: 24), hashKeyFirst: bytes.loadUInt64(at: 40),
            hashKeySecond: bytes.loadUInt64(at: 48), createdAt: bytes.loadUInt64(at: 56),
            ancestors: Self.ancestors(in: bytes, count: ancestorCount),
            compatibleFeatures: bytes.loadUInt32(at: 12),
            incompatibleFeatures: bytes.loadUInt32(at: 16))
    }

    private static func ancestors(in bytes: RawSpan, count: Int) -> [Ancestor] {
        (0..<count).map { index in
            let offset = fixedByteCount + index * Ancestor.byteCount
            return Ancestor(
                uuid: StoreUUID(loading: bytes, at: offset),
                highestSegmentID: bytes.loadUInt64(at: offset + 16))
        }
    }
}
