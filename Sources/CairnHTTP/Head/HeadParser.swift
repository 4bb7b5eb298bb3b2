// HeadParser — reads a whole head, strictly: what two readers might understand differently is refused.
//
// It gets what `HeadScanner` found: lines that end with CRLF, no control bytes, at most the limits' bytes.
// One pass; no allocation. In order: request line, fields one by one, then what they mean together, so
// that of several faults the first in the bytes is told, but for those of the whole. Pure.
// Spec: RFC 9112, sections 2 to 6; RFC 9110, sections 5, 7.2 and 10.1.1.

internal import CairnSystem

/// Parses heads.
package enum HeadParser {
    /// What the head says; `bytes` are those from the scanner's start to its end.
    package static func parse(
        _ bytes: RawSpan, limits: RequestLimits = RequestLimits()
    ) throws(Refusal) -> RequestHead {
        var head = RequestHead()
        try parse(bytes, limits: limits, into: &head)
        return head
    }

    /// The same into a head that was used before: its table of fields is not made anew.
    package static func parse(
        _ bytes: RawSpan, limits: RequestLimits, into head: inout RequestHead
    ) throws(Refusal) {
        head.reset()
        var reader = HeadReader(bytes: bytes, limits: limits)
        try reader.readRequestLine(&head)
        while try reader.readField(&head) {}
        try reader.judge(&head)
    }
}

/// A head being read.
private struct HeadReader: ~Escapable {
    private let bytes: RawSpan
    private let limits: RequestLimits
    private var position = 0
    private var hostCount = 0
    private var targetHasHost = false
    private var contentLength: UInt64?
    private var isChunked = false
    private var asksToClose = false
    private var asksToStay = false

    @_lifetime(copy bytes)
    init(bytes: RawSpan, limits: RequestLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    @_lifetime(copy self)
    private func text(_ range: Range<Int>) -> RawSpan { bytes.extracting(range) }

    /// The next line, without its end.
    private mutating func takeLine() throws(Refusal) -> Range<Int> {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\r"), from: position) else {
            throw .bareLineEnd
        }
        defer { position = end + 2 }
        return position..<end
    }

    // MARK: The request line

    mutating func readRequestLine(_ head: inout RequestHead) throws(Refusal) {
        let line = try takeLine()
        guard let methodEnd = bytes.firstIndex(of: UInt8(ascii: " "), from: line.lowerBound),
            let targetEnd = bytes.firstIndex(of: UInt8(ascii: " "), from: methodEnd + 1),
            methodEnd > line.lowerBound, targetEnd < line.upperBound
        else { throw .malformedRequestLine }
        let method = line.lowerBound..<methodEnd
        guard bytes.isAll(.token, method) else {
            throw .malformedRequestLine
        }
        try readVersion(targetEnd + 1..<line.upperBound, &head)
        try readMethod(method, &head)
        try readTarget(methodEnd + 1..<targetEnd, &head)
    }

    /// First of all: what a request of another version means, nobody here knows.
    private mutating func readVersion(_ range: Range<Int>, _ head: inout RequestHead)
        throws(Refusal)
    {
        let version = text(range)
        guard range.count == 8,
            version.extracting(0..<5).isEqual(to: ("HTTP/" as StaticString).rawSpan),
            version.byte(at: 6) == UInt8(ascii: "."), let major = digit(range.lowerBound + 5),
            let minor = digit(range.lowerBound + 7)
        else { throw .malformedRequestLine }
        guard major == 1, minor <= 1 else { throw .unsupportedVersion }
        head.minorVersion = minor
    }

    private func digit(_ place: Int) -> UInt8? {
        let byte = bytes.byte(at: place)
        return byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            ? byte - UInt8(ascii: "0") : nil
    }

    private mutating func readMethod(_ range: Range<Int>, _ head: inout RequestHead) throws(Refusal)
    {
        let name = text(range)
        for method in Method.allCases where name.isEqual(to: method.text.rawSpan) {
            head.method = method
            return
        }
        throw name.isEqual(to: ("CONNECT" as StaticString).rawSpan)
            ? .connectMethod : .unknownMethod
    }

    private mutating func readTarget(_ range: Range<Int>, _ head: inout RequestHead) throws(Refusal)
    {
        guard range.count <= limits.targetByteCountMaximum else { throw .targetTooLong }
        guard !range.isEmpty,
            bytes.isAll(.target, range)
        else { throw .malformedTarget }
        if bytes.byte(at: range.lowerBound) == UInt8(ascii: "/") {
            return try readPath(range, &head)
        }
        if head.method == .options, text(range).isEqual(to: ("*" as StaticString).rawSpan) {
            head.path = HeadRange(range)
            return
        }
        try readURI(range, &head)
    }

    /// The form that proxies get, and every server must take. Its host counts, not that of the field.
    private mutating func readURI(_ range: Range<Int>, _ head: inout RequestHead) throws(Refusal) {
        let uri = text(range)
        let schemes: [2 of StaticString] = ["http://", "https://"]
        var start: Int?
        for place in schemes.indices where uri.startsIgnoringCase(schemes[place]) {
            start = range.lowerBound + schemes[place].utf8CodeUnitCount
        }
        guard let start else { throw .malformedTarget }
        var end = start
        while end < range.upperBound, !isHostEnd(bytes.byte(at: end)) { end += 1 }
        guard end > start else { throw .malformedTarget }
        try takeHost(start..<end, &head)
        targetHasHost = true
        let rest = end..<range.upperBound
        if !rest.isEmpty, bytes.byte(at: end) == UInt8(ascii: "/") {
            return try readPath(rest, &head)
        }
        try readPath(rest, &head)
        // No path is the path "/": one stands before the host, at its scheme.
        head.path = HeadRange(start - 1..<start)
    }

    private func isHostEnd(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?")
    }

    private mutating func readPath(_ range: Range<Int>, _ head: inout RequestHead) throws(Refusal) {
        let mark = bytes.firstIndex(of: UInt8(ascii: "?"), from: range.lowerBound)
        let end = mark.map { min($0, range.upperBound) } ?? range.upperBound
        guard PercentCoding.isWellFormed(text(range)) else { throw .malformedEscape }
        head.path = HeadRange(range.lowerBound..<end)
        if end < range.upperBound { head.query = HeadRange(end + 1..<range.upperBound) }
    }

    // MARK: Fields

    /// False at the empty line.
    mutating func readField(_ head: inout RequestHead) throws(Refusal) -> Bool {
        let line = try takeLine()
        if line.isEmpty { return false }
        let first = bytes.byte(at: line.lowerBound)
        guard first != UInt8(ascii: " "), first != UInt8(ascii: "\t") else { throw .foldedField }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":"), from: line.lowerBound),
            colon < line.upperBound, colon > line.lowerBound,
            bytes.isAll(.token, line.lowerBound..<colon)
        else { throw .malformedField }
        guard head.fields.count < min(limits.fieldCountMaximum, FieldTable.capacity) else {
            throw .tooManyFields
        }
        let rest = colon + 1..<line.upperBound
        let trimmed = text(rest).trimmed
        let value = rest.lowerBound + trimmed.lowerBound..<rest.lowerBound + trimmed.upperBound
        let name = line.lowerBound..<colon
        head.fields.append(name: HeadRange(name), value: HeadRange(value))
        try note(text(name), value, &head)
        return true
    }

    /// Takes up what a field says of the message itself. Told apart by length first.
    private mutating func note(_ name: RawSpan, _ value: Range<Int>, _ head: inout RequestHead)
        throws(Refusal)
    {
        switch name.byteCount {
        case 4 where name.equalsIgnoringCase("host"): try noteHost(value, &head)
        case 6 where name.equalsIgnoringCase("expect"): try noteExpectation(value, &head)
        case 10 where name.equalsIgnoringCase("connection"): noteConnection(value, &head)
        case 14 where name.equalsIgnoringCase("content-length"): try noteLength(value)
        case 17 where name.equalsIgnoringCase("transfer-encoding"): try noteCoding(value)
        default: break
        }
    }

    private mutating func noteHost(_ value: Range<Int>, _ head: inout RequestHead) throws(Refusal) {
        hostCount += 1
        guard hostCount == 1 else { throw .repeatedHost }
        if targetHasHost { return }
        try takeHost(value, &head)
    }

    private mutating func takeHost(_ range: Range<Int>, _ head: inout RequestHead) throws(Refusal) {
        guard bytes.isAll(.host, range) else {
            throw .malformedHost
        }
        head.host = HeadRange(range)
    }

    private mutating func noteExpectation(_ value: Range<Int>, _ head: inout RequestHead)
        throws(Refusal)
    {
        guard text(value).equalsIgnoringCase("100-continue") else { throw .unknownExpectation }
        head.expectsContinue = true
    }

    private mutating func noteConnection(_ value: Range<Int>, _ head: inout RequestHead) {
        if text(value).listContains("close") { asksToClose = true }
        if text(value).listContains("keep-alive") { asksToStay = true }
    }

    private mutating func noteLength(_ value: Range<Int>) throws(Refusal) {
        guard contentLength == nil else { throw .repeatedContentLength }
        guard !value.isEmpty, value.allSatisfy({ digit($0) != nil }) else {
            throw .malformedContentLength
        }
        // A number that is too long for any body is one all the same.
        contentLength = value.reduce(UInt64(0)) { number, place in
            let (tens, isLong) = number.multipliedReportingOverflow(by: 10)
            let (sum, isLonger) = tens.addingReportingOverflow(UInt64(digit(place) ?? 0))
            return isLong || isLonger ? .max : sum
        }
    }

    private mutating func noteCoding(_ value: Range<Int>) throws(Refusal) {
        guard !isChunked, text(value).equalsIgnoringCase("chunked") else {
            throw .unknownTransferCoding
        }
        isChunked = true
    }

    // MARK: The whole

    /// What the fields mean together.
    mutating func judge(_ head: inout RequestHead) throws(Refusal) {
        if head.minorVersion == 1, hostCount == 0 { throw .missingHost }
        if isChunked, contentLength != nil { throw .lengthBesideTransferCoding }
        if isChunked, head.minorVersion == 0 { throw .transferCodingOfOldVersion }
        if isChunked {
            head.body = .chunked
        } else {
            let length = contentLength ?? 0
            guard length <= limits.bodyByteCountMaximum else { throw .bodyTooLong }
            head.body = .length(length)
        }
        head.isPersistent = !asksToClose && (head.minorVersion == 1 || asksToStay)
        // Who speaks 1.0 does not know what it asks for.
        if head.minorVersion == 0 || head.body == .length(0) { head.expectsContinue = false }
    }
}
