// Keys — 16 bytes "user%012d", visited in a scattered order.
//
// The order is a bijection of 0 ..< count, so that each key comes once; hash and order are those of
// the comparison's other drivers, so that all engines see the same keys in the same order. A
// `KeyBuffer` belongs to one thread; the rest are plain values.

package import CairnSystem

/// A good hash of 64 bits; its chain from a seed is the pseudo-random sequence of all workloads.
@inlinable
@inline(__always)
package func mix(_ value: UInt64) -> UInt64 {
    var x = value &+ 0x9e37_79b9_7f4a_7c15
    x = (x ^ (x &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    x = (x ^ (x &>> 27)) &* 0x94d0_49bb_1331_11eb
    return x ^ (x &>> 31)
}

/// Visits 0 ..< count in scattered order: mixes within the next power of two until inside.
package struct Permutation: Sendable {
    @usableFromInline let count: UInt64
    @usableFromInline let mask: UInt64
    @usableFromInline let shift: UInt64

    /// Of 0 ..< count; count is positive.
    package init(count: Int) {
        self.count = UInt64(count)
        var bitCount: UInt64 = 1
        while 1 &<< bitCount < self.count { bitCount += 1 }
        mask = (1 &<< bitCount) - 1
        shift = bitCount / 2 + 1
    }

    /// The number that is visited at this place.
    @inlinable
    @inline(__always)
    package func callAsFunction(_ number: Int) -> Int {
        var x = UInt64(truncatingIfNeeded: number)
        repeat {
            x = (x &* 0x9e37_79b9_7f4a_7c15 &+ 0x123_4567) & mask
            x ^= x &>> shift
            x = (x &* 0xbf58_476d_1ce4_e5b9) & mask
            x ^= x &>> shift
        } while x >= count
        return Int(truncatingIfNeeded: x)
    }
}

/// The bytes of one key at a time.
package struct KeyBuffer {
    /// Bytes of every key.
    @inlinable package static var byteCount: Int { 16 }

    @usableFromInline let buffer = AlignedBuffer(byteCount: KeyBuffer.byteCount, alignment: 64)

    /// Of no key yet.
    package init() {}

    /// The key of a number below 10^12, until the next call.
    @inlinable
    @inline(__always)
    @_lifetime(borrow self)
    package func key(_ number: Int) -> RawSpan {
        let number = UInt64(truncatingIfNeeded: number)
        var bytes = buffer.mutableBytes(0..<Self.byteCount)
        let head = Self.digits(number / 100_000_000, count: 4) &<< 32 | 0x7265_7375  // "user"
        bytes.storeBytes(of: head.littleEndian, toByteOffset: 0, as: UInt64.self)
        let tail = Self.digits(number % 100_000_000, count: 8)
        bytes.storeBytes(of: tail.littleEndian, toByteOffset: 8, as: UInt64.self)
        return buffer.bytes(0..<Self.byteCount)
    }

    /// Decimal digits, the first one in the lowest byte.
    @inlinable
    @inline(__always)
    static func digits(_ number: UInt64, count: Int) -> UInt64 {
        var rest = UInt32(truncatingIfNeeded: number)
        var digits: UInt64 = 0
        for _ in 0..<count {
            digits = digits &<< 8 | UInt64(0x30 &+ rest % 10)
            rest /= 10
        }
        return digits
    }
}
