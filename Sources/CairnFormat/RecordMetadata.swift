// RecordMetadata — what a record says beside key and payload: expiry, batch, the user's metadata.
//
// A run of fields, each tag u16, length u16, value; tags ascend, so none appears twice. A tag below
// 0x8000 must be understood; one from 0x8000 on may be skipped, and is kept by whoever copies the
// record. Nothing to say takes no bytes. Decoding allocates nothing: the user's metadata is given
// as its place. Spec: Format.md, "Metadata". Plain values; any thread.

internal import CairnSystem

/// Which member of which batch a record is.
package struct BatchMembership: Equatable, Sendable {
    /// Bytes of the field's value.
    package static let byteCount = 16

    /// A sequence number that no other batch of the segment carries.
    package let batchID: UInt64
    /// From 0.
    package let index: UInt32
    /// Members of the batch.
    package let count: UInt32

    /// The member `index` of a batch of `count`.
    package init(batchID: UInt64, index: UInt32, count: UInt32) {
        self.batchID = batchID
        self.index = index
        self.count = count
    }

    var isMeaningful: Bool {
        index < count && count <= FormatLimits.batchCountMaximum
    }
}

/// The decoded metadata of a record.
package struct RecordMetadata: Equatable, Sendable {
    /// The tags of the fields. Raw values are on disk and never reused.
    package enum Tag: UInt16, Sendable, CaseIterable {
        case expiry = 1
        case batch = 2
        case user = 3
    }

    /// Tags from here on may be skipped by a program that does not know them.
    package static let firstOptionalTag: UInt16 = 0x8000
    static let fieldHeaderByteCount = 4
    /// The longest metadata of a user that fits beside expiry and batch.
    package static let userByteCountMaximum =
        FormatLimits.metadataByteCountMaximum
        - (3 * fieldHeaderByteCount + 8 + BatchMembership.byteCount)

    /// Nanoseconds since 1970 from which on the record counts as absent; never 0.
    package private(set) var expiry: UInt64?
    /// The batch that the record was written in.
    package private(set) var batch: BatchMembership?
    /// Where the batch field stands, tag and length included. Who copies a record without its
    /// batch leaves these bytes out.
    package private(set) var batchFieldRange: Range<Int>?
    /// Where the user's metadata stands; nil when there is none.
    package private(set) var userRange: Range<Int>?

    /// Metadata of no bytes.
    package init() {}
}

extension RecordMetadata {
    /// Reads metadata; `bytes` is exactly it.
    package init(decoding bytes: RawSpan) throws(FormatError) {
        var offset = 0
        var previousTag: UInt16 = 0
        while offset < bytes.byteCount {
            guard bytes.byteCount - offset >= Self.fieldHeaderByteCount else {
                throw FormatError(.truncated, in: .metadata, at: offset)
            }
            let tag = bytes.loadUInt16(at: offset)
            guard tag > previousTag else {
                throw FormatError(.invalidField("order of tags"), in: .metadata, at: offset)
            }
            let start = offset + Self.fieldHeaderByteCount
            let end = start + Int(bytes.loadUInt16(at: offset + 2))
            guard end <= bytes.byteCount else {
                throw FormatError(.truncated, in: .metadata, at: offset + 2)
            }
            try take(tag, value: start..<end, of: bytes)
            previousTag = tag
            offset = end
        }
    }

    /// Reads the metadata of a record whose header is valid; `record` starts at its header and
    /// holds at least the metadata. The batch flag and the batch field must stand together.
    package init(of record: RawSpan, header: RecordHeader) throws(FormatError) {
        guard record.byteCount >= header.prefixByteCount else {
            throw FormatError(.truncated, in: .metadata, at: 0)
        }
        try self.init(decoding: record.extracting(header.metadataRange))
        guard header.flags.contains(.batchMember) == (batch != nil) else {
            throw FormatError(.invalidField("batch"), in: .metadata, at: 0)
        }
    }

    private mutating func take(
        _ tag: UInt16, value: Range<Int>, of bytes: RawSpan
    ) throws(FormatError) {
        switch Tag(rawValue: tag) {
        case .expiry: try takeExpiry(value, of: bytes)
        case .batch: try takeBatch(value, of: bytes)
        case .user: try takeUser(value)
        case nil where tag >= Self.firstOptionalTag: break
        case nil:
            let offset = value.lowerBound - Self.fieldHeaderByteCount
            throw FormatError(.unsupportedTag(tag), in: .metadata, at: offset)
        }
    }

    private mutating func takeExpiry(_ value: Range<Int>, of bytes: RawSpan) throws(FormatError) {
        guard value.count == 8 else {
            throw FormatError(.invalidField("expiry"), in: .metadata, at: value.lowerBound - 2)
        }
        let time = bytes.loadUInt64(at: value.lowerBound)
        guard time != 0 else {
            throw FormatError(.invalidField("expiry"), in: .metadata, at: value.lowerBound)
        }
        expiry = time
    }

    private mutating func takeBatch(_ value: Range<Int>, of bytes: RawSpan) throws(FormatError) {
        let start = value.lowerBound
        guard value.count == BatchMembership.byteCount else {
            throw FormatError(.invalidField("batch"), in: .metadata, at: start - 2)
        }
        let batch = BatchMembership(
            batchID: bytes.loadUInt64(at: start), index: bytes.loadUInt32(at: start + 8),
            count: bytes.loadUInt32(at: start + 12))
        guard batch.isMeaningful else {
            throw FormatError(.invalidField("batch"), in: .metadata, at: start)
        }
        self.batch = batch
        batchFieldRange = start - Self.fieldHeaderByteCount..<value.upperBound
    }

    private mutating func takeUser(_ value: Range<Int>) throws(FormatError) {
        guard !value.isEmpty else {
            throw FormatError(.invalidField("user metadata"), in: .metadata, at: value.lowerBound)
        }
        userRange = value
    }
}

extension RecordMetadata {
    /// Bytes that `encode` writes for these fields.
    package static func byteCount(
        hasExpiry: Bool, isBatchMember: Bool, userByteCount: Int
    ) -> Int {
        (hasExpiry ? fieldHeaderByteCount + 8 : 0)
            + (isBatchMember ? fieldHeaderByteCount + BatchMembership.byteCount : 0)
            + (userByteCount > 0 ? fieldHeaderByteCount + userByteCount : 0)
    }

    /// Writes the fields that are there at `offset` and returns how many bytes they take. Empty
    /// metadata of a user is none; an expiry of 0 is written as 1.
    @discardableResult
    package static func encode(
        expiry: UInt64? = nil, batch: BatchMembership? = nil, user: RawSpan,
        into bytes: inout MutableRawSpan, at offset: Int = 0
    ) -> Int {
        precondition(user.byteCount <= userByteCountMaximum, "a user's metadata fits its record")
        var end = offset
        if let expiry {
            storeField(.expiry, byteCount: 8, into: &bytes, at: &end)
            bytes.store(max(expiry, 1), at: end - 8)
        }
        if let batch { store(batch, into: &bytes, at: &end) }
        if !user.isEmpty {
            storeField(.user, byteCount: user.byteCount, into: &bytes, at: &end)
            bytes.copy(from: user, to: end - user.byteCount)
        }
        return end - offset
    }

    private static func store(
        _ batch: BatchMembership, into bytes: inout MutableRawSpan, at end: inout Int
    ) {
        precondition(batch.isMeaningful, "a batch's index is below its count")
        storeField(.batch, byteCount: BatchMembership.byteCount, into: &bytes, at: &end)
        bytes.store(batch.batchID, at: end - 16)
        bytes.store(batch.index, at: end - 8)
        bytes.store(batch.count, at: end - 4)
    }

    /// Writes tag and length and moves `end` behind the value's place.
    private static func storeField(
        _ tag: Tag, byteCount: Int, into bytes: inout MutableRawSpan, at end: inout Int
    ) {
        bytes.store(tag.rawValue, at: end)
        bytes.store(UInt16(byteCount), at: end + 2)
        end += fieldHeaderByteCount + byteCount
    }
}
