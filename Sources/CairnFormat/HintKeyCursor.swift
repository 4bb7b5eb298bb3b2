// HintKeyCursor — walks over the keys of one block of a hint, in order.
//
// The cursor keeps the current key, since each entry only holds its difference from the one before.
// Every length is checked against the bytes that are there. Spec: Format.md, "Hint", "Keys". One
// thread at a time.

internal import CairnSystem

/// A position among the keys of a block.
package struct HintKeyCursor: ~Escapable {
    private let entries: RawSpan
    private var offset: Int
    /// The current key; empty before the first key and after the last.
    package private(set) var key: [UInt8] = []
    /// The row of the table that the current key belongs to.
    package private(set) var row = 0
    /// Where the record of the current key stands in the segment.
    package private(set) var recordOffset: UInt64 = 0
    /// When it expires, in nanoseconds since 1970; 0 for never.
    package private(set) var expiry: UInt64 = 0

    /// Whether the cursor stands on a key.
    package var hasKey: Bool { !key.isEmpty }

    /// A cursor in front of the restart point at `offset`.
    @_lifetime(copy entries)
    init(entries: RawSpan, at offset: Int) {
        self.entries = entries
        self.offset = offset
    }

    /// Moves to the next key; false at the end of the block.
    package mutating func advance() throws(FormatError) -> Bool {
        guard offset < entries.byteCount else {
            key = []
            return false
        }
        let start = offset
        guard let shared = integer(), let unshared = integer(), let row = integer(),
            let place = integer(), takeExpiry(isThere: place & 1 != 0)
        else { throw FormatError(.truncated, in: .hintKeys, at: start) }
        guard shared <= key.count else {
            throw FormatError(.invalidField("shared length"), in: .hintKeys, at: start)
        }
        guard unshared <= entries.byteCount - offset else {
            throw FormatError(.truncated, in: .hintKeys, at: start)
        }
        guard (1...FormatLimits.keyByteCountMaximum).contains(shared + unshared) else {
            throw FormatError(.invalidField("key length"), in: .hintKeys, at: start)
        }
        take(shared: shared, unshared: unshared)
        self.row = row
        recordOffset = UInt64(place >> 1) * 8
        return true
    }

    /// False when the time is missing.
    private mutating func takeExpiry(isThere: Bool) -> Bool {
        expiry = 0
        guard isThere else { return true }
        guard entries.byteCount - offset >= 8 else { return false }
        expiry = entries.loadUInt64(at: offset)
        offset += 8
        return true
    }

    private mutating func take(shared: Int, unshared: Int) {
        key.removeLast(key.count - shared)
        key.append(copying: entries.extracting(offset..<offset + unshared))
        offset += unshared
    }

    private mutating func integer() -> Int? {
        VariableInteger.load(entries, at: &offset, end: entries.byteCount).map(Int.init)
    }
}
