// ChecksumTests — every implementation of the CRC against its definition.
//
// The definition is applied bit by bit, for every length up to well past the switch between
// implementations, at every alignment that matters to them.
// Why this is sound: the map is read-only, as long as the span says, and outlives it; one byte is
// loaded within a span of bytes.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Checksum") struct ChecksumTests {
    /// One byte, bit by bit, from the definition; the state is not inverted.
    private static func step(_ state: UInt32, _ byte: UInt8) -> UInt32 {
        var state = state ^ UInt32(byte)
        for _ in 0..<8 { state = (state >> 1) ^ (state & 1 == 1 ? 0x82F6_3B78 : 0) }
        return state
    }

    @Test(
        "known vectors",
        arguments: [
            ([], 0),
            (Array("123456789".utf8), 0xE306_9283),
            (Array("a".utf8), 0xC1D0_4330),
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
            ((0..<32).reversed(), 0x113F_DB5C),
        ] as [([UInt8], UInt32)])
    func vectors(bytes: [UInt8], crc: UInt32) {
        #expect(Checksum.crc32c(bytes.rawSpan) == crc)
        for implementation in Checksum.Implementation.allCases where implementation.isAvailable {
            #expect(Checksum.crc32c(bytes.rawSpan, by: implementation) == crc)
        }
    }

    @Test("all implementations agree with the definition at every length and alignment")
    func agreement() {
        var random = TestRandom.reported("crc agreement")
        let buffer = AlignedBuffer(byteCount: 1_024, alignment: 64)
        buffer.copy(from: random.bytes(1_024).rawSpan, to: 0)
        let seed = UInt32(truncatingIfNeeded: random.next())
        let available = Checksum.Implementation.allCases.filter(\.isAvailable)
        for start in 0..<16 {
            var state = ~seed
            for byteCount in 0...600 {
                let bytes = buffer.bytes(start..<(start + byteCount))
                var isRight = Checksum.crc32c(bytes, seed: seed) == ~state
                for implementation in available {
                    let crc = Checksum.crc32c(bytes, seed: seed, by: implementation)
                    isRight = isRight && crc == ~state
                }
                #expect(isRight, "\(byteCount) bytes at \(start)")
                state = Self.step(state, buffer.bytes.unsafeLoad(start + byteCount))
            }
        }
    }

    @Test("the CRC of two pieces chains, wherever they are cut")
    func chaining() {
        var random = TestRandom.reported("crc chaining")
        for _ in 0..<300 {
            let bytes = random.bytes(random.below(5_000))
            let cut = random.below(bytes.count + 1)
            let whole = bytes.rawSpan
            let first = Checksum.crc32c(whole.extracting(first: cut))
            #expect(
                Checksum.crc32c(whole.extracting(droppingFirst: cut), seed: first)
                    == Checksum.crc32c(whole))
        }
    }

    @Test("more bytes than an int counts have the CRC of their pieces")
    func huge() throws {
        let byteCount = 1 << 31 + 77
        // Never written, so all pages are the kernel's one page of zeros.
        let map = unsafe mmap(
            nil, byteCount, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        let start = try unsafe #require(unsafe map == MAP_FAILED ? nil : map)
        defer { unsafe munmap(start, byteCount) }
        let piece = [UInt8](repeating: 0, count: 1 << 20)
        var crc: UInt32 = 0
        for _ in 0..<(1 << 11) { crc = Checksum.crc32c(piece.rawSpan, seed: crc) }
        crc = Checksum.crc32c(piece.rawSpan.extracting(first: 77), seed: crc)
        let whole = unsafe RawSpan(_unsafeStart: start, byteCount: byteCount)
        #expect(Checksum.crc32c(whole) == crc)
    }
}

extension RawSpan {
    fileprivate func unsafeLoad(_ offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
