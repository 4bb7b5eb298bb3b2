// ChunkedDecoder — takes a chunked body apart, in bytes that arrive in pieces of any size.
//
// Invariants: (1) what is said depends on the bytes alone, not on the pieces; (2) sizes, extensions and
// trailer are bounded; (3) a body that was cut short never ends. Extensions and trailers are read and
// dropped. No allocation. Pure; one body each. Spec: RFC 9112, section 7.1.

internal import CairnSystem

/// The state of one body.
package struct ChunkedDecoder: Sendable {
    /// What stands next in the bytes.
    package enum Step: Equatable, Sendable {
        /// All bytes are used up.
        case needsMore
        /// Bytes of the body.
        case data(Range<Int>)
        /// The body has ended; what follows is the next request.
        case end(Int)
        case refused(Refusal)
    }

    private enum Place: Sendable {
        case size(digitCount: Int)
        /// Blanks that only an extension may follow.
        case blanks
        case extensions
        case sizeEnd
        case data
        case dataEnd
        case dataEndLF
        case trailerName(byteCount: Int)
        case trailerValue
        case trailerEnd
        case lastEnd
        case over
    }

    private let limits: RequestLimits
    private var place = Place.size(digitCount: 0)
    /// Of the present chunk.
    private var left: UInt64 = 0
    private var extraByteCount = 0
    /// Bytes of the body up to now, those of the present chunk included.
    package private(set) var byteCount: UInt64 = 0

    /// Whether the end of the body was found.
    package var hasEnded: Bool {
        if case .over = place { return true }
        return false
    }

    /// A body that begins.
    package init(limits: RequestLimits = RequestLimits()) { self.limits = limits }

    /// Goes on at `position`, which moves behind what was used.
    package mutating func next(in bytes: RawSpan, from position: inout Int) -> Step {
        while position < bytes.byteCount {
            if case .data = place { return takeData(in: bytes, from: &position) }
            do throws(Refusal) {
                try take(bytes.byte(at: position))
            } catch {
                return .refused(error)
            }
            position += 1
            if case .over = place { return .end(position) }
        }
        return .needsMore
    }

    private mutating func takeData(in bytes: RawSpan, from position: inout Int) -> Step {
        let count = Int(min(left, UInt64(bytes.byteCount - position)))
        let range = position..<position + count
        position += count
        left -= UInt64(count)
        if left == 0 { place = .dataEnd }
        return .data(range)
    }

    private mutating func take(_ byte: UInt8) throws(Refusal) {
        switch place {
        case .size(let count): try takeSize(byte, digitCount: count)
        case .blanks: try takeBlank(byte)
        case .extensions: try takeExtension(byte)
        case .sizeEnd:
            guard byte == UInt8(ascii: "\n") else { throw .malformedChunk }
            place = left == 0 ? .trailerName(byteCount: 0) : .data
        case .dataEnd:
            guard byte == UInt8(ascii: "\r") else { throw .malformedChunk }
            place = .dataEndLF
        case .dataEndLF:
            guard byte == UInt8(ascii: "\n") else { throw .malformedChunk }
            place = .size(digitCount: 0)
        case .trailerName(let count): try takeTrailerName(byte, byteCount: count)
        case .trailerValue:
            if byte == UInt8(ascii: "\r") { return place = .trailerEnd }
            try countExtra(byte)
        case .trailerEnd:
            guard byte == UInt8(ascii: "\n") else { throw .malformedChunk }
            place = .trailerName(byteCount: 0)
        case .lastEnd:
            guard byte == UInt8(ascii: "\n") else { throw .malformedChunk }
            place = .over
        case .data, .over: preconditionFailure("bytes of the body are not looked at here")
        }
    }

    private mutating func takeSize(_ byte: UInt8, digitCount: Int) throws(Refusal) {
        if let digit = hexadecimalValue(byte) {
            // Zeros ahead of a size cost nothing, so they are counted.
            guard digitCount < 16, left >> 60 == 0 else { throw .malformedChunk }
            left = left << 4 | UInt64(digit)
            return place = .size(digitCount: digitCount + 1)
        }
        guard digitCount > 0 else { throw .malformedChunk }
        let (sum, isTooLong) = byteCount.addingReportingOverflow(left)
        guard !isTooLong, sum <= limits.bodyByteCountMaximum else { throw .bodyTooLong }
        byteCount = sum
        switch byte {
        case UInt8(ascii: "\r"): place = .sizeEnd
        case UInt8(ascii: ";"): place = .extensions
        case UInt8(ascii: " "), UInt8(ascii: "\t"): place = .blanks
        default: throw .malformedChunk
        }
    }

    private mutating func takeBlank(_ byte: UInt8) throws(Refusal) {
        if byte == UInt8(ascii: ";") { return place = .extensions }
        guard byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") else { throw .malformedChunk }
        try countExtra(byte)
    }

    private mutating func takeExtension(_ byte: UInt8) throws(Refusal) {
        if byte == UInt8(ascii: "\r") { return place = .sizeEnd }
        try countExtra(byte)
    }

    /// The trailer is made of fields, as a head is.
    private mutating func takeTrailerName(_ byte: UInt8, byteCount: Int) throws(Refusal) {
        if byteCount == 0, byte == UInt8(ascii: "\r") { return place = .lastEnd }
        try countExtra(byte)
        if byteCount > 0, byte == UInt8(ascii: ":") { return place = .trailerValue }
        guard ByteClass.token.contains(byte) else { throw .malformedChunk }
        place = .trailerName(byteCount: byteCount + 1)
    }

    private mutating func countExtra(_ byte: UInt8) throws(Refusal) {
        extraByteCount += 1
        guard ByteClass.value.contains(byte),
            extraByteCount <= limits.chunkExtraByteCountMaximum
        else { throw .malformedChunk }
    }
}
