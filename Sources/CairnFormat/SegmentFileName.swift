// SegmentFileName — how the files of a segment are called: 16 hexadecimal digits and an extension.
//
// A name that formatting would not give is not ours. Pure functions; any thread.

/// The name of a file that belongs to a segment.
package struct SegmentFileName: Hashable, Sendable, CustomStringConvertible {
    /// What the file holds.
    package enum Kind: String, Sendable, CaseIterable {
        case segment = "seg"
        case hint = "hint"
    }

    /// The segment.
    package let id: UInt64
    /// What the file holds.
    package let kind: Kind

    /// The name of the file of `kind` of the segment `id`.
    package init(_ id: UInt64, _ kind: Kind = .segment) {
        self.id = id
        self.kind = kind
    }

    /// Reads a file name; nil when it is not one of ours.
    package init?(parsing name: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let id = parseHexadecimal(parts[0]),
            let kind = Kind(rawValue: String(parts[1]))
        else { return nil }
        self.init(id, kind)
    }

    /// The name.
    package var description: String { "\(hexadecimal(id)).\(kind.rawValue)" }
}
