// FormatLimits — the version this program writes and the bounds every decoder enforces.
//
// A bound is checked before a length is trusted, added or allocated. All sums of bounded fields fit
// an Int with room to spare, which is why decoders may add without overflow checks once the bounds
// hold. Spec: Format.md, "Limits".

/// Versions and feature bits.
package enum FormatVersion {
    /// The version written, and the newest one read.
    package static let current: UInt32 = 1
    /// The version of hints: the one written and the only one read, for any other is rebuilt.
    package static let hint: UInt32 = 2
    /// Incompatible feature bits this program understands, in every file but STORE.
    package static let incompatibleFeatures: UInt32 = 0

    /// Refuses versions and incompatible features that this program does not know.
    static func check(
        version: UInt32, of known: ClosedRange<UInt32> = 1...current,
        incompatibleFeatures features: UInt32, knownFeatures: UInt32 = incompatibleFeatures,
        at offsets: (Int, Int), in structure: FormatStructure
    ) throws(FormatError) {
        guard known.contains(version) else {
            throw FormatError(.unsupportedVersion(version), in: structure, at: offsets.0)
        }
        let unknown = features & ~knownFeatures
        guard unknown == 0 else {
            throw FormatError(.unsupportedFeatures(unknown), in: structure, at: offsets.1)
        }
    }
}

/// The bounds of the format.
package enum FormatLimits {
    /// Bound of a key.
    package static let keyByteCountMaximum = 65_535
    /// Bound of a record's metadata, all fields together.
    package static let metadataByteCountMaximum = 65_535
    /// Bound of a payload, both as stored and decoded.
    package static let payloadByteCountMaximum = 1 << 24
    /// Bound of one whole record.
    package static let recordByteCountMaximum =
        RecordHeader.byteCount + keyByteCountMaximum + metadataByteCountMaximum
        + payloadByteCountMaximum + 2
    /// Bound of a segment's logical length: what 29 bits of offset/8 can address.
    package static let segmentByteCountMaximum: UInt64 = 1 << 32
    /// Bound of the segments that MANIFEST lists.
    package static let segmentCountMaximum = 1 << 22
    /// Bound of the ancestors that STORE lists.
    package static let ancestorCountMaximum = 65_536
    /// Bound of the members of a batch.
    package static let batchCountMaximum: UInt32 = 65_536
    /// The smallest block size.
    package static let blockByteCountMinimum = 16
    /// The largest block size.
    package static let blockByteCountMaximum = 1 << 24
    /// Payloads longer than this are cut into blocks of this size unless a store says otherwise.
    package static let blockByteCountDefault = 65_536
    /// Bound of the buckets of a seal's histogram.
    package static let expiryBucketCountMaximum = 4_096
    /// Bound of the ids a seal lists as replaced.
    package static let replacedCountMaximum = 65_536
}

/// First byte behind the hashed bytes, so that keys of two kinds never share a hash by intent.
package enum HashDomain {
    /// Behind a user's key.
    package static let userKey: UInt8 = 0
    /// Behind a chunk's key.
    package static let chunkKey: UInt8 = 1
}

/// The next multiple of eight. `value` is a bounded length.
@inlinable
package func alignedToRecord(_ value: Int) -> Int { (value + 7) & ~7 }
