// digest.c — the bodies of cairn_digest.h.
//
// To ask OpenSSL for an algorithm takes locks and searches, so it is done once, at first use; what was
// found is never changed nor given back. A `cairn_digest` is OpenSSL's EVP_MD_CTX under a name of ours.

#include "cairn_digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *algorithms[2];

static void fetch(void) {
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    if (context == NULL || OSSL_PROVIDER_load(context, "default") == NULL) { return; }
    algorithms[CAIRN_DIGEST_SHA256] = EVP_MD_fetch(context, "SHA2-256", NULL);
    algorithms[CAIRN_DIGEST_MD5] = EVP_MD_fetch(context, "MD5", NULL);
}

static const EVP_MD *algorithm_named(int algorithm) {
    if (pthread_once(&once, fetch) != 0) { return NULL; }
    return algorithms[algorithm];
}

static EVP_MD_CTX *state_of(cairn_digest *digest) { return (EVP_MD_CTX *)digest; }

cairn_digest *cairn_digest_create(int algorithm) {
    const EVP_MD *found = algorithm_named(algorithm);
    EVP_MD_CTX *state = found == NULL ? NULL : EVP_MD_CTX_new();
    if (state == NULL) { return NULL; }
    if (EVP_DigestInit_ex(state, found, NULL) == 1) { return (cairn_digest *)state; }
    EVP_MD_CTX_free(state);
    return NULL;
}

int cairn_digest_update(cairn_digest *digest, const void *bytes, size_t byteCount) {
    return EVP_DigestUpdate(state_of(digest), bytes, byteCount) == 1;
}

int cairn_digest_finish(cairn_digest *digest, void *result) {
    return EVP_DigestFinal_ex(state_of(digest), result, NULL) == 1;
}

void cairn_digest_destroy(cairn_digest *digest) { EVP_MD_CTX_free(state_of(digest)); }

int cairn_digest_of(int algorithm, const void *bytes, size_t byteCount, void *result) {
    const EVP_MD *found = algorithm_named(algorithm);
    return found != NULL && EVP_Digest(bytes, byteCount, result, NULL, found, NULL) == 1;
}

int cairn_is_equal_in_constant_time(const void *left, const void *right, size_t byteCount) {
    return CRYPTO_memcmp(left, right, byteCount) == 0;
}
