// FormatError — what was wrong with bytes that claimed to be one of our structures, and where.
//
// The decoders of this module throw nothing else. Damage is a value: no input, however hostile,
// stops the program. Creating an error allocates nothing, since scans create one per wrong guess.
// The layer above adds which file and segment it was. Plain values; any thread.

/// The structures of the format, under the names Format.md gives them.
package enum FormatStructure: String, Sendable {
    case store = "STORE"
    case manifest = "MANIFEST"
    case scrub = "SCRUB"
    case segmentHeader = "segment header"
    case record = "record"
    case metadata = "metadata"
    case blockTable = "block table"
    case block = "block"
    case chunkKey = "chunk key"
    case composite = "composite"
    case seal = "seal"
    case hint = "hint"
    case hintTable = "hint table"
    case hintKeys = "hint keys"
}

/// A structure that could not be decoded.
package struct FormatError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was wrong.
    package enum Kind: Equatable, Sendable {
        /// The bytes end before the structure does.
        case truncated
        /// More bytes follow than the structure has.
        case trailingBytes
        /// The magic or marker is another.
        case wrongMagic
        /// Written by a version this program does not know.
        case unsupportedVersion(UInt32)
        /// Incompatible feature bits this program does not know.
        case unsupportedFeatures(UInt32)
        /// A metadata tag this program must understand and does not.
        case unsupportedTag(UInt16)
        /// The checksum does not match the bytes.
        case checksumMismatch
        /// The named field holds a value the specification rules out.
        case invalidField(String)
        /// The structure belongs to something else, in the named respect.
        case foreign(String)
    }

    /// What was wrong.
    package let kind: Kind
    /// In which structure.
    package let structure: FormatStructure
    /// Position of the field at fault, counted from the start of the structure.
    package let offset: Int

    /// An error of `kind` at a position of a structure. Allocates nothing.
    package init(_ kind: Kind, in structure: FormatStructure, at offset: Int) {
        self.kind = kind
        self.structure = structure
        self.offset = offset
    }

    /// For operators: what and where, in one line.
    package var description: String {
        "\(structure.rawValue): \(kind)\(known) at byte \(offset)"
    }

    /// Of a version that nobody knows here, which one is known.
    private var known: String {
        guard case .unsupportedVersion = kind else { return "" }
        let version = structure == .hint ? FormatVersion.hint : FormatVersion.current
        return " (this program knows \(version))"
    }
}

extension FormatError.Kind: CustomStringConvertible {
    /// For operators: what and where, in one line.
    package var description: String {
        switch self {
        case .truncated: "ends too early"
        case .trailingBytes: "bytes left over"
        case .wrongMagic: "wrong magic"
        case .unsupportedVersion(let version): "unsupported version \(version)"
        case .unsupportedFeatures(let bits): "unsupported feature bits 0x\(hexadecimal(bits))"
        case .unsupportedTag(let tag): "unsupported tag 0x\(hexadecimal(tag))"
        case .checksumMismatch: "checksum mismatch"
        case .invalidField(let name): "invalid \(name)"
        case .foreign(let name): "\(name) of something else"
        }
    }
}

extension FormatError {
    /// A newer program wrote it; nothing is damaged.
    package var isUnsupported: Bool {
        switch kind {
        case .unsupportedVersion, .unsupportedFeatures, .unsupportedTag: true
        default: false
        }
    }
}
