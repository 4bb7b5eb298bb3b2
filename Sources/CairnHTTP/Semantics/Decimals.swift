// Decimals — numbers in the text of a request: digits alone, no sign, no blanks.
//
// A number may have more digits than a word holds: whoever reads one says what that means. Nothing traps
// and nothing is allocated. Pure.

internal import CairnSystem

extension RawSpan {
    /// Whether there are digits and nothing else.
    var isDecimal: Bool {
        for place in 0..<byteCount where !isDigit(byte(at: place)) { return false }
        return byteCount > 0
    }

    /// The number; nil when it is none, or beyond 64 bits.
    package var decimal: UInt64? {
        guard isDecimal else { return nil }
        var number: UInt64 = 0
        for place in 0..<byteCount {
            let (tens, isLong) = number.multipliedReportingOverflow(by: 10)
            let digit = UInt64(byte(at: place) - UInt8(ascii: "0"))
            let (sum, isLonger) = tens.addingReportingOverflow(digit)
            if isLong || isLonger { return nil }
            number = sum
        }
        return number
    }
}

/// Whether the byte is one of `0` to `9`.
func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
