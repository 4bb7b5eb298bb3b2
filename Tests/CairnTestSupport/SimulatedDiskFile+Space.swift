// SimulatedFile+Space — how many pages of the disk a file occupies.
//
// What is written or allocated without a gap from the file's start counts as `reservedPageCount`;
// pages written beyond a gap count one by one. A file that no name and no handle reaches occupies
// nothing. Not synchronized: the disk's lock guards it.

extension SimulatedFile {
    /// How many pages of the disk it occupies.
    var occupiedPageCount: Int { isReachable ? reservedPageCount + strayPages.count : 0 }

    /// How many bytes of a write fit into `free` more pages.
    func fittingByteCount(at offset: UInt64, _ count: Int, free: Int) -> Int {
        let pageByteCount = UInt64(SimulatedPages.pageByteCount)
        let first = Int(offset / pageByteCount)
        let last = Self.pageCount(offset + UInt64(count))
        var left = free
        for index in max(first, reservedPageCount)..<max(first, reservedPageCount, last)
        where !strayPages.contains(index) {
            if left == 0 { return Int(max(UInt64(index) * pageByteCount, offset) - offset) }
            left -= 1
        }
        return count
    }

    /// Occupies what a write of `count` bytes needs.
    mutating func occupy(at offset: UInt64, _ count: Int) {
        let first = Int(offset / UInt64(SimulatedPages.pageByteCount))
        let last = Self.pageCount(offset + UInt64(count))
        if last <= reservedPageCount { return }
        if first <= reservedPageCount { return reserve(last) }
        strayPages.formUnion(first..<last)
    }

    /// How many of the first `count` pages are not occupied.
    func missingPageCount(_ count: Int) -> Int {
        let missing = max(0, count - reservedPageCount)
        return strayPages.isEmpty ? missing : missing - strayPages.count { $0 < count }
    }

    /// Occupies the first `count` pages.
    mutating func reserve(_ count: Int) {
        if count <= reservedPageCount { return }
        reservedPageCount = count
        if !strayPages.isEmpty { strayPages = strayPages.filter { $0 >= count } }
    }

    /// Gives up what lies beyond the end.
    mutating func release(beyond newByteCount: UInt64) {
        let pages = Self.pageCount(newByteCount)
        reservedPageCount = min(reservedPageCount, pages)
        if !strayPages.isEmpty { strayPages = strayPages.filter { $0 < pages } }
    }
}
