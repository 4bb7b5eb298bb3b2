// ByteRange — which bytes of a blob a request asks for: RFC 9110, section 14, and If-Range of 13.1.5.
//
// One range of bytes is served. Whatever else a client asks for, or writes in a way that cannot be read, it
// gets the whole blob, which is always right; 416 only says that a range that was understood has no bytes.
// Numbers of any length are taken. No allocation. Pure.

internal import CairnSystem

/// The part of a blob that is the answer to a GET, when it would else be a 200.
package enum ByteRange: Equatable, Sendable {
    /// 200.
    case whole
    /// 206: these bytes, never none.
    case part(Range<UInt64>)
    /// 416.
    case unsatisfiable

    /// What the head asks of a blob of so many bytes; `now` is the second that it is. Evaluated behind the
    /// preconditions. GET is the only method that has ranges.
    package init(
        _ request: borrowing Request, byteCount: UInt64, _ blob: Validators, now: UInt64
    ) {
        guard request.head.method == .get, let text = request.onlyValue(of: "range"),
            request.hasPartOf(blob, now)
        else {
            self = .whole
            return
        }
        self.init(text, byteCount: byteCount)
    }

    /// What the value of a Range asks of a blob of so many bytes.
    package init(_ text: RawSpan, byteCount: UInt64) {
        self = RangeSpecifier(text)?.resolved(byteCount) ?? .whole
    }

    /// Appends the value of Content-Range; nothing for the whole blob.
    package func appendContentRange(byteCount: UInt64, to queue: inout ByteQueue) {
        switch self {
        case .whole: return
        case .unsatisfiable: queue.append("bytes */")
        case .part(let range):
            queue.append("bytes ")
            queue.append(decimal: range.lowerBound)
            queue.append("-")
            queue.append(decimal: range.upperBound - 1)
            queue.append("/")
        }
        queue.append(decimal: byteCount)
    }
}

/// One range, as it was asked for.
private enum RangeSpecifier {
    case between(first: UInt64, last: UInt64)
    case suffix(UInt64)

    /// Nil unless the text is one range of bytes.
    init?(_ text: RawSpan) {
        guard text.startsIgnoringCase("bytes=") else { return nil }
        var (start, found) = (6, RangeSpecifier?.none)
        while start <= text.byteCount {
            let end = text.firstIndex(of: UInt8(ascii: ","), from: start) ?? text.byteCount
            let item = text.extracting(start..<end)
            let trimmed = item.extracting(item.trimmed)
            start = end + 1
            if trimmed.isEmpty { continue }
            guard found == nil, let one = RangeSpecifier(item: trimmed) else { return nil }
            found = one
        }
        guard let found else { return nil }
        self = found
    }

    private init?(item: RawSpan) {
        guard let dash = item.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let rest = item.extracting(dash + 1..<item.byteCount)
        if dash == 0 {
            guard let count = Self.number(rest) else { return nil }
            self = .suffix(count)
            return
        }
        guard let first = Self.number(item.extracting(0..<dash)),
            let last = rest.isEmpty ? .max : Self.number(rest), first <= last
        else { return nil }
        self = .between(first: first, last: last)
    }

    /// A number beyond 64 bits is the greatest one: no blob is that long.
    private static func number(_ text: RawSpan) -> UInt64? {
        text.isDecimal ? text.decimal ?? .max : nil
    }

    func resolved(_ byteCount: UInt64) -> ByteRange {
        switch self {
        case .suffix(let count):
            let taken = min(count, byteCount)
            return taken == 0 ? .unsatisfiable : .part(byteCount - taken..<byteCount)
        case .between(let first, let last):
            return first >= byteCount
                ? .unsatisfiable : .part(first..<min(last, byteCount - 1) + 1)
        }
    }
}

extension Request {
    /// Whether If-Range, if there is one, names just this version: what cannot be read does not, nor does
    /// a time that two versions might share.
    fileprivate func hasPartOf(_ blob: Validators, _ now: UInt64) -> Bool {
        if fieldCount("if-range") == 0 { return true }
        guard let text = onlyValue(of: "if-range") else { return false }
        if let tag = EntityTag(text) { return tag == .strong(blob.sequence) }
        return blob.isDateStrong && HTTPDate.second(of: text, now: now) == blob.lastModifiedSecond
    }
}
