// BlobFields — what the server keeps with a blob: when it was written, and fields that come back with it.
//
// They are the blob's metadata in the store: a mark of four bytes, nanoseconds since 1970 (8), and for each
// field the length of its name (1), of its value (2), name and value; numbers little-endian. Metadata that
// are not so were written by somebody else, and say nothing here. Decoding allocates nothing and refuses
// what could not be sent. Spec: Blobs.md. Pure.

internal import CairnFormat
package import CairnHTTP
internal import CairnSystem

/// The server's part of a blob's metadata.
package struct BlobFields: ~Escapable {
    /// `CHF` and the version.
    private static let mark: [4 of UInt8] = [0x43, 0x48, 0x46, 0x01]
    private static let fixedByteCount = 12

    private let bytes: RawSpan

    /// Nil when the metadata are of somebody else.
    @_lifetime(copy metadata)
    package init?(decoding metadata: RawSpan) {
        guard Self.isWellFormed(metadata) else { return nil }
        bytes = metadata
    }

    /// Nanoseconds since 1970.
    package var lastModified: UInt64 { bytes.loadUInt64(at: 4) }

    /// Calls `body` with each name and value, in order.
    package func forEach(_ body: (_ name: RawSpan, _ value: RawSpan) -> Void) {
        var offset = Self.fixedByteCount
        while let field = Self.field(in: bytes, at: offset) {
            body(bytes.extracting(field.name), bytes.extracting(field.value))
            offset = field.value.upperBound
        }
    }

    /// The value of the field of this name, which is written in small letters.
    @_lifetime(copy self)
    package func value(of name: StaticString) -> RawSpan? {
        var offset = Self.fixedByteCount
        while let field = Self.field(in: bytes, at: offset) {
            if bytes.extracting(field.name).equalsIgnoringCase(name) {
                return bytes.extracting(field.value)
            }
            offset = field.value.upperBound
        }
        return nil
    }

    /// The metadata of a write: the fields of its head that are kept.
    package static func encode(
        _ request: borrowing Request, lastModified: UInt64
    ) throws(StoredFieldFault) -> [UInt8] {
        let byteCount = try StoredFields.byteCount(of: request)
        var bytes = begin(lastModified: lastModified, byteCount: byteCount)
        for place in 0..<request.head.fields.count where StoredFields.holds(request, at: place) {
            let field = request.head.fields[place]
            append(
                request.bytes.extracting(field.name.range),
                request.bytes.extracting(field.value.range), to: &bytes)
        }
        return bytes
    }

    /// The beginning of metadata, to which `append` adds fields.
    package static func begin(lastModified: UInt64, byteCount: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(fixedByteCount + byteCount + 64 * 3)
        for place in mark.indices { bytes.append(mark[place]) }
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: lastModified >> (8 * shift))) }
        return bytes
    }

    /// Changes the time in metadata that `begin` began.
    package static func setLastModified(_ time: UInt64, in bytes: inout [UInt8]) {
        for shift in 0..<8 { bytes[4 + shift] = UInt8(truncatingIfNeeded: time >> (8 * shift)) }
    }

    /// Adds a field; name and value are known to be sendable.
    package static func append(_ name: RawSpan, _ value: RawSpan, to bytes: inout [UInt8]) {
        precondition(isSendable(name, value), "only what can be sent is stored")
        bytes.append(UInt8(name.byteCount))
        bytes.append(UInt8(truncatingIfNeeded: value.byteCount))
        bytes.append(UInt8(truncatingIfNeeded: value.byteCount >> 8))
        bytes.append(copying: name)
        bytes.append(copying: value)
    }

    private static func isWellFormed(_ bytes: RawSpan) -> Bool {
        guard bytes.byteCount >= fixedByteCount else { return false }
        for place in mark.indices where bytes.byte(at: place) != mark[place] { return false }
        var offset = fixedByteCount
        while let field = field(in: bytes, at: offset) {
            guard isSendable(bytes.extracting(field.name), bytes.extracting(field.value)) else {
                return false
            }
            offset = field.value.upperBound
        }
        return offset == bytes.byteCount
    }

    private static func isSendable(_ name: RawSpan, _ value: RawSpan) -> Bool {
        !name.isEmpty && name.byteCount <= StoredFields.nameByteCountMaximum
            && value.byteCount <= UInt16.max
            && StoredFields.holds(name) && StoredFields.canSend(value)
    }

    /// The field that begins here; nil when none does.
    private static func field(
        in bytes: RawSpan, at offset: Int
    ) -> (name: Range<Int>, value: Range<Int>)? {
        guard offset + 3 <= bytes.byteCount else { return nil }
        let nameEnd = offset + 3 + Int(bytes.byte(at: offset))
        let valueEnd =
            nameEnd + Int(bytes.byte(at: offset + 1)) + Int(bytes.byte(at: offset + 2)) << 8
        guard valueEnd <= bytes.byteCount else { return nil }
        return (offset + 3..<nameEnd, nameEnd..<valueEnd)
    }
}
