// cairn_crc.h — CRC-32C (Castagnoli) by the fastest means this processor has.
//
// All functions compute the same: the standard CRC-32C, check value of "123456789" 0xE3069283,
// started from `seed`, so that crc(a then b) == crc(b, seed: crc(a)). Which ones may be called is
// decided once, before main; all are thread-safe.

#ifndef CAIRN_CRC_H
#define CAIRN_CRC_H

#include <stddef.h>
#include <stdint.h>

/// Up to this many bytes the processor's instruction beats the library, whose set-up costs more.
#define CAIRN_CRC_SMALL_BYTE_COUNT 192

/// Not zero when `cairn_crc32c_hardware` may be called. Written once, before main.
extern int cairn_crc32c_hardware_present;

/// Portable, slicing by eight.
uint32_t cairn_crc32c_portable(uint32_t seed, const void *bytes, size_t byteCount);

/// One instruction for eight bytes. Only where `cairn_crc32c_hardware_present`.
uint32_t cairn_crc32c_hardware(uint32_t seed, const void *bytes, size_t byteCount);

/// ISA-L, which interleaves and folds; it chooses its own implementation at run time.
uint32_t cairn_crc32c_library(uint32_t seed, const void *bytes, size_t byteCount);

static inline int cairn_crc32c_has_hardware(void) { return cairn_crc32c_hardware_present; }

/// The CRC by whichever of the above is fastest for this length.
static inline uint32_t cairn_crc32c(uint32_t seed, const void *bytes, size_t byteCount) {
    if (byteCount > CAIRN_CRC_SMALL_BYTE_COUNT) {
        return cairn_crc32c_library(seed, bytes, byteCount);
    }
    if (cairn_crc32c_hardware_present) { return cairn_crc32c_hardware(seed, bytes, byteCount); }
    return cairn_crc32c_portable(seed, bytes, byteCount);
}

#endif
