// SampleBytes — bytes for values: random ones, or text of which LZ4 keeps about half.
//
// The same bytes in every run, and byte for byte those of the comparison's other drivers. Pure; any
// thread.

package import CairnSystem

/// Makes bytes to be stored.
package enum SampleBytes {
    /// So many bytes, random or with `isCompressible` text. Random bytes end in zeros where the length is
    /// no multiple of eight.
    package static func make(byteCount: Int, isCompressible: Bool) -> AlignedBuffer {
        let buffer = AlignedBuffer(byteCount: byteCount)
        var generator = SampleGenerator()
        if isCompressible {
            generator.fillWithText(buffer)
        } else {
            generator.fillAtRandom(buffer)
        }
        return buffer
    }
}

private struct SampleGenerator {
    private var state: UInt64 = 42

    private mutating func next() -> UInt64 {
        state = mix(state)
        return state
    }

    private mutating func next(below bound: UInt64) -> Int { Int(next() % bound) }

    mutating func fillAtRandom(_ pool: AlignedBuffer) {
        var bytes = pool.mutableBytes(0..<pool.byteCount)
        var offset = 0
        while offset + 8 <= pool.byteCount {
            bytes.storeBytes(of: next().littleEndian, toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
    }

    /// Runs of 5 to 15 fresh characters, each followed by a copy of 11 to 27 from shortly before.
    mutating func fillWithText(_ pool: AlignedBuffer) {
        let alphabet = Array(
            "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ.0123456789".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(pool.byteCount)
        while text.count < pool.byteCount {
            for _ in 0..<min(5 + next(below: 11), pool.byteCount - text.count) {
                text.append(alphabet[next(below: 64)])
            }
            let distance = 28 + next(below: 100)
            guard text.count > distance else { continue }
            for _ in 0..<min(11 + next(below: 17), pool.byteCount - text.count) {
                text.append(text[text.count - distance])
            }
        }
        pool.copy(from: text.rawSpan, to: 0)
    }
}
