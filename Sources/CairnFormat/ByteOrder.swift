// ByteOrder — keys compared as runs of unsigned bytes, a shorter key before its continuations.
//
// Pure functions over borrowed bytes; any thread.

internal import CairnSystem

extension RawSpan {
    /// How many bytes both have in common at their start. Compares eight at a time.
    package func commonPrefixByteCount(with other: RawSpan) -> Int {
        let limit = min(byteCount, other.byteCount)
        var offset = 0
        while limit - offset >= 8 {
            let difference = loadUInt64(at: offset) ^ other.loadUInt64(at: offset)
            if difference != 0 { return offset + difference.trailingZeroBitCount / 8 }
            offset += 8
        }
        while offset < limit, loadUInt8(at: offset) == other.loadUInt8(at: offset) { offset += 1 }
        return offset
    }

    /// Whether these bytes stand before `other` in the order of keys. Compares eight at a time.
    package func precedes(_ other: RawSpan) -> Bool {
        let limit = min(byteCount, other.byteCount)
        var offset = 0
        while limit &- offset >= 8 {
            let (own, others) = (loadUInt64(at: offset), other.loadUInt64(at: offset))
            if own != others { return own.byteSwapped < others.byteSwapped }
            offset &+= 8
        }
        while offset < limit {
            let (own, others) = (loadUInt8(at: offset), other.loadUInt8(at: offset))
            if own != others { return own < others }
            offset &+= 1
        }
        return byteCount < other.byteCount
    }
}
