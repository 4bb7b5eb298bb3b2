// One changed byte, put back: in a file with a checksum at its end, and in a record's front.

import Cairn
import CairnFormat
import CairnSystem
import CairnTestSupport
import Testing

@Suite("Check: putting one byte back")
struct MendingTests {
    @Test("a file that ends in its checksum is put back, whichever byte was changed")
    func file() {
        var random = TestRandom(seed: 3)
        var bytes = random.bytes(400)
        bytes.repairTrailingChecksum()
        #expect(Mending.file(bytes) == nil)
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= UInt8(1 + random.below(255))
            let mended = Mending.file(damaged)
            #expect(mended?.bytes == bytes && mended?.place == place)
        }
    }

    @Test("a record is named, whichever byte of header, key or metadata was changed")
    func record() throws {
        let key = Array("a key of some length".utf8)
        var metadata = [UInt8](repeating: 0, count: 64)
        let user: [UInt8] = [1, 2, 3]
        let count = metadata.withMutableRawSpan {
            RecordMetadata.encode(expiry: 77, user: user.rawSpan, into: &$0)
        }
        metadata.removeLast(metadata.count - count)
        let payload: [UInt8] = Array(repeating: 9, count: 50)
        let header = RecordHeader(
            sequence: 123, type: .put, keyByteCount: key.count, metadataByteCount: count,
            storedByteCount: 50, rawByteCount: 50, payloadCRC: Checksum.crc32c(payload.rawSpan))
        let seed = SegmentSeed(salt: 5, segmentID: 6)
        var bytes = [UInt8](repeating: 0, count: header.recordByteCount)
        bytes.withMutableRawSpan {
            header.encodeRecord(
                key: key.rawSpan, metadata: metadata.rawSpan, payload: payload.rawSpan, into: &$0,
                seed: seed, offset: 8192)
        }
        for place in 0..<header.prefixByteCount {
            for bits in [1, 0x80, 0xff, 0x2a] as [UInt8] {
                var damaged = bytes
                damaged[place] ^= bits
                let mended = try #require(Mending.record(damaged, seed: seed, offset: 8192))
                #expect(mended.header == header && mended.key == key && mended.place == place)
            }
        }
        let elsewhere = Mending.record(bytes, seed: seed, offset: 8200)
        #expect(elsewhere == nil)
    }
}
