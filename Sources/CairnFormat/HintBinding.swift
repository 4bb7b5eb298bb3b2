// HintBinding — which bytes of which segment a hint describes, and the checksums of its blocks.
//
// A hint is a cache: unless every field equals what MANIFEST says of the segment, it is rebuilt.
// Each block of a hint ends in a CRC-32C seeded by the binding and the block's offset in the file,
// so that a block of another hint, of an older one or of another place does not pass.
// Spec: Format.md, "Hint". Plain value; any thread.

internal import CairnSystem

/// What a hint is bound to.
package struct HintBinding: Equatable, Sendable {
    /// The store.
    package let uuid: StoreUUID
    /// The segment.
    package let segmentID: UInt64
    /// Where its accepted records end.
    package let logicalByteCount: UInt64
    /// The salt of its header.
    package let salt: UInt64
    /// The digest of its accepted records.
    package let digest: UInt32

    /// The binding to a segment as MANIFEST describes it.
    package init(
        uuid: StoreUUID, segmentID: UInt64, logicalByteCount: UInt64, salt: UInt64, digest: UInt32
    ) {
        self.uuid = uuid
        self.segmentID = segmentID
        self.logicalByteCount = logicalByteCount
        self.salt = salt
        self.digest = digest
    }

    /// The start of the checksums of the hint's blocks. Compute it once per hint.
    package var seed: HintSeed {
        var crc = Checksum.crc32c(uuid.high.byteSwapped, seed: 0)
        crc = Checksum.crc32c(uuid.low.byteSwapped, seed: crc)
        crc = Checksum.crc32c(segmentID, seed: crc)
        crc = Checksum.crc32c(logicalByteCount, seed: crc)
        crc = Checksum.crc32c(salt, seed: crc)
        return HintSeed(crc: Checksum.crc32c(digest, seed: crc))
    }

    /// The first field in which the hint differs from what was expected; nil when it is the one.
    func difference(from expected: HintBinding) -> String? {
        if uuid != expected.uuid { return "uuid" }
        if segmentID != expected.segmentID { return "segment id" }
        if logicalByteCount != expected.logicalByteCount { return "logical length" }
        if salt != expected.salt { return "salt" }
        return digest == expected.digest ? nil : "digest"
    }
}

/// The start of the checksums of one hint's blocks.
package struct HintSeed: Equatable, Sendable {
    let crc: UInt32

    /// The checksum of a block's contents, which stand at `offset` of the file.
    package func checksum(of contents: RawSpan, at offset: UInt64) -> UInt32 {
        Checksum.crc32c(contents, seed: Checksum.crc32c(offset, seed: crc))
    }

    /// Checks a block that stands at `offset` of the file; its contents end four bytes before it
    /// does.
    @_lifetime(copy block)
    func contents(
        of block: RawSpan, at offset: UInt64, in structure: FormatStructure
    ) throws(FormatError) -> RawSpan {
        let end = block.byteCount - 4
        guard end >= 0 else { throw FormatError(.truncated, in: structure, at: block.byteCount) }
        let contents = block.extracting(0..<end)
        guard checksum(of: contents, at: offset) == block.loadUInt32(at: end) else {
            throw FormatError(.checksumMismatch, in: structure, at: end)
        }
        return contents
    }

    /// Writes the checksum that ends a block of so many bytes into the last four of them.
    @_lifetime(block: copy block)
    func seal(_ block: inout MutableRawSpan, byteCount: Int, at offset: UInt64) {
        let end = byteCount - 4
        block.store(checksum(of: block.bytes.extracting(0..<end), at: offset), at: end)
    }

    /// Appends the checksum that ends a block whose contents are `block`.
    func seal(_ block: inout [UInt8], at offset: UInt64) {
        let crc = checksum(of: block.rawSpan, at: offset)
        for shift in [0, 8, 16, 24] as [UInt32] {
            block.append(UInt8(truncatingIfNeeded: crc >> shift))
        }
    }
}
