// ValueSizes — how long values are: all the same, or as blobs that people keep.
//
// The size of a value depends on its key's number and version alone, so that a reader knows it. `blobs`
// draws a class, and within it every order of magnitude equally: thumbnails, documents, a few images; 61 KiB
// on average. Plain values.

internal import Glibc

enum ValueSizes: Equatable {
    case fixed(Int)
    case blobs

    /// Of a hundred values so many are between two sizes.
    private static let classes: [(percentage: UInt64, range: Range<Double>)] = [
        (10, 512..<1024), (40, 1024..<16_384), (30, 16_384..<65_536), (15, 65_536..<262_144),
        (5, 262_144..<1_048_576),
    ]

    /// The longest one.
    var maximum: Int {
        switch self {
        case .fixed(let byteCount): byteCount
        case .blobs: 1 << 20
        }
    }

    /// Of many values.
    var average: Int {
        switch self {
        case .fixed(let byteCount): byteCount
        case .blobs:
            Int(
                Self.classes.reduce(0) { sum, part in
                    let width = part.range.upperBound - part.range.lowerBound
                    let spread = log(part.range.upperBound / part.range.lowerBound)
                    return sum + Double(part.percentage) / 100 * width / spread
                })
        }
    }

    /// The size that belongs to a hash.
    func byteCount(of hash: UInt64) -> Int {
        switch self {
        case .fixed(let byteCount): byteCount
        case .blobs: Self.blobByteCount(of: hash)
        }
    }

    private static func blobByteCount(of hash: UInt64) -> Int {
        var percentage = hash % 100
        let place = Double(hash >> 40) / Double(1 << 24)
        for part in classes {
            if percentage < part.percentage {
                let ratio = part.range.upperBound / part.range.lowerBound
                return Int(part.range.lowerBound * pow(ratio, place))
            }
            percentage -= part.percentage
        }
        preconditionFailure("the classes are a hundred percent")
    }
}

extension ValueSizes: CustomStringConvertible {
    var description: String {
        switch self {
        case .fixed(let byteCount): "\(byteCount)"
        case .blobs: "blobs"
        }
    }
}
