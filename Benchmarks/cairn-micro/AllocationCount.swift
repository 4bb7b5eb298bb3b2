// AllocationCount — how often malloc was called, and for how many bytes.
//
// The counts come from CAllocations, which stands in this program in malloc's place. Any thread.

internal import CAllocations

struct AllocationCount {
    private(set) var count: UInt64 = 0
    private(set) var byteCount: UInt64 = 0

    /// Whether calls are counted in this build.
    static var isTrue: Bool { cairn_counts_allocations() }

    /// What all threads have allocated since the process began.
    static func now() -> AllocationCount {
        AllocationCount(count: cairn_allocation_count(), byteCount: cairn_allocated_byte_count())
    }

    /// Calls of this thread alone.
    static func ofThisThread() -> UInt64 { cairn_thread_allocation_count() }

    mutating func add(from start: AllocationCount, to end: AllocationCount) {
        count += end.count - start.count
        byteCount += end.byteCount - start.byteCount
    }
}
