// tls_client.c — the client of tls_client.h: OpenSSL between two pieces of memory.

#include "tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    BIO *from_server;
    BIO *to_server;
    SSL_SESSION *session;
    char text[128];
    const char *failure;
};

/// Tickets of 1.3 come when they come; the last one counts.
static int keep_session(SSL *ssl, SSL_SESSION *session) {
    tls_client *client = SSL_get_app_data(ssl);
    SSL_SESSION_free(client->session);
    client->session = session;
    return 1;
}

static int trust(SSL_CTX *context, const char *text) {
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *certificate;
    while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
        X509_free(certificate);
    }
    BIO_free(bio);
    return 1;
}

static int set_up(tls_client *client, const char *protocols) {
    client->ssl = SSL_new(client->context);
    client->from_server = BIO_new(BIO_s_mem());
    client->to_server = BIO_new(BIO_s_mem());
    if (client->ssl == NULL || client->from_server == NULL || client->to_server == NULL) { return 0; }
    BIO_set_mem_eof_return(client->from_server, -1);
    SSL_set_app_data(client->ssl, client);
    SSL_set_bio(client->ssl, client->from_server, client->to_server);
    SSL_set_connect_state(client->ssl);
    if (protocols != NULL
        && SSL_set_alpn_protos(
               client->ssl, (const unsigned char *)protocols, (unsigned)strlen(protocols))
               != 0) {
        return 0;
    }
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(client->ssl), "127.0.0.1");
}

tls_client *tls_client_create(
    const char *trusted, int versionMaximum, const char *protocols
) {
    tls_client *client = calloc(1, sizeof *client);
    if (client == NULL) { return NULL; }
    client->failure = "";
    client->context = SSL_CTX_new(TLS_client_method());
    if (client->context == NULL) {
        free(client);
        return NULL;
    }
    // So that old versions can be asked for at all.
    if (versionMaximum < TLS1_2_VERSION) {
        SSL_CTX_set_cipher_list(client->context, "ALL:@SECLEVEL=0");
        SSL_CTX_set_min_proto_version(client->context, TLS1_VERSION);
    }
    SSL_CTX_set_max_proto_version(client->context, versionMaximum);
    SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(client->context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(
        client->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client->context, keep_session);
    trust(client->context, trusted);
    if (set_up(client, protocols)) { return client; }
    tls_client_destroy(client);
    return NULL;
}

void tls_client_destroy(tls_client *client) {
    // Else OpenSSL holds the session for one that failed, and nobody may resume it any more.
    if (client->ssl != NULL) { SSL_set_shutdown(client->ssl, SSL_SENT_SHUTDOWN); }
    SSL_free(client->ssl);
    SSL_SESSION_free(client->session);
    SSL_CTX_free(client->context);
    free(client);
}

static int outcome(tls_client *client, int result) {
    switch (SSL_get_error(client->ssl, result)) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return TLS_CLIENT_MORE;
    default: break;
    }
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    client->failure = reason == NULL ? "" : reason;
    ERR_clear_error();
    return TLS_CLIENT_FAILED;
}

int tls_client_handshake(tls_client *client) {
    ERR_clear_error();
    int result = SSL_do_handshake(client->ssl);
    if (result == 1) { return 1; }
    int told = outcome(client, result);
    return told == 0 ? TLS_CLIENT_FAILED : told;
}

void tls_client_feed(tls_client *client, const void *bytes, size_t byteCount) {
    BIO_write(client->from_server, bytes, (int)byteCount);
}

size_t tls_client_take(tls_client *client, void *bytes, size_t byteCount) {
    int count = BIO_read(client->to_server, bytes, (int)byteCount);
    return count > 0 ? (size_t)count : 0;
}

int64_t tls_client_read(tls_client *client, void *bytes, size_t byteCount) {
    ERR_clear_error();
    int result = SSL_read(client->ssl, bytes, (int)byteCount);
    return result > 0 ? result : outcome(client, result);
}

int64_t tls_client_write(tls_client *client, const void *bytes, size_t byteCount) {
    ERR_clear_error();
    int result = SSL_write(client->ssl, bytes, (int)byteCount);
    return result > 0 ? result : outcome(client, result);
}

void tls_client_end(tls_client *client) { SSL_shutdown(client->ssl); }

int tls_client_update_keys(tls_client *client) {
    return SSL_key_update(client->ssl, SSL_KEY_UPDATE_NOT_REQUESTED)
           && SSL_do_handshake(client->ssl) == 1;
}

int tls_client_renegotiate(tls_client *client) {
    return SSL_renegotiate(client->ssl) == 1;
}

int tls_client_version(const tls_client *client) { return SSL_version(client->ssl); }

int tls_client_resumed(const tls_client *client) { return SSL_session_reused(client->ssl); }

void tls_client_resume(tls_client *client, tls_client *earlier) {
    // One that was resumed in TLS 1.2 got no new ticket, and has the session that it was resumed from.
    SSL_SESSION *session =
        earlier->session != NULL ? earlier->session : SSL_get_session(earlier->ssl);
    if (session != NULL) { SSL_set_session(client->ssl, session); }
}

const char *tls_client_protocol(tls_client *client) {
    const unsigned char *name = NULL;
    unsigned byteCount = 0;
    SSL_get0_alpn_selected(client->ssl, &name, &byteCount);
    if (byteCount >= sizeof client->text) { byteCount = 0; }
    if (byteCount > 0) { memcpy(client->text, name, byteCount); }
    client->text[byteCount] = 0;
    return client->text;
}

const char *tls_client_server_name(tls_client *client) {
    X509 *certificate = SSL_get0_peer_certificate(client->ssl);
    client->text[0] = 0;
    if (certificate != NULL) {
        X509_NAME_get_text_by_NID(
            X509_get_subject_name(certificate), NID_commonName, client->text,
            sizeof client->text);
    }
    return client->text;
}

const char *tls_client_failure(const tls_client *client) { return client->failure; }

// MARK: Certificates

static int extend(X509 *certificate, X509 *issuer, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    int isDone = extension != NULL && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return isDone;
}

/// Copies what was written, terminated; 0 when there is no room.
static int give(BIO *bio, char *text, size_t byteCount) {
    int count = BIO_read(bio, text, (int)byteCount - 1);
    if (count < 0 || BIO_pending(bio) > 0) { return 0; }
    text[count] = 0;
    return 1;
}

int tls_make_certificate(
    const char *name, const char *issuer, const char *issuerKey, const char *passphrase,
    char *certificate, char *key, size_t byteCount
) {
    EVP_PKEY *own = EVP_EC_gen("P-256");
    X509 *made = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *parent = made;
    EVP_PKEY *signer = own;
    if (issuer != NULL) {
        BIO *text = BIO_new_mem_buf(issuer, -1);
        parent = PEM_read_bio_X509(text, NULL, NULL, NULL);
        BIO_free(text);
        text = BIO_new_mem_buf(issuerKey, -1);
        signer = PEM_read_bio_PrivateKey(text, NULL, NULL, NULL);
        BIO_free(text);
    }
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), (long)(name[0]) * 256 + (long)strlen(name));
    X509_gmtime_adj(X509_getm_notBefore(made), -86400);
    X509_gmtime_adj(X509_getm_notAfter(made), 86400);
    X509_set_pubkey(made, own);
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(made), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(parent));
    int isDone = extend(made, parent, NID_subject_key_identifier, "hash")
                 && extend(made, parent, NID_basic_constraints, "critical,CA:TRUE")
                 && extend(made, parent, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost")
                 && X509_sign(made, signer, EVP_sha256()) > 0 && PEM_write_bio_X509(bio, made)
                 && give(bio, certificate, byteCount)
                 && PEM_write_bio_PrivateKey(
                     bio, own, passphrase == NULL ? NULL : EVP_aes_128_cbc(), NULL, 0, NULL,
                     (void *)passphrase)
                 && give(bio, key, byteCount);
    if (issuer != NULL) {
        X509_free(parent);
        EVP_PKEY_free(signer);
    }
    BIO_free(bio);
    X509_free(made);
    EVP_PKEY_free(own);
    return isDone;
}
