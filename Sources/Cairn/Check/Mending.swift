// Mending — which single byte was changed in bytes whose CRC-32C no longer holds.
//
// A CRC is linear: one changed byte, wherever it stands, changes the checksum by a value that tells
// byte and place. So a record whose header, key or metadata lost one byte can still be named, and
// MANIFEST can be put back as it was. Several changed bytes are taken for one changed byte once in
// some hundred thousand cases: enough to name a record, not to believe its payload, which has
// a checksum of its own. Pure. Spec: Format.md, "Conventions".

package import CairnFormat
internal import CairnSystem

/// A record that was whole but for one byte of its header, key or metadata.
package struct MendedRecord {
    /// Where it stands.
    package let offset: UInt64
    /// As it was written.
    package let header: RecordHeader
    /// Header, key and metadata as they were written.
    package let prefix: [UInt8]
    /// Which byte of the record was changed.
    package let place: Int

    /// The key as it was written.
    package var key: [UInt8] { Array(prefix[header.keyRange]) }
    var headerCRC: UInt32 { RecordHeader.storedHeaderCRC(of: prefix.rawSpan) }
    var endOffset: UInt64 { offset + UInt64(header.recordByteCount) }
}

/// The search for the one byte that was changed.
package enum Mending {
    /// The checksum of each single byte, as part of a longer one.
    private static let table: [UInt32] = (0..<256).map { value in
        let byte = [UInt8(value)]
        let zero: [UInt8] = [0]
        return Checksum.crc32c(byte.rawSpan) ^ Checksum.crc32c(zero.rawSpan)
    }

    /// Which entry of the table has that top byte; each has another.
    private static let tops: [UInt8] = table.indices.reduce(into: Array(repeating: 0, count: 256)) {
        tops, index in tops[Int(table[index] >> 24)] = UInt8(index)
    }

    /// Where one of the last `byteCount` summed bytes was changed, counted from the end, and by
    /// which bits, when that changed the checksum by `difference`.
    static func changedByte(
        _ difference: UInt32, byteCount: Int
    ) -> (fromEnd: Int, bits: UInt8)? {
        var difference = difference
        for place in 0..<byteCount {
            let bits = tops[Int(difference >> 24)]
            if table[Int(bits)] == difference, bits != 0 { return (place, bits) }
            difference = (difference ^ table[Int(bits)]) << 8 | UInt32(bits)
        }
        return nil
    }

    /// A file that ends in the checksum of all bytes before, with the one changed byte put back.
    package static func file(_ bytes: [UInt8]) -> (bytes: [UInt8], place: Int)? {
        guard bytes.count > 4 else { return nil }
        let end = bytes.count - 4
        let stored = bytes.rawSpan.loadUInt32(at: end)
        let sum = Checksum.crc32c(bytes.rawSpan.extracting(0..<end))
        if sum == stored { return nil }
        var mended = bytes
        if let index = singleByte(sum ^ stored) {
            mended[end + index] ^= UInt8(truncatingIfNeeded: (sum ^ stored) >> UInt32(index * 8))
            return (mended, end + index)
        }
        guard let found = changedByte(sum ^ stored, byteCount: end) else { return nil }
        let place = end - 1 - found.fromEnd
        mended[place] ^= found.bits
        return (mended, place)
    }

    /// The only byte of a number that is not zero.
    private static func singleByte(_ difference: UInt32) -> Int? {
        (0..<4).first { difference & ~(0xff << UInt32($0 * 8)) == 0 }
    }
}

extension Mending {
    /// The record that stood at the start of `front` before one byte of its header, key or metadata
    /// was changed. `front` is as much of the segment from `offset` on as a record's front can be.
    package static func record(
        _ front: [UInt8], seed: SegmentSeed, offset: UInt64
    ) -> MendedRecord? {
        guard front.count >= RecordHeader.byteCount else { return nil }
        let search = RecordMending(front: front, seed: seed, offset: offset)
        return search.inMarker() ?? search.whereItStands() ?? search.inFields()
    }
}

private struct RecordMending {
    let front: [UInt8]
    let seed: SegmentSeed
    let offset: UInt64

    private var wrongMarkerBytes: [Int] {
        (0..<4).filter { front[$0] != UInt8(truncatingIfNeeded: RecordHeader.marker >> ($0 * 8)) }
    }

    /// The marker has a checksum of its own: what it must be.
    func inMarker() -> MendedRecord? {
        guard wrongMarkerBytes.count == 1, let place = wrongMarkerBytes.first else { return nil }
        var fixed = front
        fixed[place] = UInt8(truncatingIfNeeded: RecordHeader.marker >> (place * 8))
        return checked(fixed, place: place)
    }

    /// Lengths as they stand: by the difference of the checksum.
    func whereItStands() -> MendedRecord? {
        guard let header = try? RecordHeader(decoding: front.rawSpan),
            header.prefixByteCount <= front.count
        else { return nil }
        let place = Checksum.crc32c(offset, seed: seed.crc)
        let summed = front.rawSpan.extracting(8..<header.prefixByteCount)
        let sum = Checksum.crc32c(summed, seed: place)
        let difference = sum ^ RecordHeader.storedHeaderCRC(of: front.rawSpan)
        for index in 0..<4 where difference & ~(0xff << UInt32(index * 8)) == 0 {
            var fixed = front
            fixed[4 + index] ^= UInt8(truncatingIfNeeded: difference >> UInt32(index * 8))
            return checked(fixed, place: 4 + index)
        }
        let byteCount = header.prefixByteCount - 8
        guard let found = Mending.changedByte(difference, byteCount: byteCount) else { return nil }
        var fixed = front
        let changed = header.prefixByteCount - 1 - found.fromEnd
        fixed[changed] ^= found.bits
        return checked(fixed, place: changed)
    }

    /// A type or a length is another: every value of every byte is tried.
    func inFields() -> MendedRecord? {
        guard wrongMarkerBytes.isEmpty else { return nil }
        for place in 16..<32 {
            var fixed = front
            for bits in 1...255 {
                fixed[place] = front[place] ^ UInt8(bits)
                if let record = checked(fixed, place: place) { return record }
            }
        }
        return nil
    }

    private func checked(_ fixed: [UInt8], place: Int) -> MendedRecord? {
        guard let header = try? RecordHeader(decoding: fixed.rawSpan),
            header.prefixByteCount <= fixed.count,
            RecordHeader.verifyHeaderCRC(
                record: fixed.rawSpan, prefixByteCount: header.prefixByteCount, seed: seed,
                offset: offset),
            (try? RecordMetadata(of: fixed.rawSpan, header: header)) != nil
        else { return nil }
        return MendedRecord(
            offset: offset, header: header, prefix: Array(fixed.prefix(header.prefixByteCount)),
            place: place)
    }
}
