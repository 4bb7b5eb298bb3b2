// LZ4Tests — round trips, bounds and damage.
//
// Every destination is followed by guard bytes that must stay as they are, whatever the input.
// Why this is sound: the huge map is never read, which its protection would punish, and outlives
// its span.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("LZ4") struct LZ4Tests {
    private static let byteCounts = [
        0, 1, 12, 13, 100, 128, 1_000, 4_096, 8_191, 8_192, 8_193, 65_536, 300_000,
    ]

    /// Repetitive and random stretches, about half of each.
    private static func sample(_ byteCount: Int, _ random: inout TestRandom) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < byteCount {
            let length = 1 + random.below(40)
            bytes += random.coin() ? random.bytes(length) : [UInt8](repeating: 65, count: length)
        }
        return Array(bytes.prefix(byteCount))
    }

    /// Runs `body` on the first `byteCount` bytes of a buffer and proves that it left the rest alone.
    private static func guarded(
        _ byteCount: Int, _ body: (inout MutableRawSpan) -> Int?
    ) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0xAB, count: byteCount + 64)
        let written = buffer.withMutableRawSpan { span in
            var inside = span._mutatingExtracting(first: byteCount)
            return body(&inside)
        }
        #expect(buffer.suffix(64).allSatisfy { $0 == 0xAB })
        #expect((written ?? 0) <= byteCount)
        return written.map { Array(buffer.prefix($0)) }
    }

    @Test("what is compressed decompresses to itself", arguments: byteCounts)
    func roundTrip(byteCount: Int) throws {
        var random = TestRandom.reported("lz4 round trip \(byteCount)")
        let compressor = LZ4Compressor()
        let bound = try #require(LZ4.compressedByteCountMaximum(byteCount))
        for acceleration in [1, 4, 1_000, 0, -5, .max] {
            let bytes = Self.sample(byteCount, &random)
            let packed = try #require(
                Self.guarded(bound) { span in
                    compressor.compress(bytes.rawSpan, into: &span, acceleration: acceleration)
                })
            let unpacked = Self.guarded(byteCount) { LZ4.decompress(packed.rawSpan, into: &$0) }
            #expect(unpacked == bytes)
            if byteCount > 0 {
                #expect(
                    Self.guarded(byteCount - 1) { LZ4.decompress(packed.rawSpan, into: &$0) }
                        == nil)
            }
            #expect(
                Self.guarded(byteCount + 9) { LZ4.decompress(packed.rawSpan, into: &$0) } == bytes)
        }
    }

    @Test("noise does not fit seven eighths, and what comes after is right", arguments: byteCounts)
    func incompressible(byteCount: Int) throws {
        var random = TestRandom.reported("lz4 noise \(byteCount)")
        let compressor = LZ4Compressor()
        for _ in 0..<5 {
            let noise = random.bytes(byteCount)
            let room = byteCount / 8 * 7
            let packed = Self.guarded(room) { compressor.compress(noise.rawSpan, into: &$0) }
            #expect(packed == nil)
            let bytes = Self.sample(byteCount, &random)
            let after = try #require(
                Self.guarded(byteCount + 1_300) { compressor.compress(bytes.rawSpan, into: &$0) })
            #expect(Self.guarded(byteCount) { LZ4.decompress(after.rawSpan, into: &$0) } == bytes)
        }
    }

    @Test(
        "a destination of exactly the compressed length is enough",
        arguments: [500, 5_000, 50_000])
    func exactFit(byteCount: Int) throws {
        let compressor = LZ4Compressor()
        let bytes = [UInt8](repeating: 3, count: byteCount)
        let packed = try #require(
            Self.guarded(byteCount) { compressor.compress(bytes.rawSpan, into: &$0) })
        let exact = Self.guarded(packed.count) { compressor.compress(bytes.rawSpan, into: &$0) }
        // Longer inputs are compressed in place, where LZ4 wants a few bytes in hand.
        if byteCount <= 8_192 { #expect(exact == packed) }
        #expect(
            Self.guarded(packed.count - 1) { compressor.compress(bytes.rawSpan, into: &$0) } == nil)
    }

    @Test("a block does not depend on the blocks before it")
    func independence() {
        var random = TestRandom.reported("lz4 independence")
        let shared = LZ4Compressor()
        for _ in 0..<500 {
            let bytes = Self.sample(random.below(3_000), &random)
            let room = bytes.count + random.below(40) - 20
            let ours = Self.guarded(max(0, room)) { shared.compress(bytes.rawSpan, into: &$0) }
            if let ours {
                #expect(
                    Self.guarded(bytes.count) { LZ4.decompress(ours.rawSpan, into: &$0) } == bytes)
            }
        }
    }

    @Test("damaged blocks give nil or wrong bytes, never more than there is room for")
    func damage() throws {
        var random = TestRandom.reported("lz4 damage")
        let compressor = LZ4Compressor()
        let bytes = Self.sample(700, &random)
        let packed = try #require(
            Self.guarded(1_000) { compressor.compress(bytes.rawSpan, into: &$0) })
        for index in packed.indices {
            for _ in 0..<8 {
                var damaged = packed
                damaged[index] = UInt8(truncatingIfNeeded: random.next())
                _ = Self.guarded(700) { LZ4.decompress(damaged.rawSpan, into: &$0) }
            }
            let cut = Array(packed.prefix(index))
            let unpacked = Self.guarded(700) { LZ4.decompress(cut.rawSpan, into: &$0) }
            #expect(unpacked != bytes)
        }
        for _ in 0..<5_000 {
            let garbage = random.bytes(random.below(60))
            _ = Self.guarded(random.below(300)) { LZ4.decompress(garbage.rawSpan, into: &$0) }
        }
    }

    @Test("nothing decompresses from no bytes, and only an empty block into no room")
    func empty() {
        let none: [UInt8] = []
        let emptyBlock: [UInt8] = [0]
        let other: [UInt8] = [1]
        var noRoom: [UInt8] = []
        noRoom.withMutableRawSpan { span in
            #expect(LZ4.decompress(none.rawSpan, into: &span) == nil)
            #expect(LZ4.decompress(emptyBlock.rawSpan, into: &span) == 0)
            #expect(LZ4.decompress(other.rawSpan, into: &span) == nil)
            #expect(LZ4Compressor().compress(other.rawSpan, into: &span) == nil)
            #expect(LZ4Compressor().compress(none.rawSpan, into: &span) == nil)
        }
    }

    @Test("inputs longer than LZ4 counts are refused without being read")
    func tooLong() throws {
        #expect(LZ4.compressedByteCountMaximum(LZ4.byteCountMaximum) != nil)
        #expect(LZ4.compressedByteCountMaximum(LZ4.byteCountMaximum + 1) == nil)
        #expect(LZ4.compressedByteCountMaximum(-1) == nil)
        let byteCount = 1 << 32 + 5
        let map = unsafe mmap(
            nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        let start = try unsafe #require(unsafe map == MAP_FAILED ? nil : map)
        defer { unsafe munmap(start, byteCount) }
        let huge = unsafe RawSpan(_unsafeStart: start, byteCount: byteCount)
        var room = [UInt8](repeating: 0, count: 100)
        room.withMutableRawSpan { span in
            #expect(LZ4Compressor().compress(huge, into: &span) == nil)
            #expect(LZ4.decompress(huge, into: &span) == nil)
        }
    }
}
