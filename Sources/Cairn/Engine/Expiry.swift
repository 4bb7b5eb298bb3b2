// Expiry — when a record counts as absent, and how many bytes of a segment do so when.
//
// An expired record is absent at once for everybody who reads, lists or sets conditions; it keeps its
// place in the index, so that no older version comes back, until compaction removes it. A delete of it is
// written all the same: a clock that is set back must not bring back what was deleted. What expires when is
// also counted for each segment, so that compaction knows what to read. Pure; the clock is the storage's.
// Spec: Engine.md, "Expiry".

internal import CairnFormat

/// Decides on expiries as records carry them: nanoseconds since 1970, 0 for none.
package enum Expiry {
    /// Whether a record with this expiry is absent at `now`.
    @inline(__always)
    package static func isExpired(_ expiry: UInt64, at now: UInt64) -> Bool {
        expiry != 0 && expiry <= now
    }
}

/// Bytes that expire at one time.
package struct ExpiringBytes: Equatable {
    /// Of records.
    package var recordByteCount: UInt64
    /// Of the chunks that composites among them name, wherever those lie; about.
    package var chunkByteCount: UInt64 = 0

    /// So many bytes of records, and no chunks.
    package init(recordByteCount: UInt64 = 0) { self.recordByteCount = recordByteCount }

    fileprivate static func += (left: inout ExpiringBytes, right: ExpiringBytes) {
        left.recordByteCount += right.recordByteCount
        left.chunkByteCount += right.chunkByteCount
    }
}

/// Bytes of a segment's records by the time when they expire.
struct ExpiryTally {
    private var bucketCountMaximum = 1024
    private var secondsPerBucket: UInt64 = 3600
    private var bytes: [UInt64: ExpiringBytes] = [:]

    mutating func add(_ expiry: UInt64, byteCount: Int, chunkByteCount: UInt64 = 0) {
        var added = ExpiringBytes(recordByteCount: UInt64(byteCount))
        added.chunkByteCount = chunkByteCount
        bytes[expiry / 1_000_000_000 / secondsPerBucket, default: ExpiringBytes()] += added
        limit(to: bucketCountMaximum)
    }

    /// Counts by longer times until there are at most so many.
    mutating func limit(to count: Int) {
        bucketCountMaximum = count
        while bytes.count > count { coarsen() }
    }

    private mutating func coarsen() {
        secondsPerBucket *= 2
        bytes = bytes.reduce(into: [:]) { $0[$1.key / 2, default: ExpiringBytes()] += $1.value }
    }

    /// What surely expires before this second.
    func due(at second: UInt64) -> ExpiringBytes {
        bytes.reduce(into: ExpiringBytes()) { sum, bucket in
            if (bucket.key + 1) * secondsPerBucket <= second { sum += bucket.value }
        }
    }

    /// By the second before which they expire, in ascending order.
    var bounded: [(boundSeconds: UInt64, bytes: ExpiringBytes)] {
        bytes.sorted { $0.key < $1.key }.map { (($0.key + 1) * secondsPerBucket, $0.value) }
    }

    /// For a seal.
    var buckets: [ExpiryBucket] {
        bounded.map {
            ExpiryBucket(
                upperBoundSeconds: $0.boundSeconds, recordByteTotal: $0.bytes.recordByteCount)
        }
    }
}

/// What expires of an ended segment, dead records too: less fine than its seal, so that it can stay in
/// memory.
struct ExpirySchedule {
    private static let bucketCountMaximum = 64
    /// In ascending order.
    private var bounded: [(boundSeconds: UInt64, bytes: ExpiringBytes)] = []

    init() {}

    init(_ tally: ExpiryTally) {
        var tally = tally
        tally.limit(to: Self.bucketCountMaximum)
        bounded = tally.bounded
    }

    /// What surely expires before this second.
    func due(at second: UInt64) -> ExpiringBytes {
        bounded.prefix { $0.boundSeconds <= second }.reduce(into: ExpiringBytes()) {
            $0 += $1.bytes
        }
    }

    /// What is due at this second was looked at and is left where it is.
    mutating func forgetDue(at second: UInt64) {
        bounded.removeAll { $0.boundSeconds <= second }
    }
}

extension WallTime? {
    /// As records carry it.
    var stored: UInt64 { self.map { Swift.max($0.nanosecondsSince1970, 1) } ?? 0 }
}
