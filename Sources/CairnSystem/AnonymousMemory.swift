// AnonymousMemory — zeroed pages for large tables, and the prefetch hint.
//
// Raw memory for the one file outside this module that may hold pointers, the index's tables. Large
// maps are populated at once, so that lookups take no page faults. Any thread; the caller owns what
// it maps and unmaps it once, with the same length.
// Why this is sound: a map is fresh memory that nobody else knows; a prefetch has no effect that a
// program can see, whatever the address.

public import CLinux

/// Zeroed memory from the kernel.
package enum AnonymousMemory {
    /// From this length on, pages are made present at once.
    package static let populatedByteCountMinimum = 64 << 10

    /// Zeroed, page-aligned memory; nil when the system has none or `byteCount` is not positive.
    package static func map(byteCount: Int) -> UnsafeMutableRawPointer? {
        guard byteCount > 0 else { return nil }
        return unsafe cairn_map_zeroed(byteCount, byteCount >= populatedByteCountMinimum ? 1 : 0)
    }

    /// Gives back what `map` gave, with the same length.
    package static func unmap(_ address: UnsafeMutableRawPointer, byteCount: Int) {
        unsafe cairn_unmap(address, byteCount)
    }
}

/// Asks the processor to fetch the cache line of `address`, which may be any.
@inlinable
@inline(__always)
package func prefetch(_ address: UnsafeRawPointer) { unsafe cairn_prefetch(address) }
