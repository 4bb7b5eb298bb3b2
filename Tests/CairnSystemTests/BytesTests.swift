// BytesTests — the promises of span helpers and aligned buffers.
//
// Traps are proven in a child process. The test macros cannot take expressions that hold a span
// apart, so those are evaluated first.
// Why this is sound: an address is looked at as a number, never followed.

import CairnSystem
import CairnTestSupport
import Glibc
import Testing

@Suite("Bytes") struct BytesTests {
    @Test("a copy lands where it was sent and nowhere else")
    func copy() {
        var bytes = [UInt8](repeating: 9, count: 6)
        let source: [UInt8] = [1, 2, 3]
        let none: [UInt8] = []
        bytes.withMutableRawSpan { span in
            span.copy(from: source.rawSpan, to: 2)
            span.copy(from: none.rawSpan, to: 6)
        }
        #expect(bytes == [9, 9, 1, 2, 3, 9])
        var span = bytes.mutableRawSpan
        span.zero(1..<3)
        #expect(bytes == [9, 0, 0, 2, 3, 9])
    }

    @Test("a copy that does not fit traps", arguments: [-1, 4, 7, Int.max])
    func copyOutside(offset: Int) async {
        await #expect(processExitsWith: .failure) { [offset = offset as Int] in
            var bytes = [UInt8](repeating: 9, count: 6)
            let source: [UInt8] = [1, 2, 3]
            bytes.withMutableRawSpan { span in span.copy(from: source.rawSpan, to: offset) }
            exit(0)
        }
    }

    @Test("comparison is bytewise, unsigned, and a prefix comes first")
    func compare() {
        var random = TestRandom.reported("compare bytes")
        for _ in 0..<2_000 {
            let left = random.bytes(random.below(4)).map { $0 & 0x81 }
            let right = random.bytes(random.below(4)).map { $0 & 0x81 }
            let order = left.rawSpan.compare(right.rawSpan)
            #expect((order < 0) == left.lexicographicallyPrecedes(right))
            #expect((order == 0) == (left == right))
            let isEqual = left.rawSpan.isEqual(to: right.rawSpan)
            #expect(isEqual == (left == right))
        }
    }

    // The macro cannot look inside an expression that holds a span.
    private func leadingZeroByteCount(_ bytes: [UInt8]) -> Int {
        bytes.rawSpan.leadingZeroByteCount
    }

    @Test("zeros at the front are counted to the first other byte, wherever that is")
    func leadingZeros() {
        for byteCount in [0, 1, 7, 8, 255, 256, 257, 4095, 4096, 4097, 13_000] {
            var bytes = [UInt8](repeating: 0, count: byteCount)
            #expect(leadingZeroByteCount(bytes) == byteCount)
            for place in stride(from: byteCount - 1, through: 0, by: -max(1, byteCount / 97)) {
                bytes[place] = 1
                #expect(leadingZeroByteCount(bytes) == place)
            }
        }
    }

    private func isZero(_ bytes: [UInt8]) -> Bool { bytes.rawSpan.isZero }

    @Test("only zeros are zero", arguments: [0, 1, 2, 63, 64, 65])
    func zeros(byteCount: Int) {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        #expect(isZero(bytes))
        for index in bytes.indices {
            bytes[index] = 1
            #expect(!isZero(bytes))
            bytes[index] = 0
        }
    }

    @Test("a copy of the bytes is the bytes")
    func copyBytes() {
        for bytes in [[], [1, 2, 3]] as [[UInt8]] {
            let copy = bytes.rawSpan.copyBytes()
            #expect(copy == bytes)
        }
    }

    @Test("writing through an array's span leaves copies of the array alone")
    func copyOnWrite() {
        var bytes: [UInt8] = [1, 2, 3]
        let before = bytes
        bytes.withMutableRawSpan { span in span.zero(0..<3) }
        #expect(before == [1, 2, 3])
        #expect(bytes == [0, 0, 0])
    }
}

@Suite("Aligned buffer") struct AlignedBufferTests {
    @Test("a buffer starts aligned and zero", arguments: [0, 1, 4_095, 1 << 20])
    func fresh(byteCount: Int) {
        let buffer = AlignedBuffer(byteCount: byteCount)
        let isZero = buffer.bytes.isZero
        #expect(buffer.byteCount == byteCount)
        #expect(isZero)
        let address = unsafe buffer.bytes.withUnsafeBytes { bytes in
            UInt(bitPattern: bytes.baseAddress)
        }
        #expect(address % 4_096 == 0)
    }

    private static func copy(_ buffer: AlignedBuffer, _ range: Range<Int>) -> [UInt8] {
        buffer.bytes(range).copyBytes()
    }

    @Test("what is written in a range is read there")
    func ranges() {
        let buffer = AlignedBuffer(byteCount: 100, alignment: 64)
        let bytes: [UInt8] = [1, 2, 3, 4]
        buffer.copy(from: bytes.rawSpan, to: 10)
        var span = buffer.mutableBytes(14..<16)
        span.copy(from: bytes.rawSpan.extracting(first: 2), to: 0)
        #expect(Self.copy(buffer, 9..<17) == [0, 1, 2, 3, 4, 1, 2, 0])
        buffer.copy(from: buffer.bytes(10..<16), to: 11)
        #expect(Self.copy(buffer, 10..<17) == [1, 1, 2, 3, 4, 1, 2])
        buffer.zero(11..<13)
        #expect(Self.copy(buffer, 10..<14) == [1, 0, 0, 3])
    }

    @Test("a range outside traps", arguments: [-1..<1, 50..<101, 101..<101])
    func outside(range: Range<Int>) async {
        await #expect(processExitsWith: .failure) { [range = range as Range<Int>] in
            _ = Self.copy(AlignedBuffer(byteCount: 100), range)
            exit(0)
        }
    }
}
