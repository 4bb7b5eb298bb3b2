// Values — what is stored under the keys: slices of one pool of 16 MiB.
//
// The slice of a key depends on its number and version only, so that a read can check what it got
// without keeping anything. The pool is random, or text of which LZ4 keeps about half; byte for
// byte that of the comparison's other drivers. Immutable once made; any thread.

internal import BenchSupport
internal import CairnSystem

struct Values: Sendable {
    private static let poolByteCount = 16 << 20
    /// How many bytes of each end a read compares.
    static let edgeByteCount = 16

    let byteCount: Int
    private let pool: AlignedBuffer

    init(byteCount: Int, isCompressible: Bool) {
        self.byteCount = byteCount
        pool = SampleBytes.make(
            byteCount: Self.poolByteCount + byteCount, isCompressible: isCompressible)
    }

    @inline(__always)
    private func offset(_ number: Int, _ version: Int) -> Int {
        let hash = mix(
            UInt64(truncatingIfNeeded: number) &* 31 &+ UInt64(truncatingIfNeeded: version))
        return Int(truncatingIfNeeded: hash & UInt64(Self.poolByteCount - 1))
    }

    /// The value of a key.
    @inline(__always)
    @_lifetime(borrow self)
    func value(of number: Int, version: Int = 0) -> RawSpan {
        let start = offset(number, version)
        return pool.bytes(start..<start + byteCount)
    }
}
