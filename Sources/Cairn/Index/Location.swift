// Location — where the newest record of a key lies, in one 64-bit word.
//
// From the low end: kind (3 bits), size class (10), segment ordinal (22), offset / 8 (29). A record
// starts behind its segment's header, so at 4096 or later: a real location is never below 2^44, and
// the small values are free for the index's own use. The size class bounds the record's length from
// above within 1/32, enough to read it with one call. A value: any thread. Spec: Engine.md, "Index".

/// A record's place, kind and approximate length; or one of three special values.
package struct Location: BitwiseCopyable, Equatable, Hashable, Sendable {
    /// What the record is. Zero is never a kind.
    package enum Kind: UInt8, Sendable, CaseIterable {
        case put = 1
        case composite = 2
        case chunk = 3
        /// A delete; in the index only while segments are loaded, swept out afterwards.
        case tombstone = 4
    }

    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// No record.
    package static let empty = Location(rawValue: 0)
    /// A slot whose key was removed. Never returned by the index.
    package static let deleted = Location(rawValue: 1)
    /// Two keys share this hash: see the `OverflowMap`.
    package static let overflow = Location(rawValue: 2)

    /// Where the first record of a segment can begin: behind the segment's header.
    package static let offsetMinimum: UInt64 = 4096
    /// Ordinals are below it: an ordinal has 22 bits.
    package static let segmentOrdinalCount = 1 << 22
    /// The longest record that has a size class: 4 GiB.
    package static let recordByteCountMaximum = 1 << 32

    /// The location of a record of `recordByteCount` bytes. Offset and byte count are multiples
    /// of 8; the byte count is 8 ... 4 GiB, the offset 4096 ..< 4 GiB, the ordinal below 2^22.
    package init(segmentOrdinal: Int, offset: UInt64, recordByteCount: Int, kind: Kind) {
        precondition(
            segmentOrdinal >= 0 && segmentOrdinal < Self.segmentOrdinalCount,
            "a segment ordinal has 22 bits")
        precondition(
            offset & 7 == 0 && offset >= Self.offsetMinimum && offset >> 32 == 0,
            "a record's offset is a multiple of 8 in 4096 ..< 4 GiB")
        rawValue =
            offset << 32 | UInt64(truncatingIfNeeded: segmentOrdinal) << 13
            | SizeClass.index(holding: recordByteCount) << 3 | UInt64(kind.rawValue)
    }

    /// Whether this names a record, unlike `empty`, `deleted` and `overflow`.
    package var isRecord: Bool { rawValue > Self.overflow.rawValue }

    /// Where the segment stands in the engine's list. Meaningless unless `isRecord`.
    package var segmentOrdinal: Int {
        Int(truncatingIfNeeded: rawValue >> 13) & (Self.segmentOrdinalCount - 1)
    }

    /// Where in the segment the record begins. Meaningless unless `isRecord`.
    package var offset: UInt64 { (rawValue >> 35) << 3 }

    /// At least the record's byte count, and less than 1/32 over it.
    package var byteCountBound: Int { SizeClass.byteCountMaximum(of: rawValue >> 3 & 1023) }

    /// Nil for the special values.
    package var kind: Kind? {
        isRecord ? Kind(rawValue: UInt8(truncatingIfNeeded: rawValue & 7)) : nil
    }

    /// Whether both name a record of the same kind at the same place.
    package static func == (left: Location, right: Location) -> Bool {
        left.rawValue == right.rawValue
    }
}

/// Lengths in units of 8 bytes, minus one, with six leading bits kept: exact up to 512 bytes, then
/// 32 classes for each doubling; 800 classes reach 4 GiB.
private enum SizeClass {
    @inline(__always)
    static func index(holding byteCount: Int) -> UInt64 {
        precondition(
            byteCount >= 8 && byteCount <= Location.recordByteCountMaximum && byteCount & 7 == 0,
            "a record's byte count is a multiple of 8 in 8 ... 4 GiB")
        let last = UInt64(truncatingIfNeeded: byteCount &>> 3 &- 1)
        let shift = UInt64(truncatingIfNeeded: max(0, 58 &- last.leadingZeroBitCount))
        return shift << 5 &+ last >> shift
    }

    static func byteCountMaximum(of index: UInt64) -> Int {
        let shift = max(1, index >> 5) &- 1
        return Int(truncatingIfNeeded: (index &- shift << 5 &+ 1) << (shift &+ 3))
    }
}
