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
private enum RangeSpecifier: Equatable {
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

/// What a GET asks with Range and If-Range; outlives the request, so that it can be resolved when the blob is
/// known.
package struct RangeRequest: Equatable, Sendable {
    private enum Condition: Equatable {
        case none
        case tag(EntityTag)
        case date(Int64)
        /// It names no version.
        case unreadable
    }

    private let specifier: RangeSpecifier?
    private var condition = Condition.none

    /// What the head asks; `now` is the second that it is. GET is the only method that has ranges.
    package init(_ request: borrowing Request, now: UInt64) {
        guard request.head.method == .get, let text = request.onlyValue(of: "range") else {
            specifier = nil
            return
        }
        specifier = RangeSpecifier(text)
        if specifier != nil, request.fieldCount("if-range") > 0 {
            condition = Self.condition(request, now)
        }
    }

    private static func condition(_ request: borrowing Request, _ now: UInt64) -> Condition {
        guard let text = request.onlyValue(of: "if-range") else { return .unreadable }
        if let tag = EntityTag(text) { return .tag(tag) }
        return HTTPDate.second(of: text, now: now).map { .date($0) } ?? .unreadable
    }

    /// What that is of a blob of so many bytes. Evaluated behind the preconditions.
    package func range(of blob: Validators, byteCount: UInt64) -> ByteRange {
        guard let specifier, hasPart(of: blob) else { return .whole }
        return specifier.resolved(byteCount)
    }

    /// Whether If-Range, if there is one, names just this version: what cannot be read does not, nor does
    /// a time that two versions might share.
    private func hasPart(of blob: Validators) -> Bool {
        switch condition {
        case .none: true
        case .tag(let tag): tag == .strong(blob.sequence)
        case .date(let second): blob.isDateStrong && second == blob.lastModifiedSecond
        case .unreadable: false
        }
    }
}
