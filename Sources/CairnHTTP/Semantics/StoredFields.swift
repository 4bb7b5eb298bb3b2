// StoredFields — which fields of a write are kept with the blob and come back with it, as they are.
//
// A value that is sent back must not end its line or be more than text, wherever it came from: heads are
// known to be clean, other forms of a request are not. Together they are bounded, names and values. One
// value cannot be two: those that are no lists stand once. No allocation. Pure.

internal import CairnSystem

/// Why a request's fields cannot be kept: 400, but for `tooLong`.
package enum StoredFieldFault: Error, Equatable, Sendable {
    /// A value with a control byte.
    case controlByte
    /// Two lines where only one has a meaning.
    case repeated
    /// More bytes together, or in one name, than are kept: 431.
    case tooLong
}

/// The fields that a client may store with a blob.
package enum StoredFields {
    /// Bytes of all names and values of one blob.
    package static let byteCountMaximum = 8 << 10
    /// Bytes of one name.
    package static let nameByteCountMaximum = 255

    /// Whether fields of this name are kept.
    package static func holds(_ name: RawSpan) -> Bool {
        isSingle(name) || name.equalsIgnoringCase("cache-control")
            || name.equalsIgnoringCase("content-encoding")
            || name.equalsIgnoringCase("content-language") || isOfClient(name)
    }

    /// Whether a value can be sent back: no control bytes but tabs.
    package static func canSend(_ value: RawSpan) -> Bool {
        value.isAll(.value, 0..<value.byteCount)
    }

    /// Whether the field at this place is kept: its name says so, and there is a value, which only those
    /// fields can do without that have no meaning but the client's.
    package static func holds(_ request: borrowing Request, at place: Int) -> Bool {
        let field = request.head.fields[place]
        let name = request.bytes.extracting(field.name.range)
        return field.value.isEmpty ? isOfClient(name) : holds(name)
    }

    /// How many bytes are kept of a request's fields.
    package static func byteCount(
        of request: borrowing Request
    ) throws(StoredFieldFault) -> Int {
        var sum = 0
        for place in 0..<request.head.fields.count where holds(request, at: place) {
            let field = request.head.fields[place]
            guard canSend(request.bytes.extracting(field.value.range)) else { throw .controlByte }
            guard field.name.range.count <= nameByteCountMaximum else { throw .tooLong }
            sum += field.name.range.count + field.value.range.count
        }
        guard sum <= byteCountMaximum else { throw .tooLong }
        guard request.fieldCount("content-type") <= 1,
            request.fieldCount("content-disposition") <= 1
        else { throw .repeated }
        return sum
    }

    private static func isSingle(_ name: RawSpan) -> Bool {
        name.equalsIgnoringCase("content-type") || name.equalsIgnoringCase("content-disposition")
    }

    private static func isOfClient(_ name: RawSpan) -> Bool {
        name.startsIgnoringCase("x-meta-") && name.byteCount > 7
            && name.isAll(.token, 0..<name.byteCount)
    }
}
