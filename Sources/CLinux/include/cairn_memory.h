// cairn_memory.h — anonymous zeroed memory for large tables, and the prefetch hint.
//
// Memory comes from mmap(2), so it is page-aligned and zero; populating it ahead keeps page faults
// out of the lookups that follow. Every function may be called from any thread.

#ifndef CAIRN_MEMORY_H
#define CAIRN_MEMORY_H

#include <stddef.h>

/// Zeroed private memory, or NULL when the system has none. With `populate` the pages are made
/// present before return (best effort). Corresponds to `mmap(2)` and `madvise(2)`.
void *cairn_map_zeroed(size_t byteCount, int populate);

/// Returns what `cairn_map_zeroed` gave, with the same byte count. NULL is allowed.
void cairn_unmap(void *address, size_t byteCount);

/// Asks the processor to fetch the cache line of `address`. Any address is allowed.
static inline void cairn_prefetch(const void *address) {
    __builtin_prefetch(address, 0, 3);
}

#endif
