// KeyOrder — which of the keys is taken next: each as likely as the others, or few of them most of the time.
//
// The zipfian order is that of YCSB, with its exponent of 0.99: of a million keys the hundred most popular
// take a third of all operations. Popular keys are scattered over the key space. A picker belongs to one
// thread; making one takes time for each key.

internal import BenchSupport
internal import Glibc

enum KeyOrder: String, CaseIterable {
    case uniform
    case zipfian
}

/// Draws numbers below a count.
struct KeyPicker {
    private static let exponent = 0.99

    private let count: Int
    private var random: UInt64
    /// Nil: every number is as likely.
    private let zipf: Zipf?

    /// The constants of the method of Gray et al., "Quickly generating billion-record synthetic databases".
    private struct Zipf {
        let zeta: Double
        let alpha: Double
        let eta: Double
    }

    init(_ order: KeyOrder, count: Int, seed: UInt64) {
        self.count = count
        random = seed
        zipf = order == .zipfian ? Self.zipf(count) : nil
    }

    private static func zipf(_ count: Int) -> Zipf {
        let zeta = (1...count).reduce(0) { $0 + 1 / pow(Double($1), exponent) }
        let zetaOfTwo = 1 + 1 / pow(2, exponent)
        let eta =
            (1 - pow(2 / Double(count), 1 - exponent)) / (1 - zetaOfTwo / zeta)
        return Zipf(zeta: zeta, alpha: 1 / (1 - exponent), eta: eta)
    }

    /// A random number of 64 bits.
    mutating func draw() -> UInt64 {
        random = mix(random)
        return random
    }

    mutating func next() -> Int {
        let drawn = draw()
        guard let zipf else { return Int(truncatingIfNeeded: drawn % UInt64(count)) }
        let rank = rank(Double(drawn >> 11) / Double(UInt64(1) << 53), zipf)
        return Int(truncatingIfNeeded: mix(UInt64(rank)) % UInt64(count))
    }

    private func rank(_ place: Double, _ zipf: Zipf) -> Int {
        let scaled = place * zipf.zeta
        if scaled < 1 { return 0 }
        if scaled < 1 + pow(0.5, Self.exponent) { return min(1, count - 1) }
        return min(count - 1, Int(Double(count) * pow(zipf.eta * place - zipf.eta + 1, zipf.alpha)))
    }
}
