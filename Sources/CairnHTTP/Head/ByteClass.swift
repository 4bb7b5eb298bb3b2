// ByteClass — what a byte may be in a head: RFC 9110, section 5.6.2, and RFC 3986.
//
// Sets of bytes as words that stand in the code: a table in memory would be asked for whether it was made
// already, for each byte. A test compares them with the grammar. Pure. Bytes above 127 are ordinary in
// targets and values, as other servers take them.

internal import CairnSystem

/// A set of bytes.
package struct ByteClass: Sendable, BitwiseCopyable {
    /// Bits of the bytes below 64, and of those from there to 127.
    private let low: UInt64
    private let high: UInt64
    private let holdsOthers: Bool

    /// Whether the byte is in the set.
    @inline(__always)
    package func contains(_ byte: UInt8) -> Bool {
        if byte >= 128 { return holdsOthers }
        return (byte < 64 ? low : high) &>> UInt64(byte & 63) & 1 != 0
    }

    /// What a method and a field's name are made of: letters, digits and ``!#$%&'*+-.^_`|~``.
    package static var token: ByteClass {
        ByteClass(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE, holdsOthers: false)
    }
    /// What a target is made of: no white space, no control bytes, and no `#`.
    package static var target: ByteClass {
        ByteClass(low: 0xFFFF_FFF6_0000_0000, high: 0x7FFF_FFFF_FFFF_FFFF, holdsOthers: true)
    }
    /// What a field's value is made of: tabs, and what is no control byte.
    package static var value: ByteClass {
        ByteClass(low: 0xFFFF_FFFF_0000_0200, high: 0x7FFF_FFFF_FFFF_FFFF, holdsOthers: true)
    }
    /// What stands for itself in every part of a URI: letters, digits and `-._~`.
    package static var unreserved: ByteClass {
        ByteClass(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE, holdsOthers: false)
    }
    /// What a host and its port are made of: letters, digits and `-._~!$&'()*+,;=:[]%`.
    package static var host: ByteClass {
        ByteClass(low: 0x2FFF_7FF2_0000_0000, high: 0x47FF_FFFE_AFFF_FFFE, holdsOthers: false)
    }
}

extension RawSpan {
    /// Whether all bytes of a range are in the set.
    @inline(__always)
    func isAll(_ byteClass: ByteClass, _ range: Range<Int>) -> Bool {
        var place = range.lowerBound
        while place < range.upperBound {
            if !byteClass.contains(byte(at: place)) { return false }
            place &+= 1
        }
        return true
    }

    /// How many bytes from `start` on are no control bytes; near the end perhaps fewer, for eight are
    /// looked at a time.
    @inline(__always)
    func textByteCount(from start: Int) -> Int {
        var place = start
        while place &+ 8 <= byteCount {
            let word = self.word(at: place)
            let below = (word &- 0x2020_2020_2020_2020) & ~word
            let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
            let isDelete = (delete &- 0x0101_0101_0101_0101) & ~delete
            // The lowest mark is true; a borrow may set others above it.
            let marks = (below | isDelete) & 0x8080_8080_8080_8080
            if marks != 0 { return place &- start &+ marks.trailingZeroBitCount / 8 }
            place &+= 8
        }
        return place &- start
    }
}
