// StoreUUID — the identity of a store: 16 bytes, opaque to the format.
//
// The bytes stand on disk in the order in which the text form prints them. Plain value; any thread.

/// A store's uuid.
package struct StoreUUID: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of a uuid.
    package static let byteCount = 16

    /// The first and last eight bytes, the first byte being the most significant.
    package let high: UInt64
    /// See `high`.
    package let low: UInt64

    /// The uuid whose bytes are `high` then `low`, most significant byte first.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A version 4 uuid from 128 random bits.
    package init(random first: UInt64, _ second: UInt64) {
        high = first & ~0xF000 | 0x4000
        low = second & ~(3 << 62) | 1 << 63
    }

    init(loading bytes: RawSpan, at offset: Int) {
        high = bytes.loadUInt64(at: offset).byteSwapped
        low = bytes.loadUInt64(at: offset + 8).byteSwapped
    }

    func store(into bytes: inout MutableRawSpan, at offset: Int) {
        bytes.store(high.byteSwapped, at: offset)
        bytes.store(low.byteSwapped, at: offset + 8)
    }

    /// 8-4-4-4-12 hexadecimal digits.
    package var description: String {
        let digits = Array((hexadecimal(high) + hexadecimal(low)).utf8)
        var text = ""
        for (index, character) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { text += "-" }
            text.unicodeScalars.append(Unicode.Scalar(character))
        }
        return text
    }
}
