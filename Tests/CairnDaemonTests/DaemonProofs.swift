// DaemonProofs — what the server promises, asked of the program that users run: one suite after the other, since
// each of them is a load for the whole machine.

import CairnTestSupport
import Testing

/// The suites that follow, in files of their own.
@Suite("Daemon: proofs", .serialized) enum DaemonProofs {}

/// Bytes for bodies: the first half does not compress, the second does.
enum BodyPool {
    static let halfByteCount = 2 << 20

    static let bytes: [UInt8] = {
        var random = TestRandom(seed: 7)
        var half = random.bytes(halfByteCount)
        let word = Array(half.prefix(1000))
        for number in 0..<(halfByteCount / word.count + 1) {
            half += word
            half[half.count - 1] = UInt8(truncatingIfNeeded: number)
        }
        return half
    }()

    /// A body that another one is hardly equal to, of random length below 2^21, short ones more often.
    static func draw(_ random: inout TestRandom, exponents: Range<Int> = 0..<22) -> Range<Int> {
        let exponent = exponents.lowerBound + random.below(exponents.count)
        let count = min(1 + random.below(1 << exponent), halfByteCount)
        let start = random.below(bytes.count - count)
        return start..<start + count
    }

    /// A body that no socket's buffers hold: whoever is to take it can keep the server waiting.
    static let long = bytes + bytes

    /// Incompressible bytes.
    static func dense(_ count: Int) -> ArraySlice<UInt8> { bytes[0..<count] }
}
