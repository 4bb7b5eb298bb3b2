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

    let sizes: ValueSizes
    private let pool: AlignedBuffer

    init(_ sizes: ValueSizes, isCompressible: Bool) {
        self.sizes = sizes
        pool = SampleBytes.make(
            byteCount: Self.poolByteCount + sizes.maximum, isCompressible: isCompressible)
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
