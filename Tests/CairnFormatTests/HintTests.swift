// HintTests — hints of many rows and keys against plain sorting, and hints that are not what they
// claim to be.

import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Hint") struct HintTests {
    /// Random records: few enough distinct keys that many have several versions.
    private func records(_ count: Int, with random: inout TestRandom) -> [HintedRecord] {
        (0..<count).map { index in
            let number = random.below(count)
            let key = Fixture.utf8("directory/\(number % 7)/file-\(number)")
            return Fixture.hinted(
                random.chance(1, in: 5) ? .delete : .put, key: key, sequence: UInt64(index) + 1,
                offset: 4_096 + UInt64(index) * 128,
                expiry: random.chance(1, in: 9) ? random.next() | 1 : 0)
        }
    }

    @Test("rows come out sorted by hash and as they went in", arguments: [64, 256, 65_536])
    func rows(blockByteCount: Int) throws {
        var random = TestRandom.reported("rows come out sorted by hash")
        let records = records(3_000, with: &random)
        let bytes = Fixture.hint(of: records, blockByteCount: blockByteCount)
        let hint = try Hint(decoding: bytes.rawSpan)
        try hint.checkAll()
        let expected = records.map(\.row).sorted { $0.precedes($1) }
        #expect(hint.header.rowCount == expected.count)
        for (number, row) in expected.enumerated() {
            #expect(try hint.row(number) == row)
        }
        #expect(hint.header.putCount == expected.count { $0.type == .put })
        #expect(hint.header.deleteCount == expected.count { $0.type == .delete })
    }

    @Test("tens of thousands of rows, sorted and merged in steps, come out whole")
    func manyRows() throws {
        var random = TestRandom.reported("tens of thousands of rows")
        let records = records(70_000, with: &random)
        let binding = HintBinding(
            uuid: Fixture.uuid, segmentID: Fixture.segmentID, logicalByteCount: 1 << 28,
            salt: Fixture.salt, digest: 1)
        var builder = HintBuilder(binding: binding, blockByteCount: 4096)
        for record in records { builder.add(record.row, key: record.key.rawSpan) }
        let bytes = builder.encoded()
        let hint = try Hint(decoding: bytes.rawSpan)
        try hint.checkAll()
        var keys: [[UInt8]] = []
        try hint.forEachKey(from: RawSpan()) { key, _ in
            keys.append(key.copyBytes())
            return true
        }
        let expected = records.map(\.key).sorted { $0.lexicographicallyPrecedes($1) }
        #expect(keys == expected)
    }

    @Test(
        "a hash finds every record of its key, and nothing for a key that is not there",
        arguments: [64, 65_536])
    func lookup(blockByteCount: Int) throws {
        var random = TestRandom.reported("a hash finds every record of its key")
        let records = records(1_000, with: &random)
        let bytes = Fixture.hint(of: records, blockByteCount: blockByteCount)
        let hint = try Hint(decoding: bytes.rawSpan)
        for record in records {
            let found = try hint.rows(
                hashFirst: record.row.hashFirst, hashSecond: record.row.hashSecond)
            let expected = records.filter { $0.key == record.key }.map(\.row.sequence)
            #expect(found.map(\.sequence) == expected)
        }
        for _ in 0..<1_000 {
            let hash = (random.next(), random.next())
            #expect(try hint.rows(hashFirst: hash.0, hashSecond: hash.1).isEmpty)
        }
        #expect(try hint.rows(hashFirst: .max, hashSecond: .max).isEmpty)
        #expect(try hint.rows(hashFirst: 0, hashSecond: 0).isEmpty)
    }

    @Test("two keys of one first half are told apart by the second", arguments: [64, 65_536])
    func halfCollision(blockByteCount: Int) throws {
        let records = (0..<50 as Range<UInt64>).map { index in
            var record = Fixture.hinted(
                .put, key: [UInt8(index)], sequence: index, offset: 4_096 + index * 64)
            record.row.hashFirst = 7
            record.row.hashSecond = index / 2
            return record
        }
        let bytes = Fixture.hint(of: records, blockByteCount: blockByteCount)
        let hint = try Hint(decoding: bytes.rawSpan)
        try hint.checkAll()
        for half in 0..<25 as Range<UInt64> {
            let found = try hint.rows(hashFirst: 7, hashSecond: half)
            #expect(found.map(\.sequence) == [2 * half, 2 * half + 1])
        }
    }

    @Test(
        "keys come out in bytewise order from any start, each with its row",
        arguments: [64, 256, 65_536])
    func keys(blockByteCount: Int) throws {
        var random = TestRandom.reported("keys come out in bytewise order")
        let records = records(2_000, with: &random)
        let bytes = Fixture.hint(of: records, blockByteCount: blockByteCount)
        let hint = try Hint(decoding: bytes.rawSpan)
        let sorted = records.map(\.key).sorted { $0.lexicographicallyPrecedes($1) }
        var starts = (0..<60).map { _ in sorted[random.below(sorted.count)] }
        starts += [[], [0], [0xFF], Fixture.utf8("directory/3"), sorted[0], sorted.last! + [0]]
        for start in starts {
            var found: [[UInt8]] = []
            var rowNumbers: [Int] = []
            try hint.forEachKey(from: start.rawSpan) { key, row in
                found.append(key.copyBytes())
                rowNumbers.append(row)
                return true
            }
            #expect(found == sorted.filter { !$0.lexicographicallyPrecedes(start) })
            for (key, number) in zip(found, rowNumbers) {
                let hash = Fixture.key.hash(key.rawSpan, domain: HashDomain.userKey)
                #expect(try hint.row(number).hashSecond == hash.second)
            }
        }
    }

    @Test("a listing stops where its reader has enough")
    func stopping() throws {
        let bytes = Fixture.hint(of: Fixture.hintedRecords, blockByteCount: 64)
        var keys: [String] = []
        try Hint(decoding: bytes.rawSpan).forEachKey(from: Fixture.utf8("apple").rawSpan) {
            key, _ in
            keys.append(String(decoding: key.copyBytes(), as: UTF8.self))
            return keys.count < 5
        }
        #expect(keys == ["apple", "apple", "apple", "applesauce", "applet"])
    }

    @Test("one key with more versions than a block holds is found from its first on")
    func equalKeys() throws {
        let records = (0..<200 as Range<UInt64>).map { index in
            Fixture.hinted(
                .put, key: Fixture.utf8(index == 0 ? "a" : "same"), sequence: index + 1,
                offset: 4_096 + index * 64)
        }
        let bytes = Fixture.hint(of: records, blockByteCount: 64)
        let hint = try Hint(decoding: bytes.rawSpan)
        try hint.checkAll()
        var count = 0
        try hint.forEachKey(from: Fixture.utf8("same").rawSpan) { _, _ in
            count += 1
            return true
        }
        #expect(count == 199)
    }

    @Test("keys of the greatest length are hinted, whatever the block size")
    func longKeys() throws {
        let records = (0..<15 as Range<UInt64>).map { index in
            var key = [UInt8](repeating: 0x61, count: FormatLimits.keyByteCountMaximum)
            key[index.isMultiple(of: 2) ? 65_534 : 3] = UInt8(index)
            return Fixture.hinted(
                .put, key: key, sequence: index, offset: 8_192 + index * 8)
        }
        for blockByteCount in [64, 65_536] {
            let bytes = Fixture.hint(of: records, blockByteCount: blockByteCount)
            let hint = try Hint(decoding: bytes.rawSpan)
            try hint.checkAll()
            var keys: [[UInt8]] = []
            try hint.forEachKey(from: [UInt8]().rawSpan) { key, _ in
                keys.append(key.copyBytes())
                return true
            }
            #expect(keys == records.map(\.key).sorted { $0.lexicographicallyPrecedes($1) })
        }
    }

    @Test("groups of columns that would be all zero are left out")
    func absentColumns() throws {
        let plain = Fixture.hint(
            of: [Fixture.hinted(.put, key: [1], sequence: 1, offset: 4_096)], blockByteCount: 64)
        let header = try Hint(decoding: plain.rawSpan).header
        #expect(!header.hasColumn(.expiries) && !header.hasColumn(.blobIDs))
        let full = Fixture.hint(of: Fixture.hintedRecords, blockByteCount: 64)
        let fullHeader = try Hint(decoding: full.rawSpan).header
        #expect(fullHeader.hasColumn(.expiries) && fullHeader.hasColumn(.blobIDs))
    }

    @Test("a hint of another segment, store, length, salt or digest is foreign")
    func binding() throws {
        let bytes = Sample.named("hint").bytes
        let header = try HintHeader(decoding: bytes.rawSpan, fileByteCount: UInt64(bytes.count))
        try header.check(binding: Fixture.binding)
        let binding = Fixture.binding
        func other(
            uuid: StoreUUID = binding.uuid, id: UInt64 = binding.segmentID,
            length: UInt64 = binding.logicalByteCount, salt: UInt64 = binding.salt,
            digest: UInt32 = binding.digest
        ) -> FormatError.Kind? {
            let expected = HintBinding(
                uuid: uuid, segmentID: id, logicalByteCount: length, salt: salt, digest: digest)
            return formatError { () throws(FormatError) in try header.check(binding: expected) }?
                .kind
        }
        #expect(other(uuid: Fixture.otherUUID) == .foreign("uuid"))
        #expect(other(id: 2) == .foreign("segment id"))
        #expect(other(length: 4_096) == .foreign("logical length"))
        #expect(other(salt: 0) == .foreign("salt"))
        #expect(other(digest: 0) == .foreign("digest"))
        #expect(other() == nil)
    }

    @Test("blocks that changed places, or come from another hint, do not pass")
    func misplacedBlocks() throws {
        let records = (0..<20 as Range<UInt64>).map {
            Fixture.hinted(.put, key: [UInt8($0)], sequence: $0, offset: 4_096 + $0 * 64)
        }
        let bytes = Fixture.hint(of: records, blockByteCount: 64)
        let ranges = Damage.blockRanges(of: bytes).filter { $0.count == 60 }
        var swapped = bytes
        swapped.replaceSubrange(ranges[0], with: bytes[ranges[1]])
        swapped.replaceSubrange(ranges[1], with: bytes[ranges[0]])
        #expect(throws: FormatError.self) { try HintReader.read(swapped.rawSpan) }

        let older = HintBinding(
            uuid: Fixture.uuid, segmentID: Fixture.segmentID, logicalByteCount: 1 << 19,
            salt: Fixture.salt, digest: 0x1122_3344)
        var builder = HintBuilder(binding: older, blockByteCount: 64)
        for record in records { builder.add(record.row, key: record.key.rawSpan) }
        var mixed = bytes
        mixed.replaceSubrange(ranges[0], with: builder.encoded()[ranges[0]])
        #expect(throws: FormatError.self) { try HintReader.read(mixed.rawSpan) }
    }

    @Test("a hint is written in pieces without gaps, its header last")
    func pieces() {
        var builder = HintBuilder(binding: Fixture.binding, blockByteCount: 64)
        for record in Fixture.hintedRecords { builder.add(record.row, key: record.key.rawSpan) }
        var ranges: [Range<UInt64>] = []
        builder.encode { (bytes, offset) throws(Never) in
            ranges.append(offset..<offset + UInt64(bytes.byteCount))
        }
        #expect(ranges.last == 0..<256)
        var end: UInt64 = 256
        for range in ranges.dropLast() {
            #expect(range.lowerBound == end)
            end = range.upperBound
        }
        #expect(end == UInt64(builder.encoded().count))
    }

    /// What reading a block of keys says whose contents are these, under a right checksum.
    private func keyBlockError(_ contents: [UInt8]) -> FormatError.Kind? {
        let seed = Fixture.binding.seed
        var block = contents + [0, 0, 0, 0]
        let crc = seed.checksum(of: contents.rawSpan, at: 640)
        block.withMutableRawSpan { $0.store(crc, at: contents.count) }
        return formatError { () throws(FormatError) in
            var cursor = try HintKeyBlock(decoding: block.rawSpan, at: 640, seed: seed).cursor()
            while try cursor.advance() {}
            return cursor.row
        }?.kind
    }

    @Test("entries of keys that lie about their lengths are errors")
    func hostileEntries() {
        let restart: [UInt8] = [0, 0, 0, 0, 1, 0, 0, 0]
        #expect(keyBlockError([0, 1, 5, 8, 0x61] + restart) == nil)
        #expect(keyBlockError([0, 1, 5, 8, 0x61, 1, 1, 6, 10, 0x62] + restart) == nil)
        let expiry: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        #expect(keyBlockError([0, 1, 5, 9] + expiry + [0x61] + restart) == nil)
        let cases: [([UInt8], FormatError.Kind)] = [
            ([1, 1, 5, 8, 0x61], .invalidField("shared length")),
            ([0, 1, 5, 8, 0x61, 2, 1, 6, 8, 0x62], .invalidField("shared length")),
            ([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1, 5, 8, 0x61], .invalidField("shared length")),
            ([0, 2, 5, 8, 0x61], .truncated),
            ([0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 5, 8, 0x61], .truncated),
            ([0, 0, 5, 8], .invalidField("key length")),
            ([0, 1, 5], .truncated),
            ([0, 1, 5, 9] + expiry.dropLast(), .truncated),
            ([0, 1, 5, 9] + expiry, .truncated),
            ([0, 1, 0x80], .truncated),
            ([0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F, 8, 0x61], .truncated),
            ([0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 8, 0x61], .truncated),
        ]
        for (entries, kind) in cases { #expect(keyBlockError(entries + restart) == kind) }
        let long = [0, 0x80, 0x80, 4, 1, 8] + [UInt8](repeating: 7, count: 65_536)
        #expect(keyBlockError(long + restart) == .invalidField("key length"))
    }

    @Test("restart points that are not where they claim to be are errors")
    func hostileRestarts() {
        let entry: [UInt8] = [0, 1, 5, 8, 0x61]
        #expect(keyBlockError([]) == .truncated)
        #expect(keyBlockError([0, 0, 0]) == .truncated)
        #expect(keyBlockError(entry + [0, 0, 0, 0]) == .invalidField("restart count"))
        #expect(keyBlockError(entry + [255, 255, 255, 255]) == .invalidField("restart count"))
        for offset in [1, 5, 255] as [UInt8] {
            #expect(
                keyBlockError(entry + [offset, 0, 0, 0, 1, 0, 0, 0])
                    == .invalidField("restart offset"))
        }
        #expect(
            keyBlockError(entry + [0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0])
                == .invalidField("restart offset"))
    }

    @Test("an error of the writer ends the encoding")
    func writerError() {
        struct Full: Error, Equatable {}
        var builder = HintBuilder(binding: Fixture.binding, blockByteCount: 64)
        for record in Fixture.hintedRecords { builder.add(record.row, key: record.key.rawSpan) }
        var count = 0
        #expect(throws: Full()) {
            try builder.encode { (_, _) throws(Full) in
                count += 1
                if count == 3 { throw Full() }
            }
        }
        #expect(count == 3)
    }
}
