// memory.c — the bodies of cairn_memory.h.
//
// MADV_POPULATE_WRITE (Linux 5.14) makes the pages present without touching them one by one; an
// older kernel refuses it, and the pages then come by ordinary faults. Thread-safe.

#include "cairn_memory.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

void *cairn_map_zeroed(size_t byteCount, int populate) {
    if (byteCount == 0) { return NULL; }
    void *address = mmap(
        NULL, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) { return NULL; }
    if (byteCount >= (2u << 20)) { (void)madvise(address, byteCount, MADV_HUGEPAGE); }
    if (populate) { (void)madvise(address, byteCount, MADV_POPULATE_WRITE); }
    return address;
}

void cairn_unmap(void *address, size_t byteCount) {
    if (address != NULL && byteCount != 0) { (void)munmap(address, byteCount); }
}
