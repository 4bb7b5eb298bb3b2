// RecordMetadataTests — fields of metadata, one by one and together.

import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Record metadata") struct RecordMetadataTests {
    private func field(_ tag: UInt16, _ value: [UInt8]) -> [UInt8] {
        let head = [tag, UInt16(value.count)].flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        return head + value
    }

    private func decode(_ bytes: [UInt8]) throws(FormatError) -> RecordMetadata {
        try RecordMetadata(decoding: bytes.rawSpan)
    }

    private func kind(_ bytes: [UInt8]) -> FormatError.Kind? {
        formatError { () throws(FormatError) in try decode(bytes) }?.kind
    }

    @Test("nothing to say takes no bytes")
    func empty() throws {
        #expect(Fixture.metadata().isEmpty)
        let metadata = try decode([])
        #expect(metadata.expiry == nil && metadata.batch == nil && metadata.userRange == nil)
    }

    @Test("every combination of fields reads as it was written", arguments: 0..<8)
    func combinations(choice: Int) throws {
        let expiry = choice & 1 == 0 ? nil : Fixture.expiry
        let batch = choice & 2 == 0 ? nil : BatchMembership(batchID: 5, index: 2, count: 3)
        let user = choice & 4 == 0 ? [] : Fixture.utf8("colour: green")
        let bytes = Fixture.metadata(expiry: expiry, batch: batch, user: user)
        let metadata = try decode(bytes)
        #expect(metadata.expiry == expiry)
        #expect(metadata.batch == batch)
        #expect(metadata.userRange.map { Array(bytes[$0]) } ?? [] == user)
    }

    @Test("without its batch field metadata says the same, but for the batch")
    func withoutBatch() throws {
        let bytes = Fixture.metadata(
            expiry: 7, batch: BatchMembership(batchID: 5, index: 0, count: 1),
            user: Fixture.utf8("x"))
        let range = try #require(try decode(bytes).batchFieldRange)
        let rest = Array(bytes[..<range.lowerBound] + bytes[range.upperBound...])
        #expect(rest == Fixture.metadata(expiry: 7, user: Fixture.utf8("x")))
    }

    @Test("the longest metadata of a user fits beside the other fields")
    func longest() throws {
        let user = [UInt8](repeating: 1, count: RecordMetadata.userByteCountMaximum)
        let bytes = Fixture.metadata(
            expiry: 1, batch: BatchMembership(batchID: 1, index: 0, count: 1), user: user)
        #expect(bytes.count == FormatLimits.metadataByteCountMaximum)
        #expect(try decode(bytes).userRange?.count == user.count)
    }

    @Test("a field that stands twice, or in the wrong order, is refused")
    func order() {
        let expiry = field(1, [1, 0, 0, 0, 0, 0, 0, 0])
        let user = field(3, [1])
        #expect(kind(expiry + expiry) == .invalidField("order of tags"))
        #expect(kind(user + expiry) == .invalidField("order of tags"))
        #expect(kind(field(0, [])) == .invalidField("order of tags"))
        #expect(kind(expiry + user) == nil)
    }

    @Test("an unknown tag is skipped if its top bit is set, and refused if not")
    func unknownTags() throws {
        let known = field(3, [9])
        #expect(kind(known + field(4, [1])) == .unsupportedTag(4))
        #expect(kind(known + field(0x7FFF, [])) == .unsupportedTag(0x7FFF))
        let metadata = try decode(known + field(0x8000, []) + field(0xFFFF, [1, 2, 3]))
        #expect(metadata.userRange == 4..<5)
        #expect(kind(field(0x8000, []) + field(0x8000, [])) == .invalidField("order of tags"))
    }

    @Test("values of a wrong length or meaning are refused")
    func values() {
        #expect(kind(field(1, [1, 2, 3, 4, 5, 6, 7])) == .invalidField("expiry"))
        #expect(kind(field(1, [0, 0, 0, 0, 0, 0, 0, 0])) == .invalidField("expiry"))
        #expect(kind(field(3, [])) == .invalidField("user metadata"))
        #expect(kind(field(2, [UInt8](repeating: 0, count: 15))) == .invalidField("batch"))
        func batch(_ index: UInt8, _ count: [UInt8]) -> [UInt8] {
            field(2, [1, 0, 0, 0, 0, 0, 0, 0, index, 0, 0, 0] + count)
        }
        #expect(kind(batch(0, [0, 0, 0, 0])) == .invalidField("batch"))
        #expect(kind(batch(3, [3, 0, 0, 0])) == .invalidField("batch"))
        #expect(kind(batch(2, [3, 0, 0, 0])) == nil)
        #expect(kind(batch(0, [0, 0, 1, 0])) == nil)
        #expect(kind(batch(0, [1, 0, 1, 0])) == .invalidField("batch"))
    }

    @Test("an expiry of zero, which would mean none, is written as the first nanosecond")
    func zeroExpiry() throws {
        #expect(try decode(Fixture.metadata(expiry: 0)).expiry == 1)
    }

    @Test("a record is in a batch by flag and by field, or by neither")
    func batchFlag() {
        let field = Fixture.metadata(batch: BatchMembership(batchID: 1, index: 0, count: 1))
        let cases: [(RecordFlags, [UInt8])] = [(.batchMember, []), ([], field)]
        for (flags, metadata) in cases {
            let parts = RecordParts(
                .put, sequence: 1, key: "k", metadata: metadata, flags: flags)
            let error = formatError { () throws(FormatError) in
                try RecordReader.read(parts.encoded().rawSpan)
            }
            #expect(error?.kind == .invalidField("batch"))
        }
    }
}
