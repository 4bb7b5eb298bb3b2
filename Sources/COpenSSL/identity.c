// identity.c — certificate chains, keys and what is offered with them: the first part of cairn_tls.h.
//
// TLS 1.2 with forward secrecy and authenticated encryption, and 1.3; a system that asks for more is not
// overruled. Sessions are resumed by tickets alone, whose keys are the identity's: no table of sessions
// grows. No early data, which can be sent twice; no renegotiation, which only costs.

#include "cairn_tls.h"
#include "tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static const unsigned char protocols[] = "\x08http/1.1";

/// Takes http/1.1 if the client knows it. One that names others only is told so.
static int choose_protocol(
    SSL *session, const unsigned char **chosen, unsigned char *chosenByteCount,
    const unsigned char *offered, unsigned int offeredByteCount, void *context
) {
    (void)session;
    (void)context;
    int result = SSL_select_next_proto(
        (unsigned char **)chosen, chosenByteCount, protocols, sizeof protocols - 1, offered,
        offeredByteCount);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int configure(SSL_CTX *context) {
    if (SSL_CTX_get_min_proto_version(context) < TLS1_2_VERSION
        && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        return 0;
    }
    if (SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) { return 0; }
    // An end without a notice is an end: every request says itself how long it is.
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    // A partial write returns after each record, from memory that may have moved when it goes on. Without
    // retries, records that hold no bytes for us are told one by one, so that they can be counted.
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                     | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    // One receive for several short records, or for the head of a record and its body.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return 1;
}

static int use_certificates(SSL_CTX *context, BIO *text) {
    X509 *own = PEM_read_bio_X509_AUX(text, NULL, NULL, NULL);
    if (own == NULL) { return CAIRN_TLS_NO_CERTIFICATE; }
    int isTaken = SSL_CTX_use_certificate(context, own);
    X509_free(own);
    if (isTaken != 1) { return CAIRN_TLS_REFUSED_CERTIFICATE; }
    X509 *next;
    while ((next = PEM_read_bio_X509(text, NULL, NULL, NULL)) != NULL) {
        if (SSL_CTX_add0_chain_cert(context, next) == 1) { continue; }
        X509_free(next);
        return CAIRN_TLS_REFUSED_CERTIFICATE;
    }
    // The end of the text is no error; anything else is.
    unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
        return CAIRN_TLS_REFUSED_CERTIFICATE;
    }
    ERR_clear_error();
    return 0;
}

/// Has no passphrase, and notes that one was asked for.
static int refuse_passphrase(char *buffer, int byteCount, int isWriting, void *wasAsked) {
    (void)buffer;
    (void)byteCount;
    (void)isWriting;
    *(int *)wasAsked = 1;
    return -1;
}

static int use_key(SSL_CTX *context, BIO *text) {
    int wasAsked = 0;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, refuse_passphrase, &wasAsked);
    if (key == NULL) { return wasAsked ? CAIRN_TLS_ENCRYPTED_KEY : CAIRN_TLS_NO_KEY; }
    int isOwn = X509_check_private_key(SSL_CTX_get0_certificate(context), key) == 1;
    int isTaken = isOwn && SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    if (!isOwn) { return CAIRN_TLS_FOREIGN_KEY; }
    return isTaken ? 0 : CAIRN_TLS_REFUSED_KEY;
}

/// OpenSSL's words for the first thing that went wrong.
static void describe(char *message, size_t byteCount) {
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    if (byteCount == 0) { return; }
    strncpy(message, reason == NULL ? "" : reason, byteCount - 1);
    message[byteCount - 1] = 0;
}

static BIO *reader(const void *bytes, size_t byteCount) {
    if (byteCount > INT32_MAX) { return NULL; }
    return BIO_new_mem_buf(byteCount == 0 ? "" : bytes, (int)byteCount);
}

cairn_tls_identity *cairn_tls_identity_create(
    const void *certificates, size_t certificatesByteCount, const void *key, size_t keyByteCount,
    int *failure, char *message, size_t messageByteCount
) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    BIO *chain = reader(certificates, certificatesByteCount);
    BIO *secret = reader(key, keyByteCount);
    *failure = CAIRN_TLS_REFUSED;
    if (context != NULL && chain != NULL && secret != NULL && configure(context)) {
        *failure = use_certificates(context, chain);
        if (*failure == 0) { *failure = use_key(context, secret); }
    }
    describe(message, messageByteCount);
    BIO_free(chain);
    BIO_free(secret);
    ERR_clear_error();
    if (*failure == 0) { return (cairn_tls_identity *)context; }
    SSL_CTX_free(context);
    return NULL;
}

cairn_tls_identity *cairn_tls_client_create(void) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context != NULL) { SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL); }
    return (cairn_tls_identity *)context;
}

void cairn_tls_identity_destroy(cairn_tls_identity *identity) {
    SSL_CTX_free((SSL_CTX *)identity);
}
