// RecordHeader+Checksum — the checksum of header, key and metadata, bound to the record's place.
//
// It is the CRC-32C of the record's offset (eight bytes) and of the record's bytes 8..<prefix,
// seeded by salt and segment id: a record that stands elsewhere than where it was written, in this
// segment or another, does not pass. Writing needs one pass: the offset stands where marker and
// checksum will, in front of the bytes it is summed with. Spec: Format.md, "Record".

internal import CairnSystem

extension RecordHeader {
    private static let checksumOffset = 4

    /// Completes the header at `position` of `bytes` once key and metadata stand behind it.
    /// `offset` is the record's offset in its segment. Returns the checksum.
    @discardableResult
    package static func writeHeaderCRC(
        into bytes: inout MutableRawSpan, at position: Int = 0, prefixByteCount: Int,
        seed: SegmentSeed, offset: UInt64
    ) -> UInt32 {
        bytes.store(offset, at: position)
        let end = position + prefixByteCount
        let crc = Checksum.crc32c(bytes.bytes.extracting(position..<end), seed: seed.crc)
        bytes.store(UInt64(marker) | UInt64(crc) << 32, at: position)
        return crc
    }

    /// Whether the header's checksum is right. `record` starts at the header and holds at least
    /// key and metadata; if it does not, the answer is no.
    package static func verifyHeaderCRC(
        record: RawSpan, prefixByteCount: Int, seed: SegmentSeed, offset: UInt64
    ) -> Bool {
        guard prefixByteCount >= byteCount, record.byteCount >= prefixByteCount else {
            return false
        }
        let place = Checksum.crc32c(offset, seed: seed.crc)
        let crc = Checksum.crc32c(record.extracting(8..<prefixByteCount), seed: place)
        return crc == storedHeaderCRC(of: record)
    }

    /// The header's checksum as it stands in `record`, which starts at the header.
    package static func storedHeaderCRC(of record: RawSpan) -> UInt32 {
        record.loadUInt32(at: checksumOffset)
    }

    /// Whether `stored` is the payload this header was written for. With blocks, `stored` may be
    /// the block table alone or more.
    package func verifyPayload(_ stored: RawSpan) -> Bool {
        guard !flags.contains(.blocked) else {
            return (try? BlockTable(decoding: stored, header: self)) != nil
        }
        return stored.byteCount == storedByteCount && Checksum.crc32c(stored) == payloadCRC
    }

    /// Whether every byte of `stored`, the whole payload, is what this header was written for.
    package func verifyWholePayload(_ stored: RawSpan) -> Bool {
        guard flags.contains(.blocked) else { return verifyPayload(stored) }
        guard stored.byteCount == storedByteCount,
            let table = try? BlockTable(decoding: stored, header: self)
        else { return false }
        var offset = table.byteCount
        for number in 0..<table.blockCount {
            let block = table.block(number, at: offset)
            guard block.verify(stored.extracting(block.storedRange)) else { return false }
            offset = block.storedRange.upperBound
        }
        return true
    }
}

extension RecordHeader {
    /// Reads the record header at `position` and checks its checksum, too. Key and metadata must be
    /// in `bytes`; the payload need not. `offset` is the record's offset in its segment.
    package init(
        verifying bytes: RawSpan, at position: Int = 0, seed: SegmentSeed, offset: UInt64
    ) throws(FormatError) {
        try self.init(decoding: bytes, at: position)
        let record = bytes.extracting(position..<bytes.byteCount)
        guard record.byteCount >= prefixByteCount else {
            throw FormatError(.truncated, in: .record, at: Self.byteCount)
        }
        guard
            Self.verifyHeaderCRC(
                record: record, prefixByteCount: prefixByteCount, seed: seed, offset: offset)
        else {
            throw FormatError(.checksumMismatch, in: .record, at: Self.checksumOffset)
        }
    }

    /// Writes a whole record at `position`: header, key, metadata, payload, zeros. The fields must
    /// describe the bytes given. `offset` is the record's offset in its segment.
    package func encodeRecord(
        key: RawSpan, metadata: RawSpan, payload: RawSpan, into bytes: inout MutableRawSpan,
        at position: Int = 0, seed: SegmentSeed, offset: UInt64
    ) {
        precondition(
            key.byteCount == keyByteCount && metadata.byteCount == metadataByteCount
                && payload.byteCount == storedByteCount, "a record header describes its record")
        encode(into: &bytes, at: position)
        bytes.copy(from: key, to: position + keyRange.lowerBound)
        bytes.copy(from: metadata, to: position + metadataRange.lowerBound)
        bytes.copy(from: payload, to: position + payloadRange.lowerBound)
        for index in unpaddedByteCount..<recordByteCount {
            bytes.store(UInt8(0), at: position + index)
        }
        Self.writeHeaderCRC(
            into: &bytes, at: position, prefixByteCount: prefixByteCount, seed: seed,
            offset: offset)
    }
}
