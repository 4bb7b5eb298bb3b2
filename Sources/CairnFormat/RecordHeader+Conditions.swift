// RecordHeader+Conditions — what a record header must fulfil, whatever its checksum says.
//
// The same conditions are checked before a header is written and after it is read, so nothing is
// acknowledged that a later scan would refuse. Spec: Format.md, "Record", "Validity".

extension RecordHeader {
    /// A field that is ruled out, and where it stands.
    struct Violation {
        let name: String
        let offset: Int

        static let flags = Violation(name: "flags", offset: 18)
        static let keyByteCount = Violation(name: "key length", offset: 20)
        static let metadataByteCount = Violation(name: "metadata length", offset: 22)
        static let storedByteCount = Violation(name: "stored length", offset: 24)
        static let rawByteCount = Violation(name: "raw length", offset: 28)
        static let codec = Violation(name: "codec", offset: 17)
    }

    /// The first condition that the fields break; nil when they are in order.
    @inline(__always)
    var violation: Violation? {
        if flags.rawValue & RecordFlags.mustUnderstand & ~RecordFlags.known != 0 { return .flags }
        if !isKeyByteCountInOrder { return .keyByteCount }
        if !isMetadataByteCountInOrder { return .metadataByteCount }
        let maximum = UInt(FormatLimits.payloadByteCountMaximum)
        if UInt(bitPattern: storedByteCount) > maximum { return .storedByteCount }
        if UInt(bitPattern: rawByteCount) > maximum { return .rawByteCount }
        return payloadViolation
    }

    @inline(__always)
    private var isKeyByteCountInOrder: Bool {
        switch type {
        case .put, .delete, .composite:
            keyByteCount >= 1 && keyByteCount <= FormatLimits.keyByteCountMaximum
        case .chunk: keyByteCount == ChunkKey.byteCount
        case .mark, .seal: keyByteCount == 0
        }
    }

    @inline(__always)
    private var isMetadataByteCountInOrder: Bool {
        switch type {
        case .mark, .seal: metadataByteCount == 0
        default:
            metadataByteCount >= 0 && metadataByteCount <= FormatLimits.metadataByteCountMaximum
        }
    }

    @inline(__always)
    private var payloadViolation: Violation? {
        switch type {
        case .put, .chunk: blobViolation
        case .delete, .mark: fixedViolation(lengths: 0...0)
        case .composite: fixedViolation(lengths: Composite.byteCount...Composite.byteCount)
        case .seal:
            fixedViolation(lengths: Seal.fixedByteCount...FormatLimits.payloadByteCountMaximum)
        }
    }

    /// Puts and chunks: raw, compressed or in blocks.
    @inline(__always)
    private var blobViolation: Violation? {
        if flags.contains(.blocked) {
            if codec != .raw { return .codec }
            if rawByteCount < 1 { return .rawByteCount }
            return storedByteCount > BlockTable.minimumByteCount ? nil : .storedByteCount
        }
        switch codec {
        case .raw: return storedByteCount == rawByteCount ? nil : .storedByteCount
        case .lz4:
            return storedByteCount >= 1 && storedByteCount < rawByteCount ? nil : .storedByteCount
        }
    }

    /// All other records: stored as they are, in one piece, of a known length.
    @inline(__always)
    private func fixedViolation(lengths: ClosedRange<Int>) -> Violation? {
        if codec != .raw { return .codec }
        if flags.contains(.blocked) { return .flags }
        if !lengths.contains(storedByteCount) { return .storedByteCount }
        return rawByteCount == storedByteCount ? nil : .rawByteCount
    }
}
