// cairn_digest.h — SHA-256 and MD5, and comparing without telling where bytes differ.
//
// Algorithms come from a library context of our own with OpenSSL's default provider: no configuration
// of the system changes or forbids them. MD5 is here as a checksum that clients send. Functions return
// 1, or 0 when OpenSSL has no memory. A digest is for one thread at a time; the rest is thread-safe.

#ifndef CAIRN_DIGEST_H
#define CAIRN_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define CAIRN_DIGEST_SHA256 0
#define CAIRN_DIGEST_MD5 1

/// A digest that is being computed.
typedef struct cairn_digest cairn_digest;

/// Begins one; NULL where OpenSSL has no memory.
cairn_digest *cairn_digest_create(int algorithm);
int cairn_digest_update(cairn_digest *digest, const void *bytes, size_t byteCount);
/// Writes the digest, whose length the algorithm says. Only `destroy` may follow.
int cairn_digest_finish(cairn_digest *digest, void *result);
void cairn_digest_destroy(cairn_digest *digest);

/// The digest of all bytes at once.
int cairn_digest_of(int algorithm, const void *bytes, size_t byteCount, void *result);

/// Whether both are the same, in a time that depends on how many there are alone.
int cairn_is_equal_in_constant_time(const void *left, const void *right, size_t byteCount);

#endif
