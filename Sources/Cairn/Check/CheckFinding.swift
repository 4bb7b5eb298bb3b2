// CheckFinding — one thing that a check of a store found, and what follows from it.
//
// A *note* costs nothing: a byte that nothing reads, a cache that will be made again, the unsynced
// tail of a crash. *Damage* is everything else. Plain values; the words are for operators, kinds and
// severities are stable for programs.

package import CairnFormat

/// One finding of a check.
package struct CheckFinding: Equatable, Sendable {
    /// Whether something must be done.
    package enum Severity: String, Sendable, CaseIterable {
        case note
        case damage
    }

    /// What it is about.
    package enum Kind: String, Sendable, CaseIterable {
        /// STORE is missing or damaged.
        case store
        /// MANIFEST is missing or damaged.
        case manifest
        /// A listed segment has no file, or that of another.
        case missingSegment
        /// A segment's file is shorter than its log.
        case shortSegment
        /// The header of a segment.
        case segmentHeader
        /// The seal of a segment, or what it adds up to.
        case seal
        /// The hint of a segment is there and cannot be used.
        case hint
        /// An ended segment has no hint.
        case missingHint
        /// Header, key or metadata of a record.
        case record
        /// The payload of a record, or a block of it.
        case payload
        /// Bytes that belonged to records which nobody can name.
        case span
        /// A chunk of a live blob is not there.
        case missingChunk
        /// Behind the last durable byte of a segment that was not ended: a crash leaves such.
        case tail
        /// A byte that is zero when written and that nothing reads.
        case freeByte
        /// A file that no list knows.
        case unlistedFile
        /// What was being written when a program stopped.
        case leftover
        /// The disk refuses to read.
        case unreadable
    }

    /// What it is about.
    package var kind: Kind
    /// Whether something must be done.
    package var severity: Severity
    /// The file, as a path in the store.
    package var file: String
    /// The segment concerned, if one is.
    package var segmentID: UInt64?
    /// Where in the file.
    package var offset: UInt64?
    /// How many bytes are concerned.
    package var byteCount: UInt64?
    /// Of the record concerned, if it has one and it is known.
    package var key: [UInt8]?
    /// Of that record.
    package var sequence: UInt64?
    /// Of that record.
    package var type: RecordType?
    /// What is wrong, in a few words.
    package var what: String
    /// When it matters, and to whom.
    package var matters: String

    init(
        _ kind: Kind, _ severity: Severity, file: String, segmentID: UInt64? = nil,
        offset: UInt64? = nil, byteCount: UInt64? = nil, key: [UInt8]? = nil,
        sequence: UInt64? = nil, type: RecordType? = nil, what: String, matters: String
    ) {
        self.kind = kind
        self.severity = severity
        self.file = file
        self.segmentID = segmentID
        self.offset = offset
        self.byteCount = byteCount
        self.key = key
        self.sequence = sequence
        self.type = type
        self.what = what
        self.matters = matters
    }
}

extension CheckFinding {
    static func missingChunk(
        _ number: UInt32, ofBlob blobID: UInt64, key: [UInt8], sequence: UInt64,
        segmentID: UInt64, offset: UInt64
    ) -> CheckFinding {
        CheckFinding(
            .missingChunk, .damage, file: "segments/\(SegmentFileName(segmentID))",
            segmentID: segmentID, offset: offset, key: key, sequence: sequence, type: .composite,
            what: "chunk \(number) of blob \(blobID) is not there",
            matters: "now: reading that part of the key fails")
    }

    /// What a read that meets it would throw.
    package var error: StoreError {
        let place = file + (offset.map { ", offset \($0)" } ?? "")
        let message =
            key.map { "the blob \(escapedText($0)) is damaged: \(what) (\(place))" }
            ?? "\(place): \(what)"
        return StoreError(.damaged, message, segmentID: segmentID, offset: offset)
    }
}

/// What a check looked at and how it ended.
package struct CheckSummary: Equatable, Sendable {
    /// Listed segments.
    package var segmentCount = 0
    /// Records that were read; none in the quick form.
    package var recordCount: UInt64 = 0
    /// Bytes that were read.
    package var byteCount: UInt64 = 0
    /// Findings that cost nothing.
    package var noteCount = 0
    /// All other findings.
    package var damageCount = 0
}

/// How far a check has come.
package struct CheckProgress: Equatable, Sendable {
    /// Bytes that were read.
    package let byteCount: UInt64
    /// Bytes to read in all.
    package let byteTotal: UInt64
}

extension RecordType {
    /// What messages call a record of this type.
    var noun: String {
        switch self {
        case .put: "put"
        case .delete: "delete"
        case .chunk: "chunk"
        case .composite: "composite record"
        case .mark: "mark"
        case .seal: "seal"
        }
    }
}
