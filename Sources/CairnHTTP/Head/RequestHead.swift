// RequestHead — what a head says, as places in its bytes: nothing is copied and nothing allocated.
//
// It is read together with the bytes that it was parsed from, as a `Request`. A head that exists has
// passed every rule of `HeadParser`. Pure values.

internal import CairnSystem

/// Places in a head.
package struct HeadRange: Equatable, Sendable, BitwiseCopyable {
    package let lowerBound: UInt16
    package let upperBound: UInt16

    init(_ range: Range<Int>) {
        lowerBound = UInt16(range.lowerBound)
        upperBound = UInt16(range.upperBound)
    }

    /// The same places.
    package var range: Range<Int> { Int(lowerBound)..<Int(upperBound) }
    /// Whether there are none.
    package var isEmpty: Bool { lowerBound == upperBound }
}

/// The methods that HTTP defines.
package enum Method: UInt8, Sendable, CaseIterable {
    case get, head, post, put, delete, options, patch, trace

    /// As it stands in a request line.
    package var text: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .trace: "TRACE"
        }
    }
}

/// How a body ends.
package enum BodyFraming: Equatable, Sendable {
    /// With so many bytes; 0: there is none.
    case length(UInt64)
    /// With a chunk of no bytes.
    case chunked
}

/// The fields of a head, in order.
package struct FieldTable: Sendable {
    /// The most that any head may have.
    package static let capacity = 64

    private var names = InlineArray<64, HeadRange>(repeating: HeadRange(0..<0))
    private var values = InlineArray<64, HeadRange>(repeating: HeadRange(0..<0))
    /// How many there are.
    package private(set) var count = 0
    /// Bit n: a name has n bytes, or n more than a multiple of 64. Most fields that are asked for are not there,
    /// and most of those are told by it.
    private var nameByteCounts: UInt64 = 0

    mutating func removeAll() { (count, nameByteCounts) = (0, 0) }

    mutating func append(name: HeadRange, value: HeadRange) {
        names[count] = name
        values[count] = value
        count += 1
        nameByteCounts |= 1 &<< UInt64(name.range.count)
    }

    /// False: no name has so many bytes.
    @inline(__always)
    func mayHold(nameOf byteCount: Int) -> Bool { nameByteCounts &>> UInt64(byteCount) & 1 != 0 }

    /// Where a field's name and value stand.
    package subscript(_ place: Int) -> (name: HeadRange, value: HeadRange) {
        precondition(place < count, "a field is one of those that were read")
        // Through spans: a subscript of the arrays themselves copies them whole, each time.
        return (names.span[place], values.span[place])
    }
}

/// Everything of a request but its body.
package struct RequestHead: Sendable {
    package var method = Method.get
    /// Of HTTP/1: 0 or 1.
    package var minorVersion: UInt8 = 1
    /// Up to a `?`, still with its escapes, which are known to be well-formed; `*` of OPTIONS.
    package var path = HeadRange(0..<0)
    /// Behind the `?`, if there is one.
    package var query: HeadRange?
    /// From the target, or else from `Host`.
    package var host = HeadRange(0..<0)
    package var fields = FieldTable()
    package var body = BodyFraming.length(0)
    /// Whether another request may follow.
    package var isPersistent = true
    /// Whether the client waits for a 100 before it sends its body.
    package var expectsContinue = false

    /// Of a GET without anything.
    package init() {}

    /// As a new one, but for the memory of the fields.
    mutating func reset() {
        (method, minorVersion, path, query) = (.get, 1, HeadRange(0..<0), nil)
        (host, body, isPersistent, expectsContinue) = (HeadRange(0..<0), .length(0), true, false)
        fields.removeAll()
    }
}

/// A head and the bytes it was read from.
package struct Request: ~Escapable {
    package let head: RequestHead
    package let bytes: RawSpan

    @_lifetime(copy bytes)
    package init(_ head: RequestHead, in bytes: RawSpan) {
        self.head = head
        self.bytes = bytes
    }

    /// The value of the first field of this name, which is written in small letters.
    @_lifetime(copy self)
    package func field(_ name: StaticString) -> RawSpan? {
        guard head.fields.mayHold(nameOf: name.utf8CodeUnitCount) else { return nil }
        for place in 0..<head.fields.count where isNamed(name, at: place) {
            return bytes.extracting(head.fields[place].value.range)
        }
        return nil
    }

    /// How many fields have this name, which is written in small letters.
    package func fieldCount(_ name: StaticString) -> Int {
        var count = 0
        guard head.fields.mayHold(nameOf: name.utf8CodeUnitCount) else { return 0 }
        for place in 0..<head.fields.count where isNamed(name, at: place) { count += 1 }
        return count
    }

    /// Whether the field at a place has this name. Most names differ in length, which is seen first.
    @inline(__always)
    func isNamed(_ name: StaticString, at place: Int) -> Bool {
        let range = head.fields[place].name.range
        return range.count == name.utf8CodeUnitCount
            && bytes.extracting(range).equalsIgnoringCase(name)
    }

    /// See `RequestHead.path`.
    package var path: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(head.path.range) }
    }

    /// See `RequestHead.query`; empty when there is none.
    package var query: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(head.query?.range ?? 0..<0) }
    }

    /// See `RequestHead.host`.
    package var host: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(head.host.range) }
    }
}
