// TarBlock — the 512 bytes in front of every entry of a tar archive.
//
// POSIX ustar, with the numbers of GNU tar where one does not fit the octal digits. Decoding checks the
// checksum and every number: any bytes are legal input. Plain values; any thread.

internal import CairnFormat
internal import CairnSystem

struct TarBlock {
    static let byteCount = 512

    /// What an entry is. Other letters are passed over.
    static let regular = UInt8(ascii: "0")
    static let oldRegular: UInt8 = 0
    static let contiguous = UInt8(ascii: "7")
    static let directory = UInt8(ascii: "5")
    static let paxHeader = UInt8(ascii: "x")
    static let paxGlobal = UInt8(ascii: "g")
    static let sparse = UInt8(ascii: "S")
    static let longName = UInt8(ascii: "L")
    static let longLink = UInt8(ascii: "K")

    var name: [UInt8]
    var byteCount: UInt64
    var kind: UInt8

    /// The bytes of a block.
    var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        func put(_ text: [UInt8], at place: Int) {
            bytes.replaceSubrange(place..<place + text.count, with: text)
        }
        put(Array(name.prefix(100)), at: 0)
        put(Array("0000600\0".utf8), at: 100)
        put(Array("0000000\0".utf8), at: 108)
        put(Array("0000000\0".utf8), at: 116)
        put(Self.octal(byteCount, digits: 11), at: 124)
        put(Array("00000000000\0".utf8), at: 136)
        bytes[156] = kind
        put(Array("ustar\0".utf8) + Array("00".utf8), at: 257)
        put(Array(repeating: 0x20, count: 8), at: 148)
        let sum = bytes.reduce(0) { $0 + UInt64($1) }
        put(Self.octal(sum, digits: 6) + [0x20], at: 148)
        return bytes
    }

    /// Digits and a zero byte; what does not fit stands in the pax header.
    private static func octal(_ value: UInt64, digits: Int) -> [UInt8] {
        let limit = UInt64(1) << UInt64(digits * 3)
        let text = String(value < limit ? value : 0, radix: 8)
        return Array((String(repeating: "0", count: digits - text.count) + text).utf8) + [0]
    }

    /// Reads a block that is not zero; nil when it is none.
    init?(decoding bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        let sum = bytes.enumerated().reduce(0) { sum, item in
            sum + ((148..<156).contains(item.offset) ? 0x20 : UInt64(item.element))
        }
        guard Self.number(bytes[148..<156]) == sum, let count = Self.number(bytes[124..<136])
        else { return nil }
        byteCount = count
        kind = bytes[156]
        name = Self.text(bytes[0..<100])
        let prefix = Self.text(bytes[345..<500])
        if Array(bytes[257..<262]) == Array("ustar".utf8), bytes[262] == 0, !prefix.isEmpty {
            name = prefix + [UInt8(ascii: "/")] + name
        }
    }

    init(name: [UInt8], byteCount: UInt64, kind: UInt8) {
        self.name = name
        self.byteCount = byteCount
        self.kind = kind
    }

    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] {
        Array(field.prefix { $0 != 0 })
    }

    private static func number(_ field: ArraySlice<UInt8>) -> UInt64? {
        if let first = field.first, first & 0x80 != 0 {
            var value = UInt64(first & 0x7f)
            for byte in field.dropFirst() {
                guard value < 1 << 54 else { return nil }
                value = value << 8 | UInt64(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        return digits.isEmpty ? 0 : UInt64(String(decoding: digits, as: UTF8.self), radix: 8)
    }

    /// Bytes from the end of an entry to the next block.
    static func paddingByteCount(_ byteCount: UInt64) -> Int {
        Int(-Int64(bitPattern: byteCount) & 511)
    }
}
