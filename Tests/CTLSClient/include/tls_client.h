// tls_client.h — for tests: the client's side of TLS without a socket, and certificates made on the spot.
//
// A client turns bytes that the test received into bytes for the test, and back; the test moves them, at
// whatever pace and in whatever pieces. One thread at a time.

#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include <stddef.h>
#include <stdint.h>

typedef struct tls_client tls_client;

#define TLS_CLIENT_MORE (-1)
#define TLS_CLIENT_FAILED (-2)

/// Trusts the certificates of a text in PEM, for 127.0.0.1. Versions are 0x0301 to 0x0304. The protocols
/// are in the form of ALPN, NULL for none. NULL when any of this is wrong.
tls_client *tls_client_create(
    const char *trusted, int versionMaximum, const char *protocols);
void tls_client_destroy(tls_client *client);

/// 1 when the handshake is over.
int tls_client_handshake(tls_client *client);
/// Takes bytes of the server.
void tls_client_feed(tls_client *client, const void *bytes, size_t byteCount);
/// Gives out bytes for the server, at most so many.
size_t tls_client_take(tls_client *client, void *bytes, size_t byteCount);
/// A count; 0: the server has said that nothing more comes.
int64_t tls_client_read(tls_client *client, void *bytes, size_t byteCount);
int64_t tls_client_write(tls_client *client, const void *bytes, size_t byteCount);
/// Says that nothing more comes.
void tls_client_end(tls_client *client);
/// Changes the keys of what is sent, in a record that holds no bytes; of 1.3 only.
int tls_client_update_keys(tls_client *client);
/// Asks for another handshake; of 1.2 only. 1 when asking was possible.
int tls_client_renegotiate(tls_client *client);

int tls_client_version(const tls_client *client);
/// Whether the handshake went on from an earlier session.
int tls_client_resumed(const tls_client *client);
/// Lets a client begin with the session of another, which was open.
void tls_client_resume(tls_client *client, tls_client *earlier);
/// The protocol that the server chose, empty for none.
const char *tls_client_protocol(tls_client *client);
/// The name in the server's certificate.
const char *tls_client_server_name(tls_client *client);
/// OpenSSL's words for the last failure.
const char *tls_client_failure(const tls_client *client);

/// Makes a key and a certificate of it for 127.0.0.1 under this name, both in PEM, vouched for by another
/// one's texts, or by itself where they are NULL. With a passphrase the key is encrypted. The texts are
/// terminated; 1 when they had room.
int tls_make_certificate(
    const char *name, const char *issuer, const char *issuerKey, const char *passphrase,
    char *certificate, char *key, size_t byteCount);

#endif
