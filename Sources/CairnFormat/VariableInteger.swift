// VariableInteger — unsigned 32-bit integers in one to five bytes: seven bits a byte, low bits
// first, the top bit set in every byte but the last.
//
// Only the keys of a hint use it. Decoding refuses more than 32 bits and a missing end.
// Spec: Format.md, "Hint", "Keys". Pure functions; any thread.

enum VariableInteger {
    static let byteCountMaximum = 5

    /// Writes the integer at `offset`, which moves behind it.
    static func store(_ value: UInt32, into bytes: inout MutableRawSpan, at offset: inout Int) {
        var rest = value
        while rest >= 0x80 {
            bytes.storeBytes(
                of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: offset, as: UInt8.self)
            offset += 1
            rest >>= 7
        }
        bytes.storeBytes(of: UInt8(rest), toByteOffset: offset, as: UInt8.self)
        offset += 1
    }

    static func byteCount(_ value: UInt32) -> Int {
        max(1, (UInt32.bitWidth - value.leadingZeroBitCount + 6) / 7)
    }

    /// The integer at `offset`, which moves behind it; nil when there is none before `end`.
    static func load(_ bytes: RawSpan, at offset: inout Int, end: Int) -> UInt32? {
        var value: UInt64 = 0
        for index in 0..<byteCountMaximum {
            guard offset < end else { return nil }
            let byte = bytes.loadUInt8(at: offset)
            offset += 1
            value |= UInt64(byte & 0x7F) << UInt64(7 * index)
            if byte < 0x80 { return UInt32(exactly: value) }
        }
        return nil
    }
}
