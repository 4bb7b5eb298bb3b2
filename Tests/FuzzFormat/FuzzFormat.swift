// fuzz-format — arbitrary bytes for what reads a store's files.
//
// The first byte of an input says which structure the rest is. Checksums are put right before it is read, for
// no fuzzer finds them, and damage that they let pass must do no harm either. Whatever the bytes are, nothing
// traps and no memory is touched that is not theirs; what was read can be written and read again. Built and run by
// tools/fuzz, with libFuzzer.

import CairnFormat
import CairnSystem
import FuzzDriver

@main
private enum FuzzFormat {
    static func main() {
        fuzz { choice, bytes in
            let structure = Structure.allCases[Int(choice) % Structure.allCases.count]
            // A structure of the file is right, or says what is wrong.
            try? structure.read(bytes)
        }
    }
}

/// What a file of a store is made of.
private enum Structure: CaseIterable {
    case record, metadata, blockTable, composite, chunkKey, seal, segmentHeader, manifest, identity
    case hintHeader, keyBlock, compressed, plainRecord

    func read(_ bytes: [UInt8]) throws {
        switch self {
        case .record: try Self.readRecord(bytes)
        case .metadata: _ = try RecordMetadata(decoding: bytes.rawSpan)
        case .blockTable: try Self.readBlockTable(bytes)
        case .composite: try Self.readComposite(bytes)
        case .chunkKey:
            let key = try ChunkKey(decoding: bytes.rawSpan)
            var encoded = [UInt8](repeating: 0, count: ChunkKey.byteCount)
            encoded.withMutableRawSpan { key.encode(into: &$0) }
            precondition(encoded == bytes, "a chunk's key has one encoding")
        case .seal: try Self.readSeal(bytes)
        case .segmentHeader: _ = try SegmentHeader(decoding: bytes.rawSpan)
        case .manifest: try Self.readManifest(bytes)
        case .identity: _ = try StoreIdentity(decoding: Self.mended(bytes, "CairnSto").rawSpan)
        case .hintHeader:
            let mended = Self.mended(bytes, "CairnHnt")
            let header = try HintHeader(
                decoding: mended.rawSpan, fileByteCount: UInt64(mended.count))
            for section in HintSection.allCases {
                precondition(
                    header.range(of: section).upperBound <= UInt64(mended.count),
                    "a section is of the file")
            }
        case .keyBlock: try Self.readKeyBlock(bytes)
        case .compressed: Self.decompress(bytes)
        case .plainRecord: Self.readPlainRecord(bytes)
        }
    }

    /// With its magic number in front, and its checksum behind.
    private static func mended(_ bytes: [UInt8], _ magic: StaticString) -> [UInt8] {
        guard bytes.count >= 12 else { return bytes }
        var mended = magic.rawSpan.copyBytes() + bytes[8...]
        let end = mended.count - 4
        store(Checksum.crc32c(mended.rawSpan.extracting(0..<end)), in: &mended, at: end)
        return mended
    }

    private static func store(_ number: UInt32, in bytes: inout [UInt8], at offset: Int) {
        for place in 0..<4 {
            bytes[offset + place] = UInt8(truncatingIfNeeded: number >> (8 * place))
        }
    }

    // MARK: Records

    private static func readRecord(_ bytes: [UInt8]) throws {
        let header = try RecordHeader(decoding: bytes.rawSpan)
        precondition(header.prefixByteCount <= header.recordByteCount, "a record holds its prefix")
        guard header.recordByteCount <= bytes.count else { return }
        let record = bytes.rawSpan.extracting(0..<header.recordByteCount)
        _ = header.verifyPayload(record.extracting(header.payloadRange))
        _ = try RecordMetadata(decoding: record.extracting(header.metadataRange))
    }

    /// What the short way of reading accepts the long one does, too.
    private static func readPlainRecord(_ bytes: [UInt8]) {
        guard bytes.count >= RecordHeader.byteCount else { return }
        let prefixByteCount = RecordHeader.byteCount + Int(bytes[20]) + Int(bytes[21]) << 8
        guard RecordHeader.byteCount < prefixByteCount, prefixByteCount <= bytes.count else {
            return
        }
        let stored = min(Int(bytes.rawSpan.loadUInt32(at: 24)), bytes.count - prefixByteCount)
        let payload = bytes.rawSpan.extracting(prefixByteCount..<prefixByteCount + stored)
        let crc = Checksum.crc32c(payload)
        let seed = SegmentSeed(salt: 1, segmentID: 2)
        var record = bytes
        record.withMutableRawSpan { span in
            span.storeBytes(of: RecordHeader.marker, toByteOffset: 0, as: UInt32.self)
            span.storeBytes(of: crc, toByteOffset: 32, as: UInt32.self)
            _ = RecordHeader.writeHeaderCRC(
                into: &span, prefixByteCount: prefixByteCount, seed: seed, offset: 4096)
        }
        let key = record.rawSpan.extracting(RecordHeader.byteCount..<prefixByteCount)
        guard
            let plain = PlainRecord(
                verifying: record.rawSpan, key: key, seed: seed, offset: 4096)
        else { return }
        let header = try? RecordHeader(verifying: record.rawSpan, seed: seed, offset: 4096)
        precondition(
            header?.type == .put && header?.sequence == plain.sequence
                && header?.payloadRange == plain.payloadRange
                && header?.rawByteCount == plain.rawByteCount
                && header?.codec == (plain.isCompressed ? .lz4 : .raw),
            "what is plain is what its header says")
    }

    /// The table of a record whose header says what the first bytes do.
    private static func readBlockTable(_ bytes: [UInt8]) throws {
        guard bytes.count > 8 else { return }
        let payload = Array(bytes[8...])
        let rawByteCount = (0..<4).reduce(0) { $0 << 8 | Int(bytes[$1]) }
        let tableByteCount = min(payload.count, 8 + Int(bytes[4]) * 8)
        let header = RecordHeader(
            sequence: 1, type: .put, codec: .lz4, flags: .blocked, keyByteCount: 1,
            storedByteCount: payload.count, rawByteCount: rawByteCount,
            payloadCRC: Checksum.crc32c(payload.rawSpan.extracting(0..<tableByteCount)))
        let table = try BlockTable(decoding: payload.rawSpan, header: header)
        for range in [0..<rawByteCount, 0..<min(1, rawByteCount)] where !range.isEmpty {
            let blocks = table.blocks(overlapping: range)
            precondition(
                table.storedRange(ofBlocks: blocks).upperBound <= payload.count,
                "blocks are of the payload")
        }
    }

    private static func readComposite(_ bytes: [UInt8]) throws {
        let composite = try Composite(decoding: bytes.rawSpan)
        var encoded = [UInt8](repeating: 0, count: Composite.byteCount)
        encoded.withMutableRawSpan { composite.encode(into: &$0) }
        let again = try Composite(decoding: encoded.rawSpan)
        precondition(again == composite, "what is read can be written")
    }

    private static func readSeal(_ bytes: [UInt8]) throws {
        let seal = try Seal(decoding: bytes.rawSpan)
        precondition(seal.minKey.count <= bytes.count && seal.maxKey.count <= bytes.count)
    }

    // MARK: Files

    private static func readManifest(_ bytes: [UInt8]) throws {
        let mended = mended(bytes, "CairnMan")
        let manifest = try Manifest(decoding: mended.rawSpan)
        let again = try Manifest(decoding: manifest.encoded().rawSpan)
        precondition(again.entries.count == manifest.entries.count, "what is read can be written")
    }

    private static func readKeyBlock(_ bytes: [UInt8]) throws {
        guard bytes.count >= 4 else { return }
        let seed = HintBinding(
            uuid: StoreUUID(high: 1, low: 2), segmentID: 3, logicalByteCount: 4, salt: 5, digest: 6
        ).seed
        var sealed = bytes
        let end = bytes.count - 4
        store(
            seed.checksum(of: bytes.rawSpan.extracting(0..<end), at: 0), in: &sealed, at: end)
        let block = try HintKeyBlock(decoding: sealed.rawSpan, at: 0, seed: seed)
        var cursor = block.cursor()
        var keyCount = 0
        while try cursor.advance() {
            precondition(!cursor.key.isEmpty, "keys have bytes")
            keyCount += 1
        }
        precondition(keyCount <= bytes.count, "each key takes a byte at least")
        _ = try block.cursor(notBelow: bytes.rawSpan)
    }

    private static func decompress(_ bytes: [UInt8]) {
        guard bytes.count > 2 else { return }
        let byteCount = Int(bytes[0]) << 8 | Int(bytes[1])
        let target = AlignedBuffer(byteCount: max(1, byteCount))
        var room = target.mutableBytes(0..<byteCount)
        let written = LZ4.decompress(bytes.rawSpan.extracting(2..<bytes.count), into: &room)
        precondition(written.map { $0 <= byteCount } ?? true, "what is written has room")
    }
}
