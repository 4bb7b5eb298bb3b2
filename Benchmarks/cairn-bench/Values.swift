// Values — what is stored under the keys: slices of one pool of 16 MiB.
//
// The slice of a key depends on its number and version only, so that a read can check what it got
// without keeping anything. The pool is random, or text of which LZ4 keeps about half; byte for
// byte that of the comparison's other drivers. Immutable once made; any thread.

internal import CairnSystem

struct Values: Sendable {
    private static let poolByteCount = 16 << 20
    /// How many bytes of each end a read compares.
    static let edgeByteCount = 16

    let sizes: ValueSizes
    private let pool: AlignedBuffer

    init(_ sizes: ValueSizes, isCompressible: Bool) {
        self.sizes = sizes
        pool = AlignedBuffer(byteCount: Self.poolByteCount + sizes.maximum)
        var generator = PoolGenerator()
        if isCompressible {
            generator.fillWithText(pool)
        } else {
            generator.fillAtRandom(pool)
        }
    }

    @inline(__always)
    private func hash(_ number: Int, _ version: Int) -> UInt64 {
        mix(UInt64(truncatingIfNeeded: number) &* 31 &+ UInt64(truncatingIfNeeded: version))
    }

    /// How long the value of a key is.
    @inline(__always)
    func byteCount(of number: Int, version: Int = 0) -> Int {
        if case .fixed(let byteCount) = sizes { return byteCount }
        return sizes.byteCount(of: mix(hash(number, version)))
    }

    /// The value of a key.
    @inline(__always)
    @_lifetime(borrow self)
    func value(of number: Int, version: Int = 0) -> RawSpan {
        let start = Int(truncatingIfNeeded: hash(number, version) & UInt64(Self.poolByteCount - 1))
        return pool.bytes(start..<start + byteCount(of: number, version: version))
    }
}

private struct PoolGenerator {
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
