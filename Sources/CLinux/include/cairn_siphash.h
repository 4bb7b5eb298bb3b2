// cairn_siphash.h — SipHash-c-d of 64 and 128 bits over bytes and one optional byte behind them.
//
// The rounds, the width and the presence of the last byte are arguments, but every function is
// always inlined and called with constants, so each use compiles to its own straight code; the
// tests run the reference vectors (2-4) through the very code that the store uses (1-3). The byte
// behind the input separates domains without a copy: the hash is that of `bytes || suffix`.
// Nothing outside `[bytes, bytes + byteCount)` is read. Pure functions, any thread.

#ifndef CAIRN_SIPHASH_H
#define CAIRN_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint64_t first;
    uint64_t second;
} cairn_hash128;

#define CAIRN_ALWAYS_INLINE static inline __attribute__((always_inline))

CAIRN_ALWAYS_INLINE uint64_t cairn_rotate_left(uint64_t value, int count) {
    return (value << count) | (value >> (64 - count));
}

CAIRN_ALWAYS_INLINE uint64_t cairn_load64(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/// The last `byteCount % 8` bytes as the low bytes of a word, reading only inside the input.
CAIRN_ALWAYS_INLINE uint64_t cairn_siphash_tail(const uint8_t *bytes, size_t byteCount) {
    size_t left = byteCount & 7;
    if (left == 0) { return 0; }
    if (byteCount >= 8) { return cairn_load64(bytes + byteCount - 8) >> (64 - 8 * left); }
    uint64_t word = 0;
    for (size_t index = 0; index < left; index++) { word |= (uint64_t)bytes[index] << (8 * index); }
    return word;
}

CAIRN_ALWAYS_INLINE void cairn_siphash_rounds(uint64_t v[4], int rounds) {
    for (int round = 0; round < rounds; round++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = cairn_rotate_left(v[1], 13) ^ v[0];
        v[3] = cairn_rotate_left(v[3], 16) ^ v[2];
        v[0] = cairn_rotate_left(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = cairn_rotate_left(v[1], 17) ^ v[2];
        v[3] = cairn_rotate_left(v[3], 21) ^ v[0];
        v[2] = cairn_rotate_left(v[2], 32);
    }
}

CAIRN_ALWAYS_INLINE void cairn_siphash_absorb(uint64_t v[4], uint64_t word, int rounds) {
    v[3] ^= word;
    cairn_siphash_rounds(v, rounds);
    v[0] ^= word;
}

/// `suffix` is a byte, or negative for none. With `wide` zero, `second` is zero.
CAIRN_ALWAYS_INLINE cairn_hash128 cairn_siphash(
    uint64_t key0, uint64_t key1, const void *input, size_t byteCount, int suffix,
    int absorbRounds, int finalRounds, int wide
) {
    const uint8_t *bytes = (const uint8_t *)input;
    uint64_t v[4] = {
        key0 ^ 0x736f6d6570736575ull, key1 ^ 0x646f72616e646f6dull ^ (wide ? 0xee : 0),
        key0 ^ 0x6c7967656e657261ull, key1 ^ 0x7465646279746573ull,
    };
    const uint8_t *wordsEnd = bytes + (byteCount & ~(size_t)7);
    for (const uint8_t *at = bytes; at != wordsEnd; at += 8) {
        cairn_siphash_absorb(v, cairn_load64(at), absorbRounds);
    }
    uint64_t last = cairn_siphash_tail(bytes, byteCount);
    size_t total = byteCount;
    if (suffix >= 0) {
        last |= (uint64_t)(suffix & 0xff) << (8 * (byteCount & 7));
        total += 1;
        if ((total & 7) == 0) {
            cairn_siphash_absorb(v, last, absorbRounds);
            last = 0;
        }
    }
    cairn_siphash_absorb(v, last | (uint64_t)total << 56, absorbRounds);
    v[2] ^= wide ? 0xee : 0xff;
    cairn_siphash_rounds(v, finalRounds);
    cairn_hash128 hash = {v[0] ^ v[1] ^ v[2] ^ v[3], 0};
    if (wide) {
        v[1] ^= 0xdd;
        cairn_siphash_rounds(v, finalRounds);
        hash.second = v[0] ^ v[1] ^ v[2] ^ v[3];
    }
    return hash;
}

/// SipHash-1-3 of 128 bits over `bytes || domain`: what the store calls the hash of a key.
CAIRN_ALWAYS_INLINE cairn_hash128 cairn_siphash13_128(
    uint64_t key0, uint64_t key1, const void *bytes, size_t byteCount, uint8_t domain
) {
    return cairn_siphash(key0, key1, bytes, byteCount, domain, 1, 3, 1);
}

/// SipHash-1-3 of 64 bits over `bytes || domain`.
CAIRN_ALWAYS_INLINE uint64_t cairn_siphash13_64(
    uint64_t key0, uint64_t key1, const void *bytes, size_t byteCount, uint8_t domain
) {
    return cairn_siphash(key0, key1, bytes, byteCount, domain, 1, 3, 0).first;
}

/// SipHash-2-4 of 128 bits over the bytes alone, for the reference vectors.
CAIRN_ALWAYS_INLINE cairn_hash128 cairn_siphash24_128(
    uint64_t key0, uint64_t key1, const void *bytes, size_t byteCount
) {
    return cairn_siphash(key0, key1, bytes, byteCount, -1, 2, 4, 1);
}

/// SipHash-2-4 of 64 bits over the bytes alone, for the reference vectors.
CAIRN_ALWAYS_INLINE uint64_t cairn_siphash24_64(
    uint64_t key0, uint64_t key1, const void *bytes, size_t byteCount
) {
    return cairn_siphash(key0, key1, bytes, byteCount, -1, 2, 4, 0).first;
}

#endif
