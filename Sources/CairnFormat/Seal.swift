// Seal — the payload of a segment's last record: what stands before it, in sums and bounds.
//
// Written once, when the segment takes no more records. With it a scan proves that it saw every
// record, a manifest can be rebuilt, and a listing can pass a segment by. The record's payload
// checksum covers it. Spec: Format.md, "Seal". Plain value; any thread.

internal import CairnSystem

/// Bytes of records that expire by a certain time.
package struct ExpiryBucket: Equatable, Sendable {
    static let byteCount = 16

    /// Seconds since 1970; the bucket holds what expires before it and not before the last one's.
    package let upperBoundSeconds: UInt64
    /// Bytes of whole records.
    package let recordByteTotal: UInt64

    /// A bucket that ends at `upperBoundSeconds`.
    package init(upperBoundSeconds: UInt64, recordByteTotal: UInt64) {
        self.upperBoundSeconds = upperBoundSeconds
        self.recordByteTotal = recordByteTotal
    }
}

/// The contents of a seal record.
package struct Seal: Equatable, Sendable {
    static let fixedByteCount = 88
    /// The longest seal payload.
    package static let byteCountMaximum =
        fixedByteCount + FormatLimits.expiryBucketCountMaximum * ExpiryBucket.byteCount
        + FormatLimits.replacedCountMaximum * 8 + 2 * FormatLimits.keyByteCountMaximum

    /// Counts, sums, bounds and digest of the records before the seal.
    package var totals: SegmentTotals
    /// In ascending order of bound.
    package var expiryBuckets: [ExpiryBucket]
    /// The segments whose live records stand here; in ascending order. Compacted segments only.
    package var replacedIDs: [UInt64]
    /// Bounds of the users' keys, bytewise; both empty when there are none.
    package var minKey: [UInt8]
    /// See `minKey`.
    package var maxKey: [UInt8]

    /// A seal with these contents.
    package init(
        totals: SegmentTotals, expiryBuckets: [ExpiryBucket] = [], replacedIDs: [UInt64] = [],
        minKey: [UInt8] = [], maxKey: [UInt8] = []
    ) {
        self.totals = totals
        self.expiryBuckets = expiryBuckets
        self.replacedIDs = replacedIDs
        self.minKey = minKey
        self.maxKey = maxKey
    }

    /// Bytes of the payload.
    package var byteCount: Int {
        Self.fixedByteCount + expiryBuckets.count * ExpiryBucket.byteCount + replacedIDs.count * 8
            + minKey.count + maxKey.count
    }
}

extension Seal {
    /// The bytes of the payload. The fields must fulfil the conditions that decoding checks.
    package func encoded() -> [UInt8] {
        precondition(
            expiryBuckets.count <= FormatLimits.expiryBucketCountMaximum
                && replacedIDs.count <= FormatLimits.replacedCountMaximum,
            "a seal's lists are within their bounds")
        precondition(violation == nil, "a seal fulfils its own conditions")
        var bytes = [UInt8](repeating: 0, count: byteCount)
        bytes.withMutableRawSpan { encode(into: &$0) }
        return bytes
    }

    private func encode(into bytes: inout MutableRawSpan) {
        encodeTotals(into: &bytes)
        bytes.store(UInt32(replacedIDs.count), at: 76)
        bytes.store(UInt32(expiryBuckets.count), at: 80)
        bytes.store(UInt16(minKey.count), at: 84)
        bytes.store(UInt16(maxKey.count), at: 86)
        var offset = Self.fixedByteCount
        for bucket in expiryBuckets {
            bytes.store(bucket.upperBoundSeconds, at: offset)
            bytes.store(bucket.recordByteTotal, at: offset + 8)
            offset += ExpiryBucket.byteCount
        }
        for id in replacedIDs {
            bytes.store(id, at: offset)
            offset += 8
        }
        bytes.copy(from: minKey.rawSpan, to: offset)
        bytes.copy(from: maxKey.rawSpan, to: offset + minKey.count)
    }

    private func encodeTotals(into bytes: inout MutableRawSpan) {
        bytes.store(totals.recordCount, at: 0)
        bytes.store(totals.putCount, at: 8)
        bytes.store(totals.deleteCount, at: 16)
        bytes.store(totals.chunkCount, at: 24)
        bytes.store(totals.keyByteTotal, at: 32)
        bytes.store(totals.storedByteTotal, at: 40)
        bytes.store(totals.rawByteTotal, at: 48)
        bytes.store(totals.minSequence, at: 56)
        bytes.store(totals.maxSequence, at: 64)
        bytes.store(totals.digest.crc, at: 72)
    }
}

extension Seal {
    /// Reads the payload of a seal record; `bytes` is exactly it.
    package init(decoding bytes: RawSpan) throws(FormatError) {
        guard bytes.byteCount >= Self.fixedByteCount else {
            throw FormatError(.truncated, in: .seal, at: bytes.byteCount)
        }
        let replacedCount = Int(bytes.loadUInt32(at: 76))
        guard replacedCount <= FormatLimits.replacedCountMaximum else {
            throw FormatError(.invalidField("replaced count"), in: .seal, at: 76)
        }
        let bucketCount = Int(bytes.loadUInt32(at: 80))
        guard bucketCount <= FormatLimits.expiryBucketCountMaximum else {
            throw FormatError(.invalidField("expiry bucket count"), in: .seal, at: 80)
        }
        let bucketsEnd = Self.fixedByteCount + bucketCount * ExpiryBucket.byteCount
        let replacedEnd = bucketsEnd + replacedCount * 8
        let minKeyEnd = replacedEnd + Int(bytes.loadUInt16(at: 84))
        let maxKeyEnd = minKeyEnd + Int(bytes.loadUInt16(at: 86))
        try bytes.checkByteCount(maxKeyEnd, in: .seal)
        self.init(
            totals: SegmentTotals(decoding: bytes),
            expiryBuckets: Self.buckets(in: bytes, count: bucketCount),
            replacedIDs: (0..<replacedCount).map { bytes.loadUInt64(at: bucketsEnd + $0 * 8) },
            minKey: bytes.extracting(replacedEnd..<minKeyEnd).copyBytes(),
            maxKey: bytes.extracting(minKeyEnd..<maxKeyEnd).copyBytes())
        if let violation {
            throw FormatError(.invalidField(violation.name), in: .seal, at: violation.offset)
        }
    }

    private static func buckets(in bytes: RawSpan, count: Int) -> [ExpiryBucket] {
        (0..<count).map { index in
            let offset = fixedByteCount + index * ExpiryBucket.byteCount
            return ExpiryBucket(
                upperBoundSeconds: bytes.loadUInt64(at: offset),
                recordByteTotal: bytes.loadUInt64(at: offset + 8))
        }
    }

    /// The first condition that the fields break; nil when they are in order.
    private var violation: (name: String, offset: Int)? {
        if !totals.areCountsInOrder { return ("counts", 0) }
        if totals.minSequence > totals.maxSequence { return ("sequence bounds", 56) }
        if !isAscending(expiryBuckets.map(\.upperBoundSeconds)) {
            return ("order of expiry buckets", Self.fixedByteCount)
        }
        if !isAscending(replacedIDs) { return ("order of replaced ids", 76) }
        if minKey.isEmpty != maxKey.isEmpty || maxKey.lexicographicallyPrecedes(minKey) {
            return ("key bounds", 84)
        }
        return nil
    }

    private func isAscending(_ values: [UInt64]) -> Bool {
        zip(values, values.dropFirst()).allSatisfy { $0 < $1 }
    }
}

extension SegmentTotals {
    fileprivate init(decoding bytes: RawSpan) {
        recordCount = bytes.loadUInt64(at: 0)
        putCount = bytes.loadUInt64(at: 8)
        deleteCount = bytes.loadUInt64(at: 16)
        chunkCount = bytes.loadUInt64(at: 24)
        keyByteTotal = bytes.loadUInt64(at: 32)
        storedByteTotal = bytes.loadUInt64(at: 40)
        rawByteTotal = bytes.loadUInt64(at: 48)
        minSequence = bytes.loadUInt64(at: 56)
        maxSequence = bytes.loadUInt64(at: 64)
        digest = SegmentDigest(crc: bytes.loadUInt32(at: 72))
    }

    /// Whether the counts by type fit the count of records, and that fits a segment.
    fileprivate var areCountsInOrder: Bool {
        let maximum = FormatLimits.segmentByteCountMaximum / UInt64(RecordHeader.byteCount)
        let counts = [recordCount, putCount, deleteCount, chunkCount]
        return counts.allSatisfy { $0 <= maximum }
            && putCount + deleteCount + chunkCount <= recordCount
    }
}
