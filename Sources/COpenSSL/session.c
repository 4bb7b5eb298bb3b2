// session.c — one connection's TLS: the second part of cairn_tls.h.
//
// OpenSSL reads and writes through a BIO of ours, because its own for sockets raises SIGPIPE, and because
// only what is below can say whether the socket ran dry: that OpenSSL wants to read means that, or only
// that it took a record which holds nothing for us. After a failure OpenSSL must not be asked for anything.

#include "cairn_tls.h"
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct cairn_tls_session {
    SSL *ssl;
    int fd;
    /// The last call that received found the socket empty.
    int isDry;
    int hasPeerEnded;
    int hasFailed;
};

// MARK: The socket

static int read_socket(BIO *bio, char *bytes, int byteCount) {
    cairn_tls_session *session = BIO_get_data(bio);
    ssize_t count;
    do {
        count = recv(session->fd, bytes, (size_t)byteCount, 0);
    } while (count < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    if (count == 0) { session->hasPeerEnded = 1; }
    if (count < 0 && errno == EAGAIN) {
        session->isDry = 1;
        BIO_set_retry_read(bio);
    }
    return (int)count;
}

static int write_socket(BIO *bio, const char *bytes, int byteCount) {
    cairn_tls_session *session = BIO_get_data(bio);
    ssize_t count;
    do {
        count = send(session->fd, bytes, (size_t)byteCount, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    if (count < 0 && errno == EAGAIN) { BIO_set_retry_write(bio); }
    return (int)count;
}

static long control_socket(BIO *bio, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return ((cairn_tls_session *)BIO_get_data(bio))->hasPeerEnded;
    default: return 0;
    }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static void make_method(void) {
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "cairn socket");
    if (made == NULL) { return; }
    if (BIO_meth_set_read(made, read_socket) == 1 && BIO_meth_set_write(made, write_socket) == 1
        && BIO_meth_set_ctrl(made, control_socket) == 1) {
        method = made;
    } else {
        BIO_meth_free(made);
    }
}

// MARK: Sessions

cairn_tls_session *cairn_tls_session_create(cairn_tls_identity *identity, int fd) {
    if (pthread_once(&once, make_method) != 0 || method == NULL) { return NULL; }
    cairn_tls_session *session = calloc(1, sizeof *session);
    if (session == NULL) { return NULL; }
    session->fd = fd;
    session->ssl = SSL_new((SSL_CTX *)identity);
    BIO *bio = session->ssl == NULL ? NULL : BIO_new(method);
    if (bio == NULL) {
        cairn_tls_session_destroy(session);
        return NULL;
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    // One BIO for both ways is one reference.
    SSL_set_bio(session->ssl, bio, bio);
    if (SSL_CTX_get_ssl_method((SSL_CTX *)identity) == TLS_client_method()) {
        SSL_set_connect_state(session->ssl);
    } else {
        SSL_set_accept_state(session->ssl);
    }
    return session;
}

void cairn_tls_session_destroy(cairn_tls_session *session) {
    SSL_free(session->ssl);
    free(session);
}

/// What a call that did not succeed means.
static int64_t outcome(cairn_tls_session *session, int result) {
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_ZERO_RETURN: return CAIRN_TLS_ENDED;
    case SSL_ERROR_WANT_READ:
        return session->isDry ? CAIRN_TLS_WANTS_READ : CAIRN_TLS_NO_BYTES;
    case SSL_ERROR_WANT_WRITE: return CAIRN_TLS_WANTS_WRITE;
    default:
        session->hasFailed = 1;
        ERR_clear_error();
        return CAIRN_TLS_FAILED;
    }
}

int64_t cairn_tls_handshake(cairn_tls_session *session) {
    if (session->hasFailed) { return CAIRN_TLS_FAILED; }
    ERR_clear_error();
    session->isDry = 0;
    int result = SSL_do_handshake(session->ssl);
    return result == 1 ? 1 : outcome(session, result);
}

int64_t cairn_tls_receive(cairn_tls_session *session, void *bytes, size_t byteCount) {
    if (session->hasFailed) { return CAIRN_TLS_FAILED; }
    ERR_clear_error();
    session->isDry = 0;
    size_t count = 0;
    int result = SSL_read_ex(session->ssl, bytes, byteCount, &count);
    return result == 1 ? (int64_t)count : outcome(session, result);
}

int64_t cairn_tls_send(cairn_tls_session *session, const void *bytes, size_t byteCount) {
    if (session->hasFailed) { return CAIRN_TLS_FAILED; }
    ERR_clear_error();
    size_t count = 0;
    int result = SSL_write_ex(session->ssl, bytes, byteCount, &count);
    return result == 1 ? (int64_t)count : outcome(session, result);
}

int64_t cairn_tls_end_sending(cairn_tls_session *session) {
    if (session->hasFailed || !SSL_is_init_finished(session->ssl)) { return CAIRN_TLS_FAILED; }
    ERR_clear_error();
    int result = SSL_shutdown(session->ssl);
    // 0: sent, and the peer's own end has not come, which nobody waits for here.
    return result >= 0 ? 1 : outcome(session, result);
}

int cairn_tls_holds_bytes(const cairn_tls_session *session) {
    return SSL_has_pending(session->ssl) && !session->isDry;
}
