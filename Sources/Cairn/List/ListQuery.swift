// ListQuery — which keys a listing gives, and what a delimiter makes of them.
//
// Keys are compared byte by byte. With a delimiter, keys that have it behind the listing's prefix are
// given once, as what they have in common up to and with the first delimiter. Pure; any thread.
// Spec: Engine.md, "Listing".

internal import CairnFormat
internal import CairnSystem

/// What is to be listed.
struct ListQuery: Sendable {
    /// Keys that do not begin so are left out.
    var prefix: [UInt8] = []
    /// The listing begins behind this key, or behind all keys that begin with this common prefix.
    var after: [UInt8]?
    /// Empty: none.
    var delimiter: [UInt8] = []
    /// Whether each blob comes with its version, size and metadata.
    var includesInformation = false
    /// Whether keys are listed of which a read would answer that it does not know.
    var includesUncertain = false

    /// No key before it is listed; nil: none is.
    var start: [UInt8]? {
        guard let after else { return prefix }
        if commonPrefixByteCount(of: after.rawSpan) == after.count {
            return Self.successor(of: after).map { max($0, prefix) }
        }
        return max(after + [0], prefix)
    }

    private func max(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        left.rawSpan.precedes(right.rawSpan) ? right : left
    }

    /// Whether a key that is not before `start` is to be listed; the first that is not ends the
    /// listing.
    func holds(_ key: RawSpan) -> Bool {
        key.byteCount >= prefix.count
            && key.extracting(0..<prefix.count).isEqual(to: prefix.rawSpan)
    }

    /// How much of a key stands for it and others like it; nil: it stands for itself.
    func commonPrefixByteCount(of key: RawSpan) -> Int? {
        guard !delimiter.isEmpty, holds(key) else { return nil }
        let first = delimiter[0]
        var place = prefix.count
        while place + delimiter.count <= key.byteCount {
            if key.loadUInt8(at: place) == first,
                key.extracting(place..<place + delimiter.count).isEqual(to: delimiter.rawSpan)
            {
                return place + delimiter.count
            }
            place += 1
        }
        return nil
    }

    /// The least bytes behind everything that begins with `prefix`; nil: nothing is behind it.
    static func successor(of prefix: [UInt8]) -> [UInt8]? {
        guard let last = prefix.lastIndex(where: { $0 != 0xFF }) else { return nil }
        var successor = Array(prefix[...last])
        successor[last] += 1
        return successor
    }
}
