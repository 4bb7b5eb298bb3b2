// BlockTableTests — cutting payloads into blocks and finding the blocks of a range.

import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Block table") struct BlockTableTests {
    /// A payload whose block i is stored in `stored[i]` bytes, and its header.
    private func payload(
        raw: Int, block: Int, stored: [Int], extra: Int = 0
    ) -> (bytes: [UInt8], header: RecordHeader) {
        let tableByteCount = BlockTable.byteCount(rawByteCount: raw, blockByteCount: block)
        var bytes = [UInt8](repeating: 0, count: tableByteCount)
        bytes.withMutableRawSpan { span in
            BlockTable.encodeFront(rawByteCount: raw, blockByteCount: block, into: &span)
            for (index, count) in stored.enumerated() {
                let rawCount = min(block, raw - index * block)
                BlockTable.encodeEntry(
                    index, storedByteCount: count, codec: count < rawCount ? .lz4 : .raw,
                    crc: UInt32(index), into: &span)
            }
        }
        let header = RecordHeader(
            sequence: 1, type: .put, flags: .blocked, keyByteCount: 1,
            storedByteCount: tableByteCount + stored.reduce(0, +) + extra, rawByteCount: raw,
            payloadCRC: Fixture.crc(bytes))
        return (bytes, header)
    }

    private func error(_ bytes: [UInt8], _ header: RecordHeader) -> FormatError? {
        do throws(FormatError) {
            _ = try BlockTable(decoding: bytes.rawSpan, header: header)
            return nil
        } catch { return error }
    }

    @Test("blocks stand back to back behind the table and cover the payload")
    func layout() throws {
        let (bytes, header) = payload(raw: 250, block: 100, stored: [100, 40, 50])
        let table = try BlockTable(decoding: bytes.rawSpan, header: header)
        #expect(table.blockCount == 3 && table.byteCount == 32 && table.blockByteCount == 100)
        #expect(table.block(0).storedRange == 32..<132 && table.block(0).rawRange == 0..<100)
        #expect(table.block(1).storedRange == 132..<172 && table.block(1).rawRange == 100..<200)
        #expect(table.block(2).storedRange == 172..<222 && table.block(2).rawRange == 200..<250)
        #expect([0, 1, 2].map { table.block($0).codec } == [.raw, .lz4, .raw])
        #expect(table.storedOffset(ofBlock: 3) == header.storedByteCount)
        #expect(table.block(2, at: 172) == table.block(2))
    }

    @Test("a range finds exactly the blocks that hold it")
    func ranges() throws {
        let (bytes, header) = payload(raw: 250, block: 100, stored: [100, 40, 50])
        let table = try BlockTable(decoding: bytes.rawSpan, header: header)
        for lower in 0..<250 {
            for upper in lower...260 {
                let found = table.blocks(overlapping: lower..<upper)
                let expected = (0..<3).filter { table.block($0).rawRange.overlaps(lower..<upper) }
                #expect(Array(found) == expected)
            }
        }
        #expect(table.storedRange(ofBlocks: 1..<3) == 132..<222)
        #expect(table.storedRange(ofBlocks: 0..<3) == 32..<222)
        #expect(table.blocks(overlapping: 250..<300).isEmpty)
        #expect(table.blocks(overlapping: -5..<1) == 0..<1)
    }

    @Test("the first eight bytes tell how long the table is")
    func tableLength() throws {
        let (bytes, header) = payload(raw: 250, block: 100, stored: [100, 100, 50])
        let front = Array(bytes[..<8])
        #expect(try BlockTable.byteCount(decoding: front.rawSpan, header: header) == bytes.count)
        #expect(error(front, header)?.kind == .truncated)
        #expect(error(bytes, header) == nil)
    }

    @Test(
        "a payload of one block, of exact blocks and of the default size",
        arguments: [(1, 16), (16, 16), (32, 16), (1 << 20, 65_536), ((1 << 20) + 1, 65_536)])
    func sizes(raw: Int, block: Int) throws {
        let count = BlockTable.blockCount(rawByteCount: raw, blockByteCount: block)
        let stored = (0..<count).map { min(block, raw - $0 * block) }
        let (bytes, header) = payload(raw: raw, block: block, stored: stored)
        let table = try BlockTable(decoding: bytes.rawSpan, header: header)
        #expect(table.blockCount == count && table.rawByteCount == raw)
        #expect(table.block(count - 1).rawRange.upperBound == raw)
    }

    @Test("lengths that do not add up are refused")
    func inconsistent() {
        var (bytes, header) = payload(raw: 250, block: 100, stored: [100, 40, 50], extra: 1)
        #expect(error(bytes, header)?.kind == .invalidField("sum of stored lengths"))
        (bytes, header) = payload(raw: 250, block: 100, stored: [101, 40, 50])
        #expect(error(bytes, header)?.kind == .invalidField("stored length"))
        (bytes, header) = payload(raw: 250, block: 100, stored: [100, 0, 50])
        #expect(error(bytes, header)?.kind == .invalidField("stored length"))
        (bytes, header) = payload(raw: 250, block: 100, stored: [100, 40, 50])
        header.rawByteCount = 301
        #expect(error(bytes, header)?.kind == .invalidField("block count"))
        header.rawByteCount = 250
        header.payloadCRC ^= 1
        #expect(error(bytes, header)?.kind == .checksumMismatch)
    }

    @Test("a table that claims all of the payload, or more, is refused")
    func tableTooLong() {
        let (bytes, original) = payload(raw: 250, block: 16, stored: [])
        var header = original
        header.storedByteCount = bytes.count
        #expect(error(bytes, header)?.kind == .invalidField("block count"))
    }

    @Test(
        "block sizes out of bounds are refused", arguments: [0, 1, 15, (1 << 24) + 1, 0xFFFF_FFFF])
    func blockSize(size: UInt32) {
        var (bytes, header) = payload(raw: 250, block: 100, stored: [100, 40, 50])
        bytes.withMutableRawSpan { $0.store(size, at: 0) }
        header.payloadCRC = Fixture.crc(bytes)
        #expect(error(bytes, header)?.kind == .invalidField("block length"))
    }

    @Test("a block's checksum notices other bytes and other lengths")
    func blockChecksum() throws {
        let payload = Fixture.blockedPayload
        let table = try BlockTable(
            decoding: payload.rawSpan, header: RecordParts.putBlocked.header)
        let block = table.block(1)
        func passes(_ range: Range<Int>) -> Bool {
            block.verify(payload.rawSpan.extracting(range))
        }
        let (start, end) = (block.storedRange.lowerBound, block.storedRange.upperBound)
        #expect(passes(start..<end))
        #expect(!passes(start + 1..<end + 1))
        #expect(!passes(start..<end - 1))
    }
}
