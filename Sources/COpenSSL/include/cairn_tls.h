// cairn_tls.h — TLS 1.2 and 1.3 over sockets that do not block: the server's side, and that of a probe.
//
// An identity is a certificate chain, its key and what is offered with them; sessions share it and keep
// it alive. Any thread may make sessions of one identity; a session is for one thread at a time and
// neither owns nor closes its socket. No signal is raised. OpenSSL's list of errors is cleared before
// each call, for it is the thread's and not the session's.

#ifndef CAIRN_TLS_H
#define CAIRN_TLS_H

#include <stddef.h>
#include <stdint.h>

typedef struct cairn_tls_identity cairn_tls_identity;
typedef struct cairn_tls_session cairn_tls_session;

// Why there is no identity.
#define CAIRN_TLS_NO_CERTIFICATE 1
#define CAIRN_TLS_NO_KEY 2
#define CAIRN_TLS_ENCRYPTED_KEY 3
#define CAIRN_TLS_FOREIGN_KEY 4
#define CAIRN_TLS_REFUSED_CERTIFICATE 5
#define CAIRN_TLS_REFUSED_KEY 6
#define CAIRN_TLS_REFUSED 7

/// An identity of texts in PEM: the server's certificate and those that vouch for it, in this order, and
/// the key. NULL with a failure of the above, and OpenSSL's words for it in `message`, where it has any.
cairn_tls_identity *cairn_tls_identity_create(
    const void *certificates, size_t certificatesByteCount, const void *key, size_t keyByteCount,
    int *failure, char *message, size_t messageByteCount);
/// That of a client who has no certificate and asks for none: it talks to whoever is there. NULL where OpenSSL
/// has no memory.
cairn_tls_identity *cairn_tls_client_create(void);
void cairn_tls_identity_destroy(cairn_tls_identity *identity);

// What came of a call on a session, when it is no count.
#define CAIRN_TLS_ENDED 0
#define CAIRN_TLS_WANTS_READ (-1)
#define CAIRN_TLS_WANTS_WRITE (-2)
#define CAIRN_TLS_FAILED (-3)
/// A record that holds no bytes for us was taken; there may be others behind it.
#define CAIRN_TLS_NO_BYTES (-4)

/// A session over a connected socket; NULL where OpenSSL has no memory.
cairn_tls_session *cairn_tls_session_create(cairn_tls_identity *identity, int fd);
void cairn_tls_session_destroy(cairn_tls_session *session);

/// Goes on with the handshake; 1 when it is over.
int64_t cairn_tls_handshake(cairn_tls_session *session);
int64_t cairn_tls_receive(cairn_tls_session *session, void *bytes, size_t byteCount);
/// Sends a part at most. What was not sent because the socket was full must come again, at the front.
int64_t cairn_tls_send(cairn_tls_session *session, const void *bytes, size_t byteCount);
/// Tells the peer that nothing more comes; 1 when that was sent.
int64_t cairn_tls_end_sending(cairn_tls_session *session);
/// Not zero when bytes were taken from the socket and not given out yet.
int cairn_tls_holds_bytes(const cairn_tls_session *session);

#endif
