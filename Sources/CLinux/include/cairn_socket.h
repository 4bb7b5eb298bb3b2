// cairn_socket.h — stream sockets and their addresses.
//
// The convention of cairn_file.h: the call's result, or the negated errno; nothing is retried here.
// Every socket that is made here does not block and is closed on exec. Names are looked up only by
// `cairn_resolve`, which may wait for the network. Thread-safe as the calls themselves are.

#ifndef CAIRN_SOCKET_H
#define CAIRN_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/// An address in the processor's byte order. An IPv4 address is kept as ::ffff:a.b.c.d, as which the
/// kernel shows it to a socket of both families, so that one peer is one value.
typedef struct {
    uint64_t high;
    uint64_t low;
    /// The interface of a link-local IPv6 address, else 0.
    uint32_t scope;
    uint16_t port;
} cairn_address;

/// Reads "a.b.c.d"; not zero when it is one.
int cairn_read_ipv4(const char *text, cairn_address *address);
/// Reads an IPv6 address, which may name an interface behind "%"; 0 or a code of getaddrinfo(3).
int cairn_read_ipv6(const char *text, cairn_address *address);
/// Looks a name up and takes the first address; 0 or a code of getaddrinfo(3).
int cairn_resolve(const char *name, cairn_address *address);
/// The system's words for a code of getaddrinfo(3).
const char *cairn_resolve_message(int code);
/// The address without its port, as text in `buffer`.
const char *cairn_address_text(cairn_address address, char *buffer, size_t byteCount);

/// A stream socket of the family of an address.
int cairn_socket_open(cairn_address address);
int cairn_socket_bind(int fd, cairn_address address);
int cairn_socket_listen(int fd, int backlog);
/// The address that a socket is bound to.
int cairn_socket_address(int fd, cairn_address *address);
/// Lets an address be bound although connections of an earlier socket linger on it.
int cairn_socket_reuse_address(int fd);
/// Lets a socket of the address :: take IPv4 as well; does nothing for other addresses.
int cairn_socket_take_both(int fd, cairn_address address);
/// Sends small pieces at once rather than wait for the peer's acknowledgement.
int cairn_socket_no_delay(int fd);

/// Begins to connect; -EINPROGRESS when that takes its time.
int cairn_socket_connect(int fd, cairn_address address);
/// Why connecting failed, as a negated errno; 0 when it did not.
int cairn_socket_failure(int fd);
/// Sends one datagram to a socket of the file system, or to one of the abstract names, which begin with
/// a zero byte. Does not wait.
int cairn_send_datagram(const void *path, size_t pathByteCount, const void *bytes, size_t byteCount);

/// The next connection that waits, and who it is from; -EAGAIN when there is none.
int cairn_accept(int fd, cairn_address *peer);
int64_t cairn_receive(int fd, void *bytes, size_t byteCount);
/// Sends without SIGPIPE. With `more` the kernel may hold the last packet for what follows.
int64_t cairn_send(int fd, const void *bytes, size_t byteCount, int more);
int64_t cairn_send_two(
    int fd, const void *first, size_t firstByteCount, const void *second, size_t secondByteCount);
/// Sends a region of a file; 0 at its end. May raise SIGPIPE.
int64_t cairn_send_file(int fd, int file, int64_t offset, size_t byteCount);
/// Tells the peer that nothing more comes; receiving goes on.
int cairn_shutdown_sending(int fd);

#endif
