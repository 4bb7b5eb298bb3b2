// LittleEndian — bounds-checked little-endian loads and stores, the only door between integers and
// bytes in this module.
//
// Every multi-byte integer of the format passes through here, one field at a time; nothing else in
// CairnFormat touches memory by type. A position outside the span stops the program: decoders check
// lengths first, so that corrupt input never gets here. No state; any thread.
//
// Why this is sound: `unsafeLoadUnaligned` checks its bounds itself and is unsafe only because not
// every type accepts every bit pattern; fixed-width integers do. The one pointer is a borrowed view
// of a local integer that does not leave the closure.

package import CairnSystem

extension RawSpan {
    /// The byte at `offset`.
    @inlinable
    package func loadUInt8(at offset: Int) -> UInt8 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }

    /// The two bytes at `offset` as an integer.
    @inlinable
    package func loadUInt16(at offset: Int) -> UInt16 {
        UInt16(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The four bytes at `offset` as an integer.
    @inlinable
    package func loadUInt32(at offset: Int) -> UInt32 {
        UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The eight bytes at `offset` as an integer.
    @inlinable
    package func loadUInt64(at offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension MutableRawSpan {
    /// Writes one byte at `offset`.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func store(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    /// Writes two bytes at `offset`.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func store(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt16.self)
    }

    /// Writes four bytes at `offset`.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func store(_ value: UInt32, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// Writes eight bytes at `offset`.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func store(_ value: UInt64, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
}

extension Checksum {
    /// CRC-32C of the integer's little-endian bytes, continuing from `seed`.
    package static func crc32c(_ value: UInt64, seed: UInt32) -> UInt32 {
        let stored = value.littleEndian
        return unsafe withUnsafeBytes(of: stored) { bytes in
            let span = unsafe RawSpan(_unsafeBytes: bytes)
            return crc32c(span, seed: seed)
        }
    }

    /// CRC-32C of the integer's little-endian bytes, continuing from `seed`.
    package static func crc32c(_ value: UInt32, seed: UInt32) -> UInt32 {
        let stored = value.littleEndian
        return unsafe withUnsafeBytes(of: stored) { bytes in
            let span = unsafe RawSpan(_unsafeBytes: bytes)
            return crc32c(span, seed: seed)
        }
    }
}
