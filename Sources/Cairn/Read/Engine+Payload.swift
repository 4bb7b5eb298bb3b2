// Payloads: verified, decoded, cut to the range that was asked for.
//
// A whole payload is verified whole, however small the range. A blocked one is verified block by
// block, and read in windows that stay in the cache between the read and its checksum.

internal import CairnFormat
internal import CairnSystem

extension Engine {
    /// Hands over `range` of the decoded payload. `scratch.record` holds the record's first
    /// `count` bytes.
    func deliverPayload(
        of header: RecordHeader, _ location: Location, _ key: RawSpan, _ range: Range<Int>,
        _ scratch: ReadScratch, _ count: Int, _ sink: inout some BlobSink
    ) throws(StoreError) {
        if header.flags.contains(.blocked) {
            return try deliverBlocks(of: header, location, key, range, scratch, count, &sink)
        }
        let end = header.unpaddedByteCount
        if count < end {
            let more = try fetch(location, from: count, byteCount: end - count, scratch)
            guard count + more >= end else { throw damaged(key, location, "its bytes end early") }
        }
        let record = scratch.record
        let stored = record.bytes(header.payloadRange)
        guard
            PlantedBug.payloadChecksumIgnored.isPlanted
                || Checksum.crc32c(stored) == header.payloadCRC
        else {
            throw damaged(key, location, "the checksum of its payload does not match")
        }
        if header.codec == .raw {
            let start = header.payloadRange.lowerBound
            return try sink.take(record, start + range.lowerBound..<start + range.upperBound)
        }
        let decoded = try decode(stored, header.rawByteCount, location, key, scratch)
        try sink.take(decoded, range)
    }

    private func decode(
        _ stored: RawSpan, _ rawByteCount: Int, _ location: Location, _ key: RawSpan,
        _ scratch: ReadScratch
    ) throws(StoreError) -> AlignedBuffer {
        let buffer = scratch.decodedBuffer(rawByteCount)
        var target = buffer.mutableBytes(0..<rawByteCount)
        guard LZ4.decompress(stored, into: &target) == rawByteCount else {
            throw damaged(key, location, "it does not decompress to its length")
        }
        return buffer
    }

    // MARK: Blocks

    /// Hands over the wanted part of a blocked payload. What came with the record's front is used;
    /// the rest comes window by window into one small buffer, so that each byte is still in the
    /// cache when its checksum is computed and when its receiver looks at it.
    private func deliverBlocks(
        of header: RecordHeader, _ location: Location, _ key: RawSpan, _ range: Range<Int>,
        _ scratch: ReadScratch, _ count: Int, _ sink: inout some BlobSink
    ) throws(StoreError) {
        var count = count
        let table = try tableBytes(of: header, location, key, scratch, &count)
        let entries: BlockTable
        do {
            entries = try BlockTable(decoding: table.rawSpan, header: header)
        } catch {
            throw damaged(key, location, "\(error)")
        }
        let wanted = entries.blocks(overlapping: range)
        var offset = header.prefixByteCount + entries.storedOffset(ofBlock: wanted.lowerBound)
        // Beyond the wanted blocks nothing is read.
        let wantedEnd = header.prefixByteCount + entries.storedOffset(ofBlock: wanted.upperBound)
        var buffer = scratch.record
        var held = 0..<count
        var skew = 0
        for number in wanted {
            let block = entries.block(number, at: offset - header.prefixByteCount)
            let end = offset + block.storedRange.count
            if end > held.upperBound || offset < held.lowerBound {
                let limit = min(wantedEnd, max(end, offset + ReadScratch.windowByteCount))
                // At the same place of a page as in the file: the kernel copies faster so.
                skew = Int(truncatingIfNeeded: location.offset &+ UInt64(offset)) & 4095
                buffer = scratch.windowBuffer(skew + limit - offset)
                let more = try fetch(
                    location, from: offset, byteCount: limit - offset, to: skew, of: buffer,
                    scratch)
                held = offset..<offset + more
            }
            guard end <= held.upperBound else {
                throw damaged(key, location, "its bytes end early")
            }
            let place = skew + offset - held.lowerBound
            try deliver(
                block, buffer.bytes(place..<place + block.storedRange.count), location, key, range,
                scratch, &sink)
            offset = end
        }
    }

    private func deliver(
        _ block: Block, _ stored: RawSpan, _ location: Location, _ key: RawSpan,
        _ range: Range<Int>, _ scratch: ReadScratch, _ sink: inout some BlobSink
    ) throws(StoreError) {
        guard PlantedBug.blockChecksumIgnored.isPlanted || block.verify(stored) else {
            throw damaged(
                key, location,
                "the checksum of its block at \(block.rawRange.lowerBound) "
                    + "does not match")
        }
        let wanted = range.clamped(to: block.rawRange)
        let start = wanted.lowerBound - block.rawRange.lowerBound
        let cut = start..<start + wanted.count
        if block.codec == .raw { return try sink.take(stored.extracting(cut)) }
        let decoded = try decode(stored, block.rawRange.count, location, key, scratch)
        try sink.take(decoded.bytes(cut))
    }

    /// A copy of the block table, read completely.
    private func tableBytes(
        of header: RecordHeader, _ location: Location, _ key: RawSpan, _ scratch: ReadScratch,
        _ count: inout Int
    ) throws(StoreError) -> [UInt8] {
        let start = header.prefixByteCount
        let frontEnd = start + BlockTable.fixedByteCount
        if count < frontEnd {
            count = try fetch(location, from: 0, byteCount: frontEnd, scratch)
        }
        let byteCount: Int
        do {
            let record = scratch.record
            let front = record.bytes(start..<max(start, min(count, frontEnd)))
            byteCount = try BlockTable.byteCount(decoding: front, header: header)
        } catch {
            throw damaged(key, location, "\(error)")
        }
        if count < start + byteCount {
            count = try fetch(location, from: 0, byteCount: start + byteCount, scratch)
        }
        guard count >= start + byteCount else {
            throw damaged(key, location, "its bytes end early")
        }
        let record = scratch.record
        return record.bytes(start..<start + byteCount).copyBytes()
    }
}
