// FormatChecks — the tests that several decoders share: magic, exact length, trailing checksum.
//
// Each throws the first condition that fails. The order in every decoder is: enough bytes for the
// fixed part, magic, checksum, version, meaning. Pure functions over borrowed bytes; any thread.

internal import CairnSystem

extension RawSpan {
    /// Requires the fixed part, a trailing checksum, and `magic` at the start.
    func checkMagic(
        _ magic: UInt64, fixedByteCount: Int, in structure: FormatStructure
    ) throws(FormatError) {
        guard byteCount >= fixedByteCount + 4 else {
            throw FormatError(.truncated, in: structure, at: byteCount)
        }
        guard loadUInt64(at: 0) == magic else {
            throw FormatError(.wrongMagic, in: structure, at: 0)
        }
    }

    /// Requires the last four bytes to be the checksum of all bytes before.
    func checkTrailingChecksum(in structure: FormatStructure) throws(FormatError) {
        let end = byteCount - 4
        guard Checksum.crc32c(extracting(0..<end)) == loadUInt32(at: end) else {
            throw FormatError(.checksumMismatch, in: structure, at: end)
        }
    }

    /// Requires exactly `expected` bytes.
    func checkByteCount(_ expected: Int, in structure: FormatStructure) throws(FormatError) {
        guard byteCount >= expected else {
            throw FormatError(.truncated, in: structure, at: byteCount)
        }
        guard byteCount == expected else {
            throw FormatError(.trailingBytes, in: structure, at: expected)
        }
    }
}

extension MutableRawSpan {
    /// Writes the checksum of all bytes but the last four into the last four.
    @_lifetime(self: copy self)
    mutating func storeTrailingChecksum() {
        let end = byteCount - 4
        store(Checksum.crc32c(bytes.extracting(0..<end)), at: end)
    }
}
