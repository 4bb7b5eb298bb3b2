// ChunkKey, Composite — a large blob: the keys of its chunks, and the record that names them.
//
// A chunk's key is the blob's id and the chunk's number; it is hashed in a domain of its own. Every
// chunk but the last decodes to exactly `chunkByteCount` bytes. The composite record's append is
// the blob's commit. Spec: Format.md, "Large blobs". Plain values; any thread.

/// The key of a chunk record.
package struct ChunkKey: Hashable, Sendable {
    /// Bytes of the key.
    package static let byteCount = 12

    /// A sequence number reserved when the upload started.
    package let blobID: UInt64
    /// From 0.
    package let chunkNumber: UInt32

    /// The key of a chunk.
    package init(blobID: UInt64, chunkNumber: UInt32) {
        self.blobID = blobID
        self.chunkNumber = chunkNumber
    }

    /// Writes the key at `offset`.
    package func encode(into bytes: inout MutableRawSpan, at offset: Int = 0) {
        bytes.store(blobID, at: offset)
        bytes.store(chunkNumber, at: offset + 8)
    }

    /// Reads a key; `bytes` is exactly it.
    package init(decoding bytes: RawSpan) throws(FormatError) {
        try bytes.checkByteCount(Self.byteCount, in: .chunkKey)
        self.init(blobID: bytes.loadUInt64(at: 0), chunkNumber: bytes.loadUInt32(at: 8))
    }
}

/// The payload of a composite record.
package struct Composite: Equatable, Sendable {
    /// Bytes of the payload.
    package static let byteCount = 32

    /// The id in the keys of the chunks.
    package let blobID: UInt64
    /// Bytes of the blob.
    package let totalByteCount: UInt64
    /// Bytes of every chunk but the last.
    package let chunkByteCount: UInt32
    /// Chunks of the blob; none when it is empty.
    package let chunkCount: UInt32

    /// A blob of `totalByteCount` bytes in chunks of `chunkByteCount`.
    package init(blobID: UInt64, totalByteCount: UInt64, chunkByteCount: Int) {
        let count = Self.chunkCount(of: totalByteCount, by: UInt64(chunkByteCount))
        self.blobID = blobID
        self.totalByteCount = totalByteCount
        self.chunkByteCount = UInt32(chunkByteCount)
        self.chunkCount = UInt32(count)
    }

    private static func chunkCount(of total: UInt64, by chunk: UInt64) -> UInt64 {
        total / chunk + (total % chunk == 0 ? 0 : 1)
    }
}

extension Composite {
    /// Bytes of one chunk once decoded; 0 for a number the blob does not have.
    package func byteCount(ofChunk number: UInt32) -> Int {
        guard number < chunkCount else { return 0 }
        let start = UInt64(number) * UInt64(chunkByteCount)
        return Int(min(UInt64(chunkByteCount), totalByteCount - start))
    }

    /// Where a chunk's bytes stand in the blob.
    package func range(ofChunk number: UInt32) -> Range<UInt64> {
        let start = min(UInt64(number) * UInt64(chunkByteCount), totalByteCount)
        return start..<start + UInt64(byteCount(ofChunk: number))
    }

    /// The chunks that hold any byte of `range`, which lies within the blob.
    package func chunks(overlapping range: Range<UInt64>) -> Range<UInt32> {
        let end = min(range.upperBound, totalByteCount)
        guard range.lowerBound < end else { return 0..<0 }
        let first = range.lowerBound / UInt64(chunkByteCount)
        let last = (end - 1) / UInt64(chunkByteCount)
        return UInt32(first)..<UInt32(last) + 1
    }
}

extension Composite {
    /// Writes the payload at `offset`.
    package func encode(into bytes: inout MutableRawSpan, at offset: Int = 0) {
        bytes.store(blobID, at: offset)
        bytes.store(totalByteCount, at: offset + 8)
        bytes.store(chunkByteCount, at: offset + 16)
        bytes.store(chunkCount, at: offset + 20)
        bytes.store(UInt64(0), at: offset + 24)
    }

    /// Reads a payload; `bytes` is exactly it.
    package init(decoding bytes: RawSpan) throws(FormatError) {
        try bytes.checkByteCount(Self.byteCount, in: .composite)
        blobID = bytes.loadUInt64(at: 0)
        totalByteCount = bytes.loadUInt64(at: 8)
        chunkByteCount = bytes.loadUInt32(at: 16)
        chunkCount = bytes.loadUInt32(at: 20)
        guard chunkByteCount >= 1, chunkByteCount <= FormatLimits.payloadByteCountMaximum else {
            throw FormatError(.invalidField("chunk length"), in: .composite, at: 16)
        }
        let expected = Self.chunkCount(of: totalByteCount, by: UInt64(chunkByteCount))
        guard UInt64(chunkCount) == expected else {
            throw FormatError(.invalidField("chunk count"), in: .composite, at: 20)
        }
    }
}
