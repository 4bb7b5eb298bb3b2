// BlockTable — the front of a blocked payload: how the raw bytes are cut and where each block is.
//
// A payload over the block size is cut into blocks of `blockByteCount` raw bytes, the last one
// shorter, each compressed and checksummed alone; the blocks stand back to back behind the table.
// So a range read of a few bytes reads and verifies one block. The table is a view of the payload's
// bytes: no allocation. All positions count from the start of the payload.
// Spec: Format.md, "Blocked payload". Read-only; any thread.

internal import CairnSystem

/// One block of a payload.
package struct Block: Equatable, Sendable {
    /// Where the block's stored bytes are in the payload.
    package let storedRange: Range<Int>
    /// Which of the decoded bytes it holds.
    package let rawRange: Range<Int>
    /// How the stored bytes are to be decoded.
    package let codec: Codec
    /// CRC-32C of the stored bytes.
    package let crc: UInt32

    /// Whether `stored` is this block's bytes as they were written.
    package func verify(_ stored: RawSpan) -> Bool {
        stored.byteCount == storedRange.count && Checksum.crc32c(stored) == crc
    }
}

/// The table in front of the blocks.
package struct BlockTable: ~Escapable {
    package static let fixedByteCount = 8
    static let entryByteCount = 8
    /// The table of a single block.
    static let minimumByteCount = fixedByteCount + entryByteCount
    static let lz4Bit: UInt32 = 1 << 31

    private let bytes: RawSpan
    /// Raw bytes of every block but the last.
    package let blockByteCount: Int
    /// Blocks in the payload; at least one.
    package let blockCount: Int
    /// Bytes of the whole payload once decoded.
    package let rawByteCount: Int

    /// Reads and checks the table at the start of `payload`, which is the payload or the front of
    /// it; blocks need not be there. `header` is the valid header of a blocked record.
    @_lifetime(copy payload)
    package init(decoding payload: RawSpan, header: RecordHeader) throws(FormatError) {
        let byteCount = try Self.byteCount(decoding: payload, header: header)
        guard payload.byteCount >= byteCount else {
            throw FormatError(.truncated, in: .blockTable, at: payload.byteCount)
        }
        bytes = payload.extracting(0..<byteCount)
        guard Checksum.crc32c(bytes) == header.payloadCRC else {
            throw FormatError(.checksumMismatch, in: .blockTable, at: 0)
        }
        blockByteCount = Int(bytes.loadUInt32(at: 0))
        blockCount = Int(bytes.loadUInt32(at: 4))
        rawByteCount = header.rawByteCount
        try checkEntries(storedByteCount: header.storedByteCount)
    }

    /// Bytes of the table itself; the first block stands behind it.
    package var byteCount: Int { Self.fixedByteCount + blockCount * Self.entryByteCount }

    /// How many blocks `rawByteCount` bytes make.
    package static func blockCount(rawByteCount: Int, blockByteCount: Int) -> Int {
        rawByteCount / blockByteCount + (rawByteCount % blockByteCount == 0 ? 0 : 1)
    }

    /// Bytes of the table for a payload of `rawByteCount` bytes.
    package static func byteCount(rawByteCount: Int, blockByteCount: Int) -> Int {
        let count = blockCount(rawByteCount: rawByteCount, blockByteCount: blockByteCount)
        return fixedByteCount + count * entryByteCount
    }
}

extension BlockTable {
    /// Bytes of the table that starts `payload`, told from its first eight bytes alone; how much
    /// to read before the table can be decoded.
    package static func byteCount(
        decoding payload: RawSpan, header: RecordHeader
    ) throws(FormatError) -> Int {
        guard payload.byteCount >= fixedByteCount else {
            throw FormatError(.truncated, in: .blockTable, at: payload.byteCount)
        }
        let blockByteCount = Int(payload.loadUInt32(at: 0))
        guard
            blockByteCount >= FormatLimits.blockByteCountMinimum,
            blockByteCount <= FormatLimits.blockByteCountMaximum
        else { throw FormatError(.invalidField("block length"), in: .blockTable, at: 0) }
        let count = blockCount(rawByteCount: header.rawByteCount, blockByteCount: blockByteCount)
        guard Int(payload.loadUInt32(at: 4)) == count else {
            throw FormatError(.invalidField("block count"), in: .blockTable, at: 4)
        }
        let byteCount = fixedByteCount + count * entryByteCount
        guard byteCount < header.storedByteCount else {
            throw FormatError(.invalidField("block count"), in: .blockTable, at: 4)
        }
        return byteCount
    }

    private func checkEntries(storedByteCount: Int) throws(FormatError) {
        var offset = byteCount
        for index in 0..<blockCount {
            let block = block(index, at: offset)
            let raw = block.rawRange.count
            let stored = block.storedRange.count
            guard block.codec == .raw ? stored == raw : stored >= 1 && stored < raw else {
                throw FormatError(
                    .invalidField("stored length"), in: .blockTable, at: entryOffset(index))
            }
            offset += stored
        }
        guard offset == storedByteCount else {
            throw FormatError(
                .invalidField("sum of stored lengths"), in: .blockTable, at: Self.fixedByteCount)
        }
    }
}

extension BlockTable {
    private func entryOffset(_ index: Int) -> Int {
        Self.fixedByteCount + index * Self.entryByteCount
    }

    private func storedByteCount(ofBlock index: Int) -> Int {
        Int(bytes.loadUInt32(at: entryOffset(index)) & ~Self.lz4Bit)
    }

    /// The block `index`, whose stored bytes start at `offset`: the end of the block before it, or
    /// `byteCount` for the first. For walking over consecutive blocks.
    package func block(_ index: Int, at offset: Int) -> Block {
        precondition(index >= 0 && index < blockCount, "a block index is below the block count")
        let length = bytes.loadUInt32(at: entryOffset(index))
        let start = index * blockByteCount
        return Block(
            storedRange: offset..<offset + Int(length & ~Self.lz4Bit),
            rawRange: start..<min(start + blockByteCount, rawByteCount),
            codec: length & Self.lz4Bit == 0 ? .raw : .lz4,
            crc: bytes.loadUInt32(at: entryOffset(index) + 4))
    }

    /// The block `index`. Adds up the lengths of those before it.
    package func block(_ index: Int) -> Block {
        block(index, at: storedOffset(ofBlock: index))
    }

    /// Where the stored bytes of the block `index` start; for `blockCount`, where the last ends.
    package func storedOffset(ofBlock index: Int) -> Int {
        var offset = byteCount
        for earlier in 0..<index { offset += storedByteCount(ofBlock: earlier) }
        return offset
    }

    /// The blocks that hold any of the decoded bytes in `range`, clipped to the payload.
    package func blocks(overlapping range: Range<Int>) -> Range<Int> {
        let range = range.clamped(to: 0..<rawByteCount)
        guard !range.isEmpty else { return 0..<0 }
        return range.lowerBound / blockByteCount..<(range.upperBound - 1) / blockByteCount + 1
    }

    /// Where the stored bytes of consecutive blocks stand: what to read for a range.
    package func storedRange(ofBlocks blocks: Range<Int>) -> Range<Int> {
        let start = storedOffset(ofBlock: blocks.lowerBound)
        var end = start
        for index in blocks { end += storedByteCount(ofBlock: index) }
        return start..<end
    }
}

extension BlockTable {
    /// Writes the front of a table at `offset`; the entries follow by `encodeEntry`.
    package static func encodeFront(
        rawByteCount: Int, blockByteCount: Int, into bytes: inout MutableRawSpan, at offset: Int = 0
    ) {
        let limits = FormatLimits.blockByteCountMinimum...FormatLimits.blockByteCountMaximum
        precondition(limits.contains(blockByteCount), "the block size is within its bounds")
        let count = blockCount(rawByteCount: rawByteCount, blockByteCount: blockByteCount)
        bytes.store(UInt32(blockByteCount), at: offset)
        bytes.store(UInt32(count), at: offset + 4)
    }

    /// Writes the entry of the block `index` into the table that starts at `offset`.
    package static func encodeEntry(
        _ index: Int, storedByteCount: Int, codec: Codec, crc: UInt32,
        into bytes: inout MutableRawSpan, at offset: Int = 0
    ) {
        let place = offset + fixedByteCount + index * entryByteCount
        let bit = codec == .lz4 ? lz4Bit : 0
        bytes.store(UInt32(storedByteCount) | bit, at: place)
        bytes.store(crc, at: place + 4)
    }
}
