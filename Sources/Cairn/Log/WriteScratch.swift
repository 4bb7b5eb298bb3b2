// WriteScratch — what one thread needs to prepare a record: compressor, output, encoded metadata.
//
// Preparation happens outside every lock: payload into blocks, each compressed if that gains an
// eighth, each with its checksum. Nothing here is shared between threads; a scratch is taken and
// given back by its thread. Memory: at most one payload of `chunkByteCount` and its prefix.

internal import CairnFormat
internal import CairnSystem

/// A payload that is ready to be stored.
struct PreparedPayload {
    var codec = Codec.raw
    var flags = RecordFlags.none
    var rawByteCount = 0
    var payloadCRC: UInt32 = 0
    /// Bytes of `WriteScratch.output` that come first.
    var outputByteCount = 0
    /// Whether the caller's bytes follow, whole.
    var usesSource = false

    var storedByteCount: Int { outputByteCount + (usesSource ? rawByteCount : 0) }
}

/// Never used by two threads at once: it belongs to the thread that took it.
final class WriteScratch: @unchecked Sendable {
    let waiter = Waiter()
    let parker = Parker()
    private let compressor = LZ4Compressor()
    private let probe = AlignedBuffer(byteCount: 1024)
    private(set) var output = AlignedBuffer(byteCount: 4096)
    private(set) var head = AlignedBuffer(byteCount: 4096)
    private(set) var metadataBuffer = AlignedBuffer(byteCount: 256)
    private var isTaken = false

    /// Prepares a blob's or chunk's bytes. The result refers to `output` and to `source`.
    func prepare(_ source: RawSpan, compresses: Bool, blockByteCount: Int) -> PreparedPayload {
        source.byteCount > blockByteCount
            ? prepareBlocked(source, compresses: compresses, blockByteCount: blockByteCount)
            : prepareWhole(source, compresses: compresses)
    }

    private func prepareWhole(_ source: RawSpan, compresses: Bool) -> PreparedPayload {
        var payload = PreparedPayload()
        payload.rawByteCount = source.byteCount
        if compresses, let count = compress(source, at: 0) {
            payload.codec = .lz4
            payload.outputByteCount = count
            payload.payloadCRC = outputCRC(0..<count)
        } else {
            payload.usesSource = true
            payload.payloadCRC = Checksum.crc32c(source)
        }
        return payload
    }

    /// The table, then the blocks. When nothing shrinks, the caller's bytes follow the table as
    /// they are and are not copied.
    private func prepareBlocked(
        _ source: RawSpan, compresses: Bool, blockByteCount: Int
    ) -> PreparedPayload {
        let tableByteCount = BlockTable.byteCount(
            rawByteCount: source.byteCount, blockByteCount: blockByteCount)
        let copies = compresses && isWorthCompressing(source)
        ensureOutput(tableByteCount + (copies ? source.byteCount : 0))
        encodeFront(source.byteCount, blockByteCount)
        var end = tableByteCount
        var start = 0
        while start < source.byteCount {
            let block = source.extracting(start..<min(start + blockByteCount, source.byteCount))
            end += storeBlock(block, start / blockByteCount, at: end, copies: copies)
            start += blockByteCount
        }
        var payload = PreparedPayload()
        payload.flags = .blocked
        payload.rawByteCount = source.byteCount
        payload.outputByteCount = end
        payload.usesSource = !copies
        payload.payloadCRC = outputCRC(0..<tableByteCount)
        return payload
    }

    /// Judges by a KiB at each quarter, so that a compressed head does not hide a plain body.
    private func isWorthCompressing(_ source: RawSpan) -> Bool {
        guard source.byteCount >= 4096 else { return true }
        let quarter = source.byteCount / 4
        return (0..<4).contains { part in
            let start = min(part * quarter, source.byteCount - 1024)
            return shrinks(source.extracting(start..<start + 1024))
        }
    }

    private func encodeFront(_ rawByteCount: Int, _ blockByteCount: Int) {
        let output = output
        var target = output.mutableBytes(0..<output.byteCount)
        BlockTable.encodeFront(
            rawByteCount: rawByteCount, blockByteCount: blockByteCount, into: &target)
    }

    /// Stores a block's entry and, when blocks are copied, its bytes. Returns how many bytes of
    /// `output` the block takes.
    private func storeBlock(
        _ block: RawSpan, _ number: Int, at offset: Int, copies: Bool
    ) -> Int {
        let compressed = copies ? compress(block, at: offset) : nil
        let output = output
        var target = output.mutableBytes(0..<output.byteCount)
        let crc: UInt32
        if let compressed {
            crc = outputCRC(offset..<offset + compressed)
        } else {
            crc = Checksum.crc32c(block)
            if copies { target.copy(from: block, to: offset) }
        }
        BlockTable.encodeEntry(
            number, storedByteCount: compressed ?? block.byteCount,
            codec: compressed == nil ? .raw : .lz4, crc: crc, into: &target)
        return copies ? compressed ?? block.byteCount : 0
    }

    /// Shorter payloads are never compressed.
    static let compressedByteCountMinimum = 128

    /// Compresses into `output` at `offset`; nil when it gains less than an eighth.
    /// Values of 4 KiB and more are judged by their first KiB: incompressible data costs 0.3 µs.
    private func compress(_ source: RawSpan, at offset: Int) -> Int? {
        guard source.byteCount >= Self.compressedByteCountMinimum else { return nil }
        if source.byteCount >= 4096, !shrinks(source.extracting(0..<1024)) { return nil }
        let limit = source.byteCount - source.byteCount / 8
        ensureOutput(offset + limit)
        let output = output
        var target = output.mutableBytes(offset..<offset + limit)
        return compressor.compress(
            source, into: &target, acceleration: source.byteCount <= 16 << 10 ? 4 : 1)
    }

    private func shrinks(_ sample: RawSpan) -> Bool {
        let limit = sample.byteCount - sample.byteCount / 8
        let probe = probe
        var target = probe.mutableBytes(0..<limit)
        return compressor.compress(sample, into: &target, acceleration: 1) != nil
    }

    private func outputCRC(_ range: Range<Int>) -> UInt32 {
        let output = output
        return Checksum.crc32c(output.bytes(range))
    }

    private func ensureOutput(_ byteCount: Int) {
        output = Self.grown(output, to: byteCount)
    }

    /// A buffer for the encoded prefix of a record that is written past the log's buffers.
    func headBytes(_ byteCount: Int) -> AlignedBuffer {
        head = Self.grown(head, to: byteCount)
        return head
    }

    /// Encodes the metadata of a record; returns its length in `metadataBuffer`.
    func encodeMetadata(
        user: RawSpan, expiry: WallTime? = nil, batch: BatchMembership? = nil
    ) -> Int {
        let byteCount = RecordMetadata.byteCount(
            hasExpiry: expiry != nil, isBatchMember: batch != nil, userByteCount: user.byteCount)
        guard byteCount > 0 else { return 0 }
        metadataBuffer = Self.grown(metadataBuffer, to: byteCount)
        let buffer = metadataBuffer
        var target = buffer.mutableBytes(0..<byteCount)
        return RecordMetadata.encode(
            expiry: expiry?.nanosecondsSince1970, batch: batch, user: user, into: &target)
    }

    private static func grown(_ buffer: AlignedBuffer, to byteCount: Int) -> AlignedBuffer {
        guard buffer.byteCount < byteCount else { return buffer }
        let larger = AlignedBuffer(byteCount: (byteCount + 4095) & ~4095)
        larger.copy(from: buffer.bytes, to: 0)
        return larger
    }
}

/// One for each thread.
private let threadScratch = ThreadLocal { WriteScratch() }

extension WriteScratch {
    /// This thread's scratch, or a fresh one while a caller further up the stack uses that (a
    /// callback that writes). Give it back.
    static func take() -> WriteScratch {
        let own = threadScratch.value
        let scratch = own.isTaken ? WriteScratch() : own
        scratch.isTaken = true
        return scratch
    }

    func giveBack() { isTaken = false }
}
