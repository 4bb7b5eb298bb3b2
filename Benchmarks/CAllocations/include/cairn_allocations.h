// Counts of what this process has allocated since it began, all threads together.
#ifndef CAIRN_ALLOCATIONS_H
#define CAIRN_ALLOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

/// Whether the counts mean anything: under a sanitizer its own allocator stays in place.
bool cairn_counts_allocations(void);

/// Calls that gave out memory, or changed the length of a block.
uint64_t cairn_allocation_count(void);

/// Bytes that those calls asked for.
uint64_t cairn_allocated_byte_count(void);

/// The same calls, those of the calling thread alone.
uint64_t cairn_thread_allocation_count(void);

#endif
