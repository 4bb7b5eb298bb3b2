// Expiry — when a record counts as absent, and how many bytes of a segment do so when.
//
// An expired record is absent at once for everybody who reads, lists or sets conditions; it keeps its
// place in the index, so that no older version comes back, until compaction removes it. A delete of it is
// written all the same: a clock that is set back must not bring back what was deleted. Pure; the clock is
// the storage's. Spec: Engine.md, "Expiry".

internal import CairnFormat

/// Decides on expiries as records carry them: nanoseconds since 1970, 0 for none.
package enum Expiry {
    /// Whether a record with this expiry is absent at `now`.
    @inline(__always)
    package static func isExpired(_ expiry: UInt64, at now: UInt64) -> Bool {
        expiry != 0 && expiry <= now
    }
}

/// Bytes of a segment's records by the time when they expire, for its seal.
struct ExpiryTally {
    private static let bucketCountMaximum = 1024
    private var secondsPerBucket: UInt64 = 3600
    private var byteCounts: [UInt64: UInt64] = [:]

    mutating func add(_ expiry: UInt64, byteCount: Int) {
        byteCounts[expiry / 1_000_000_000 / secondsPerBucket, default: 0] += UInt64(byteCount)
        while byteCounts.count > Self.bucketCountMaximum { coarsen() }
    }

    private mutating func coarsen() {
        secondsPerBucket *= 2
        byteCounts = byteCounts.reduce(into: [:]) { $0[$1.key / 2, default: 0] += $1.value }
    }

    /// In ascending order.
    var buckets: [ExpiryBucket] {
        byteCounts.sorted { $0.key < $1.key }.map { bucket, byteCount in
            ExpiryBucket(
                upperBoundSeconds: (bucket + 1) * secondsPerBucket, recordByteTotal: byteCount)
        }
    }
}

extension WallTime? {
    /// As records carry it.
    var stored: UInt64 { self.map { Swift.max($0.nanosecondsSince1970, 1) } ?? 0 }
}
