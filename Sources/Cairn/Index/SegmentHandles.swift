// SegmentHandles — for each segment ordinal, the file handle, how far the file holds bytes, and the
// seed of its checksums.
//
// Readers look up without locks, inside a `Readers` section; one writer at a time changes entries.
// The writer stores the flushed offset before the handle, and clears the handle before it retires
// the closing of the file: a handle that a reader sees stays open until the reader leaves. An
// ordinal is used again only after such a retirement. Handles are plain numbers, -1 for none.

import Synchronization

/// What a reader needs of a segment, found without locks by the segment's ordinal.
package final class SegmentHandles: Sendable {
    // An entry is four words: handle + 1, so that zeroed memory says none, the flushed offset, the
    // seed with `wantedMark` above it, the segment's id.
    private let words = PagedWords(countMaximum: Location.segmentOrdinalCount * 4)

    private static let wantedMark: UInt64 = 1 << 32
    /// In place of a handle; as one it reads -1.
    private static let closedMark: UInt64 = 1 << 32

    package init() {}

    /// The segment's file, or -1: then the caller loads the location again, for it has moved.
    package func handle(of ordinal: Int) -> Int32 {
        Int32(truncatingIfNeeded: words.load(ordinal &* 4)) &- 1
    }

    /// As `handle(of:)`; notes that the file was wanted. One store after each `takeWanted`.
    @inline(__always)
    package func wantedHandle(of ordinal: Int) -> Int32 {
        let seed = words.load(ordinal &* 4 &+ 2)
        if seed & Self.wantedMark == 0 {
            words.publish(seed | Self.wantedMark, at: ordinal &* 4 &+ 2)
        }
        return handle(of: ordinal)
    }

    /// Whether the file was wanted since the last call. Readers may note it at the same time; a note
    /// may be lost, nothing else.
    package func takeWanted(_ ordinal: Int) -> Bool {
        let seed = words.load(ordinal * 4 + 2)
        words.publish(seed & ~Self.wantedMark, at: ordinal * 4 + 2)
        return seed & Self.wantedMark != 0
    }

    /// The file holds the segment's bytes below this offset; beyond it they are in a buffer.
    package func flushedOffset(of ordinal: Int) -> UInt64 { words.load(ordinal &* 4 &+ 1) }

    /// What the segment's header checksums start from.
    package func seed(of ordinal: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: words.load(ordinal &* 4 &+ 2))
    }

    /// The segment's id. Who keeps a location beyond its reader's section compares it: as long as it is
    /// the same, so is what the location means.
    package func segmentID(of ordinal: Int) -> UInt64 { words.load(ordinal &* 4 &+ 3) }

    /// Makes a segment known to readers. Writer only.
    package func add(
        _ handle: Int32, flushedOffset: UInt64, seed: UInt32 = 0, segmentID: UInt64 = 0,
        for ordinal: Int
    ) {
        precondition(handle >= 0, "a file handle is not negative")
        words.publish(UInt64(seed), at: ordinal * 4 + 2)
        words.publish(segmentID, at: ordinal * 4 + 3)
        setFlushedOffset(flushedOffset, for: ordinal)
        words.publish(UInt64(handle) + 1, at: ordinal * 4)
    }

    /// Everything before this call is visible to a reader that sees the new offset. Writer only.
    package func setFlushedOffset(_ offset: UInt64, for ordinal: Int) {
        words.publish(offset, at: ordinal * 4 + 1)
    }

    /// Publishes the file of a segment that was closed. One thread at a time.
    package func reopen(_ handle: Int32, for ordinal: Int) {
        precondition(handle >= 0, "a file handle is not negative")
        words.publish(UInt64(handle) + 1, at: ordinal * 4)
    }

    /// Forgets a segment's file, not the segment; returns its handle. Close that through
    /// `Readers.retire`. One thread at a time.
    package func close(_ ordinal: Int) -> Int32 {
        let handle = handle(of: ordinal)
        words.publish(Self.closedMark, at: ordinal * 4)
        return handle
    }

    /// Whether the segment is there and its file was closed.
    package func isClosed(_ ordinal: Int) -> Bool { words.load(ordinal * 4) == Self.closedMark }

    /// Whether the ordinal is this segment's, its file open or not.
    package func holds(_ segmentID: UInt64, at ordinal: Int) -> Bool {
        self.segmentID(of: ordinal) == segmentID && (handle(of: ordinal) >= 0 || isClosed(ordinal))
    }

    /// Forgets a segment; returns its handle. Close that through `Readers.retire`. Writer only.
    @discardableResult
    package func remove(_ ordinal: Int) -> Int32 {
        let handle = handle(of: ordinal)
        words.publish(0, at: ordinal * 4)
        return handle
    }
}
