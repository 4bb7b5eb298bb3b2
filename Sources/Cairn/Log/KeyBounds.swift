// KeyBounds — the least and the greatest key of a segment, for its seal.
//
// Kept apart from the active segment's other fields, which are plain numbers: so copying those
// touches no reference count. Guarded by the log lock. Spec: Format.md, "Seal".

internal import CairnFormat
internal import CairnSystem

/// Bounds of the users' keys in a run of records; both empty while there are none.
struct KeyBounds {
    private(set) var minimum: [UInt8] = []
    private(set) var maximum: [UInt8] = []

    /// Takes up the key of a record of the given type.
    @inline(__always)
    mutating func include(_ key: RawSpan, of type: RecordType) {
        switch type {
        case .put, .composite, .delete: include(key)
        case .chunk, .mark, .seal: break
        }
    }

    private mutating func include(_ key: RawSpan) {
        if minimum.isEmpty {
            minimum = key.copyBytes()
            maximum = minimum
        } else if key.precedes(minimum.rawSpan) {
            Self.replace(&minimum, by: key)
        } else if maximum.rawSpan.precedes(key) {
            Self.replace(&maximum, by: key)
        }
    }

    /// In the bound's own memory: when keys come in order, every one of them is a bound.
    private static func replace(_ bound: inout [UInt8], by key: RawSpan) {
        bound.removeAll(keepingCapacity: true)
        bound.append(copying: key)
    }
}
