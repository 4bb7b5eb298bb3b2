// crc.c — the bodies of cairn_crc.h.
//
// Every function inverts the seed on the way in and the result on the way out, which makes chaining
// work. ISA-L does neither, takes an int length and wants a pointer to non-const bytes that it only
// reads. A constructor looks at the processor before main, so nothing here is written later.

#include "cairn_crc.h"

#include <isa-l/crc.h>
#include <string.h>

// Larger than any call of ours; a multiple of 64 keeps later pieces as aligned as the first.
#define LIBRARY_PIECE_BYTE_COUNT ((size_t)1 << 30)

static uint32_t tables[8][256];
int cairn_crc32c_hardware_present = 0;

static void make_tables(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        }
        tables[0][value] = crc;
    }
    for (uint32_t value = 0; value < 256; value++) {
        for (int table = 1; table < 8; table++) {
            uint32_t before = tables[table - 1][value];
            tables[table][value] = (before >> 8) ^ tables[0][before & 0xFF];
        }
    }
}

static uint64_t load_little_endian(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

uint32_t cairn_crc32c_portable(uint32_t seed, const void *bytes, size_t byteCount) {
    const uint8_t *at = bytes;
    uint32_t crc = ~seed;
    for (; byteCount >= 8; byteCount -= 8, at += 8) {
        uint64_t word = load_little_endian(at) ^ crc;
        crc = tables[7][word & 0xFF] ^ tables[6][(word >> 8) & 0xFF]
            ^ tables[5][(word >> 16) & 0xFF] ^ tables[4][(word >> 24) & 0xFF]
            ^ tables[3][(word >> 32) & 0xFF] ^ tables[2][(word >> 40) & 0xFF]
            ^ tables[1][(word >> 48) & 0xFF] ^ tables[0][word >> 56];
    }
    for (; byteCount > 0; byteCount--, at++) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xFF];
    }
    return ~crc;
}

uint32_t cairn_crc32c_library(uint32_t seed, const void *bytes, size_t byteCount) {
    const uint8_t *at = bytes;
    uint32_t crc = ~seed;
    while (byteCount > 0) {
        size_t piece = byteCount < LIBRARY_PIECE_BYTE_COUNT ? byteCount : LIBRARY_PIECE_BYTE_COUNT;
        crc = crc32_iscsi((unsigned char *)(uintptr_t)at, (int)piece, crc);
        at += piece;
        byteCount -= piece;
    }
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2")))
uint32_t cairn_crc32c_hardware(uint32_t seed, const void *bytes, size_t byteCount) {
    const uint8_t *at = bytes;
    uint64_t crc = (uint32_t)~seed;
    for (; byteCount >= 8; byteCount -= 8, at += 8) {
        crc = __builtin_ia32_crc32di(crc, load_little_endian(at));
    }
    uint32_t tail = (uint32_t)crc;
    if (byteCount & 4) {
        uint32_t word;
        memcpy(&word, at, sizeof word);
        tail = __builtin_ia32_crc32si(tail, word);
        at += 4;
    }
    if (byteCount & 2) {
        uint16_t word;
        memcpy(&word, at, sizeof word);
        tail = __builtin_ia32_crc32hi(tail, word);
        at += 2;
    }
    if (byteCount & 1) { tail = __builtin_ia32_crc32qi(tail, *at); }
    return ~tail;
}

static int find_hardware(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0;
}

#elif defined(__aarch64__)

#include <sys/auxv.h>

#define HARDWARE_CAPABILITY_CRC32 (1ul << 7)

__attribute__((target("crc")))
uint32_t cairn_crc32c_hardware(uint32_t seed, const void *bytes, size_t byteCount) {
    const uint8_t *at = bytes;
    uint32_t crc = ~seed;
    for (; byteCount >= 8; byteCount -= 8, at += 8) {
        crc = __builtin_arm_crc32cd(crc, load_little_endian(at));
    }
    for (; byteCount > 0; byteCount--, at++) { crc = __builtin_arm_crc32cb(crc, *at); }
    return ~crc;
}

static int find_hardware(void) {
    return (getauxval(AT_HWCAP) & HARDWARE_CAPABILITY_CRC32) != 0;
}

#else

uint32_t cairn_crc32c_hardware(uint32_t seed, const void *bytes, size_t byteCount) {
    return cairn_crc32c_portable(seed, bytes, byteCount);
}

static int find_hardware(void) { return 0; }

#endif

// The first constructor priority open to programs, so that other constructors may use the CRC.
__attribute__((constructor(101))) static void choose_implementation(void) {
    make_tables();
    cairn_crc32c_hardware_present = find_hardware();
}
