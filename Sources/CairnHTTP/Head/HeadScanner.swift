// HeadScanner — finds where a head ends, in bytes that arrive in pieces of any size.
//
// Invariants: (1) each byte is looked at once, and what is said depends on the bytes alone, not on the
// pieces; (2) what can be no head is refused at the byte that shows it, so that nobody who speaks another
// protocol is waited for; (3) no head is longer than the limits allow. Pure; one connection each.
// Spec: RFC 9112, sections 2.2 and 3.

internal import CairnSystem

/// The state of one search.
package struct HeadScanner: Sendable, BitwiseCopyable {
    /// What the bytes up to now are.
    package enum Progress: Equatable, Sendable {
        case incomplete
        /// A head ends here; what follows is a body, or the next request.
        case complete(end: Int)
        case refused(Refusal)
    }

    private var scanned = 0
    private var lineStart = 0
    private var followsCR = false
    private var hasRequestLine = false

    /// A search that begins with the first byte of a request.
    package init() {}

    /// Where the request line begins: an empty line before it is passed over.
    package private(set) var start = 0

    /// Goes on with what has come; `bytes` begins where the request does, each time.
    package mutating func advance(
        in bytes: RawSpan, limits: RequestLimits = RequestLimits()
    ) -> Progress {
        while scanned < bytes.byteCount, scanned - start < limits.headByteCountMaximum {
            skipText(in: bytes)
            if scanned == bytes.byteCount { break }
            let byte = bytes.byte(at: scanned)
            scanned += 1
            do throws(Refusal) {
                if try isLineEnd(byte), endsHead() { return .complete(end: scanned) }
            } catch {
                return .refused(error)
            }
        }
        guard scanned - start >= limits.headByteCountMaximum else { return .incomplete }
        return .refused(hasRequestLine ? .headTooLong : .targetTooLong)
    }

    /// Passes over text within a line, perhaps beyond the limit: no head ends there.
    private mutating func skipText(in bytes: RawSpan) {
        guard !followsCR, hasRequestLine || scanned > lineStart else { return }
        scanned += bytes.textByteCount(from: scanned)
    }

    /// Whether a line ends with this byte.
    private mutating func isLineEnd(_ byte: UInt8) throws(Refusal) -> Bool {
        let isLF = byte == UInt8(ascii: "\n")
        if followsCR != isLF { throw .bareLineEnd }
        followsCR = byte == UInt8(ascii: "\r")
        if isLF || followsCR { return isLF }
        guard ByteClass.value.contains(byte) else { throw .controlByte }
        // Whoever begins with anything else speaks another protocol.
        if !hasRequestLine, scanned == lineStart + 1, !ByteClass.token.contains(byte) {
            throw .malformedRequestLine
        }
        return false
    }

    /// Whether the line that just ended is the empty one behind the fields.
    private mutating func endsHead() -> Bool {
        let isEmpty = scanned - lineStart == 2
        lineStart = scanned
        if hasRequestLine { return isEmpty }
        if isEmpty, start == 0 {
            start = scanned
        } else {
            hasRequestLine = true
        }
        return false
    }
}
