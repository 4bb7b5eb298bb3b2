// LentBytes — the bytes of a small blob where they were read to, for whoever passes them on at once.
//
// A copy of its own would be made, filled, and freed for each blob that is served. The reading thread's scratch is
// taken as long as they are lent; another read on the thread meanwhile gets a fresh one. On the thread that
// read them.

internal import CairnSystem

/// Verified bytes that are soon gone.
package struct LentBytes: ~Copyable {
    private let scratch: ReadScratch
    private let buffer: AlignedBuffer
    private let range: Range<Int>

    /// Gives the scratch back at its end.
    init(_ scratch: ReadScratch, _ buffer: AlignedBuffer, _ range: Range<Int>) {
        self.scratch = scratch
        self.buffer = buffer
        self.range = range
    }

    deinit { scratch.giveBack() }

    /// All of them.
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get { buffer.bytes(range) }
    }
}
