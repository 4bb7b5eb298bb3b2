// RecordHeader — the 40 bytes in front of every record, and the shape of the record behind them.
//
// A record is header, key, metadata, payload, then zeros to a multiple of eight. The header's
// checksum covers its own fields from byte 8 on, the key, the metadata and the record's place; see
// RecordHeader+Checksum.swift. Encoding happens once per write inside the log's critical section:
// straight-line stores, no allocation, about 10 ns. Spec: Format.md, "Record". Plain values; any
// thread.

/// What a record says. Raw values are on disk and never reused.
package enum RecordType: UInt8, Sendable, CaseIterable {
    /// A blob stands under the key.
    case put = 1
    /// The key has no blob any more.
    case delete = 2
    /// A piece of a large blob.
    case chunk = 3
    /// A large blob stands under the key; the payload tells where its chunks are.
    case composite = 4
    /// Nothing; proves through its durable lag that what stands before it is durable.
    case mark = 5
    /// The segment ends here.
    case seal = 6
}

/// How a payload is stored. Raw values are on disk and never reused.
package enum Codec: UInt8, Sendable, CaseIterable {
    case raw = 0
    case lz4 = 1
}

/// Facts about a record. An unknown flag in bits 0–7 makes a record invalid; unknown flags in bits
/// 8–15 are kept and ignored.
package struct RecordFlags: OptionSet, Hashable, Sendable {
    /// The bits as stored.
    package let rawValue: UInt16

    /// The flags of stored bits.
    @inlinable
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// No flag. An empty literal would be built by unspecialised code of the standard library.
    @inlinable
    package static var none: RecordFlags { RecordFlags(rawValue: 0) }

    /// The payload is a block table and blocks.
    package static let blocked = RecordFlags(rawValue: 1 << 0)
    /// The record counts only together with the other records of its batch; see its metadata.
    package static let batchMember = RecordFlags(rawValue: 1 << 1)
    /// When the record was written there was, or may have been, a blob whose other key has the
    /// same hash. Without it every older record of the hash is void, whatever its key.
    package static let sharesHash = RecordFlags(rawValue: 1 << 8)

    static let mustUnderstand: UInt16 = 0x00FF
    static let known: UInt16 = 0x0003
}

/// The fields of a record's header.
package struct RecordHeader: Equatable, Sendable {
    /// Bytes of the header.
    @inlinable package static var byteCount: Int { 40 }
    /// The bytes C5 'R' 'E' 'C'.
    package static let marker: UInt32 = 0x4345_52C5

    /// Orders all records of a store; unique but for copies that compaction makes.
    package var sequence: UInt64
    /// What the record says.
    package var type: RecordType
    /// How the payload is stored; raw when it is in blocks.
    package var codec: Codec
    /// Facts about the record.
    package var flags: RecordFlags
    /// Bytes of the key.
    package var keyByteCount: Int
    /// Bytes of the metadata.
    package var metadataByteCount: Int
    /// Bytes of the payload as they stand in the record; with blocks, the table included.
    package var storedByteCount: Int
    /// Bytes of the payload once decoded.
    package var rawByteCount: Int
    /// CRC-32C of the stored payload; with blocks, of the block table alone.
    package var payloadCRC: UInt32
    /// How far behind this record the segment's last synced offset was, in 8-byte units.
    package var durableLag: UInt32

    /// A header with these fields.
    package init(
        sequence: UInt64, type: RecordType, codec: Codec = .raw, flags: RecordFlags = .none,
        keyByteCount: Int, metadataByteCount: Int = 0, storedByteCount: Int = 0,
        rawByteCount: Int = 0, payloadCRC: UInt32 = 0, durableLag: UInt32 = 0
    ) {
        self.sequence = sequence
        self.type = type
        self.codec = codec
        self.flags = flags
        self.keyByteCount = keyByteCount
        self.metadataByteCount = metadataByteCount
        self.storedByteCount = storedByteCount
        self.rawByteCount = rawByteCount
        self.payloadCRC = payloadCRC
        self.durableLag = durableLag
    }

    /// Bytes of header, key and metadata: all that the header's checksum covers.
    package var prefixByteCount: Int { Self.byteCount + keyByteCount + metadataByteCount }
    /// Bytes of the whole record, its padding included.
    package var recordByteCount: Int { alignedToRecord(prefixByteCount + storedByteCount) }
    /// Bytes of the whole record but its padding.
    package var unpaddedByteCount: Int { prefixByteCount + storedByteCount }
    /// Where the key stands, counted from the start of the record.
    package var keyRange: Range<Int> { Self.byteCount..<Self.byteCount + keyByteCount }
    /// Where the metadata stands, counted from the start of the record.
    package var metadataRange: Range<Int> { Self.byteCount + keyByteCount..<prefixByteCount }
    /// Where the payload stands, counted from the start of the record.
    package var payloadRange: Range<Int> { prefixByteCount..<unpaddedByteCount }
}

extension RecordHeader {
    /// Everything below this offset was durable when the record, which stands at `offset`, was
    /// written.
    package func provenOffset(at offset: UInt64) -> UInt64 {
        let lag = UInt64(durableLag) * 8
        return lag <= offset ? offset - lag : 0
    }

    /// The lag of a record at `offset` when everything below `durableOffset` is synced.
    package static func durableLag(at offset: UInt64, durableOffset: UInt64) -> UInt32 {
        let units = offset / 8 - min(durableOffset, offset) / 8
        return UInt32(truncatingIfNeeded: min(units, UInt64(UInt32.max)))
    }
}

extension RecordHeader {
    /// Writes the 40 bytes at `offset`, the header's checksum still zero. The fields must fulfil
    /// the conditions that decoding checks.
    package func encode(into bytes: inout MutableRawSpan, at offset: Int = 0) {
        precondition(violation == nil, "a record header fulfils its own conditions")
        bytes.store(UInt64(Self.marker), at: offset)
        bytes.store(sequence, at: offset + 8)
        let kind =
            UInt64(type.rawValue) | UInt64(codec.rawValue) << 8 | UInt64(flags.rawValue) << 16
        let lengths =
            UInt64(truncatingIfNeeded: keyByteCount) << 32
            | UInt64(truncatingIfNeeded: metadataByteCount) << 48
        bytes.store(kind | lengths, at: offset + 16)
        bytes.store(
            UInt64(truncatingIfNeeded: storedByteCount)
                | UInt64(truncatingIfNeeded: rawByteCount) << 32,
            at: offset + 24)
        bytes.store(UInt64(payloadCRC) | UInt64(durableLag) << 32, at: offset + 32)
    }

    /// Reads the 40 bytes at `offset` and checks everything but checksums. The record may reach
    /// beyond the end of `bytes`.
    package init(decoding bytes: RawSpan, at offset: Int = 0) throws(FormatError) {
        guard offset >= 0, offset <= bytes.byteCount, bytes.byteCount - offset >= Self.byteCount
        else {
            throw FormatError(.truncated, in: .record, at: 0)
        }
        guard bytes.loadUInt32(at: offset) == Self.marker else {
            throw FormatError(.wrongMagic, in: .record, at: 0)
        }
        guard let type = RecordType(rawValue: bytes.loadUInt8(at: offset + 16)) else {
            throw FormatError(.invalidField("type"), in: .record, at: 16)
        }
        guard let codec = Codec(rawValue: bytes.loadUInt8(at: offset + 17)) else {
            throw FormatError(.invalidField("codec"), in: .record, at: 17)
        }
        self.init(
            sequence: bytes.loadUInt64(at: offset + 8), type: type, codec: codec,
            flags: RecordFlags(rawValue: bytes.loadUInt16(at: offset + 18)),
            keyByteCount: Int(bytes.loadUInt16(at: offset + 20)),
            metadataByteCount: Int(bytes.loadUInt16(at: offset + 22)),
            storedByteCount: Int(bytes.loadUInt32(at: offset + 24)),
            rawByteCount: Int(bytes.loadUInt32(at: offset + 28)),
            payloadCRC: bytes.loadUInt32(at: offset + 32),
            durableLag: bytes.loadUInt32(at: offset + 36))
        if let violation {
            throw FormatError(.invalidField(violation.name), in: .record, at: violation.offset)
        }
    }
}
