// LargeBlobTests — composites and the keys of their chunks.

import CairnFormat
import CairnSystem
import Testing

@Suite("Composite") struct LargeBlobTests {
    @Test("chunks cover a blob without gaps", arguments: [0, 1, 99, 100, 101, 1_000, 1_050])
    func cover(total: UInt64) {
        let composite = Composite(blobID: 1, totalByteCount: total, chunkByteCount: 100)
        var end: UInt64 = 0
        for number in 0..<composite.chunkCount {
            #expect(composite.range(ofChunk: number).lowerBound == end)
            #expect(composite.byteCount(ofChunk: number) > 0)
            end = composite.range(ofChunk: number).upperBound
        }
        #expect(end == total)
        #expect(composite.byteCount(ofChunk: composite.chunkCount) == 0)
        #expect(composite.range(ofChunk: .max) == total..<total)
    }

    @Test("a range finds exactly the chunks that hold it")
    func ranges() {
        let composite = Composite(blobID: 1, totalByteCount: 250, chunkByteCount: 100)
        for lower in 0..<250 as Range<UInt64> {
            for upper in lower...260 {
                let found = composite.chunks(overlapping: lower..<upper)
                let expected = (0..<3 as Range<UInt32>).filter {
                    composite.range(ofChunk: $0).overlaps(lower..<upper)
                }
                #expect(Array(found) == expected)
            }
        }
        #expect(composite.chunks(overlapping: 250..<999).isEmpty)
        #expect(composite.chunks(overlapping: .max - 1..<(.max)).isEmpty)
    }

    @Test("a blob of 5 TiB is a composite like any other")
    func large() throws {
        let composite = Composite(blobID: 1, totalByteCount: 5 << 40, chunkByteCount: 1 << 20)
        #expect(composite.chunkCount == 5 << 20)
        #expect(composite.chunks(overlapping: (5 << 40) - 1..<(5 << 40)) == 5_242_879..<5_242_880)
        var bytes = [UInt8](repeating: 0, count: Composite.byteCount)
        bytes.withMutableRawSpan { composite.encode(into: &$0) }
        #expect(try Composite(decoding: bytes.rawSpan) == composite)
    }

    @Test("counts that do not fit the lengths are refused, however large")
    func inconsistent() {
        func kind(total: UInt64, chunk: UInt32, count: UInt32) -> FormatError.Kind? {
            var bytes = Fixture.compositePayload
            bytes.withMutableRawSpan {
                $0.store(total, at: 8)
                $0.store(chunk, at: 16)
                $0.store(count, at: 20)
            }
            return formatError { () throws(FormatError) in try Composite(decoding: bytes.rawSpan) }?
                .kind
        }
        #expect(kind(total: 10, chunk: 4, count: 3) == nil)
        #expect(kind(total: 10, chunk: 4, count: 2) == .invalidField("chunk count"))
        #expect(kind(total: 10, chunk: 4, count: 4) == .invalidField("chunk count"))
        #expect(kind(total: 10, chunk: 0, count: 1) == .invalidField("chunk length"))
        #expect(kind(total: 10, chunk: .max, count: 1) == .invalidField("chunk length"))
        #expect(kind(total: .max, chunk: 1, count: .max) == .invalidField("chunk count"))
        #expect(kind(total: 0, chunk: 1, count: 0) == nil)
    }

    @Test("reserved bytes are ignored when read")
    func reserved() throws {
        var bytes = Fixture.compositePayload
        for index in 24..<32 { bytes[index] = 0xFF }
        #expect(try Composite(decoding: bytes.rawSpan) == Fixture.composite)
    }

    @Test("a chunk's key is twelve bytes, id then number")
    func chunkKey() throws {
        #expect(Fixture.chunkKey == [0x2A, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0])
        let bytes = Fixture.chunkKey
        let key = try ChunkKey(decoding: bytes.rawSpan)
        #expect(key == ChunkKey(blobID: 0x2A, chunkNumber: 2))
    }

    @Test("a user's key of the same bytes has another hash than a chunk's")
    func domains() {
        let bytes = Fixture.chunkKey
        let user = Fixture.key.hash(bytes.rawSpan, domain: HashDomain.userKey)
        let chunk = Fixture.key.hash(bytes.rawSpan, domain: HashDomain.chunkKey)
        #expect(user != chunk)
    }
}
