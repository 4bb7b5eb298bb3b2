// socket.c — the bodies of cairn_socket.h.
//
// What the kernel and the resolver say about addresses is turned into `cairn_address` here and
// nowhere else; what is not of the two families comes out as :: and port 0.

#include "cairn_socket.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define IPV4_PREFIX 0xffffull

static int64_t result(int64_t value) { return value < 0 ? -(int64_t)errno : value; }

static int status(int value) { return value < 0 ? -errno : value; }

static int is_ipv4(cairn_address address) {
    return address.high == 0 && address.low >> 32 == IPV4_PREFIX;
}

typedef union {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
} system_address;

static struct in6_addr ipv6_bytes(cairn_address address) {
    uint64_t words[2] = {htobe64(address.high), htobe64(address.low)};
    struct in6_addr bytes;
    memcpy(&bytes, words, sizeof bytes);
    return bytes;
}

static struct in_addr ipv4_bytes(cairn_address address) {
    return (struct in_addr){.s_addr = htonl((uint32_t)address.low)};
}

static socklen_t encode(cairn_address address, system_address *to) {
    memset(to, 0, sizeof *to);
    if (is_ipv4(address)) {
        to->ipv4.sin_family = AF_INET;
        to->ipv4.sin_port = htons(address.port);
        to->ipv4.sin_addr = ipv4_bytes(address);
        return sizeof to->ipv4;
    }
    to->ipv6.sin6_family = AF_INET6;
    to->ipv6.sin6_port = htons(address.port);
    to->ipv6.sin6_addr = ipv6_bytes(address);
    to->ipv6.sin6_scope_id = address.scope;
    return sizeof to->ipv6;
}

static cairn_address decode(const system_address *from) {
    cairn_address address = {0, 0, 0, 0};
    if (from->any.sa_family == AF_INET) {
        address.low = IPV4_PREFIX << 32 | ntohl(from->ipv4.sin_addr.s_addr);
        address.port = ntohs(from->ipv4.sin_port);
    } else if (from->any.sa_family == AF_INET6) {
        uint64_t words[2];
        memcpy(words, &from->ipv6.sin6_addr, sizeof words);
        address.high = be64toh(words[0]);
        address.low = be64toh(words[1]);
        address.port = ntohs(from->ipv6.sin6_port);
        address.scope = from->ipv6.sin6_scope_id;
    }
    return address;
}

int cairn_read_ipv4(const char *text, cairn_address *address) {
    system_address read = {.ipv4 = {.sin_family = AF_INET}};
    if (inet_pton(AF_INET, text, &read.ipv4.sin_addr) != 1) { return 0; }
    *address = decode(&read);
    return 1;
}

static int resolve(const char *text, const struct addrinfo *hints, cairn_address *address) {
    struct addrinfo *found = NULL;
    int code = getaddrinfo(text, NULL, hints, &found);
    if (code != 0) { return code; }
    system_address first;
    memset(&first, 0, sizeof first);
    size_t byteCount = found->ai_addrlen < sizeof first ? found->ai_addrlen : sizeof first;
    memcpy(&first, found->ai_addr, byteCount);
    freeaddrinfo(found);
    *address = decode(&first);
    return 0;
}

int cairn_read_ipv6(const char *text, cairn_address *address) {
    const struct addrinfo hints = {
        .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    return resolve(text, &hints, address);
}

int cairn_resolve(const char *name, cairn_address *address) {
    // Only families that this machine has addresses of, loopback aside: where there is no IPv6,
    // "localhost" is to mean 127.0.0.1.
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    return resolve(name, &hints, address);
}

const char *cairn_resolve_message(int code) { return gai_strerror(code); }

const char *cairn_address_text(cairn_address address, char *buffer, size_t byteCount) {
    if (is_ipv4(address)) {
        struct in_addr bytes = ipv4_bytes(address);
        return inet_ntop(AF_INET, &bytes, buffer, (socklen_t)byteCount);
    }
    struct in6_addr bytes = ipv6_bytes(address);
    const char *text = inet_ntop(AF_INET6, &bytes, buffer, (socklen_t)byteCount);
    if (text == NULL || address.scope == 0) { return text; }
    size_t length = strlen(buffer);
    (void)snprintf(buffer + length, byteCount - length, "%%%u", address.scope);
    return buffer;
}

int cairn_socket_open(cairn_address address) {
    int family = is_ipv4(address) ? AF_INET : AF_INET6;
    return status(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int cairn_socket_bind(int fd, cairn_address address) {
    system_address wanted;
    socklen_t byteCount = encode(address, &wanted);
    return status(bind(fd, &wanted.any, byteCount));
}

int cairn_socket_listen(int fd, int backlog) { return status(listen(fd, backlog)); }

int cairn_socket_address(int fd, cairn_address *address) {
    system_address own;
    socklen_t byteCount = sizeof own;
    memset(&own, 0, sizeof own);
    if (getsockname(fd, &own.any, &byteCount) < 0) { return -errno; }
    *address = decode(&own);
    return 0;
}

static int set(int fd, int level, int option, int value) {
    return status(setsockopt(fd, level, option, &value, sizeof value));
}

int cairn_socket_reuse_address(int fd) { return set(fd, SOL_SOCKET, SO_REUSEADDR, 1); }

int cairn_socket_take_both(int fd, cairn_address address) {
    if (address.high != 0 || address.low != 0) { return 0; }
    return set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
}

int cairn_socket_no_delay(int fd) { return set(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

int cairn_socket_connect(int fd, cairn_address address) {
    system_address to;
    socklen_t byteCount = encode(address, &to);
    return status(connect(fd, &to.any, byteCount));
}

int cairn_socket_failure(int fd) {
    int code = 0;
    socklen_t byteCount = sizeof code;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &byteCount) < 0) { return -errno; }
    return -code;
}

int cairn_send_datagram(const void *path, size_t pathByteCount, const void *bytes, size_t byteCount) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (pathByteCount == 0 || pathByteCount > sizeof to.sun_path - 1) { return -ENAMETOOLONG; }
    memcpy(to.sun_path, path, pathByteCount);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) { return -errno; }
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + pathByteCount);
    ssize_t sent = sendto(fd, bytes, byteCount, MSG_NOSIGNAL, (struct sockaddr *)&to, length);
    int result = sent < 0 ? -errno : 0;
    (void)close(fd);
    return result;
}

int cairn_accept(int fd, cairn_address *peer) {
    system_address from;
    socklen_t byteCount = sizeof from;
    from.any.sa_family = AF_UNSPEC;
    int accepted = accept4(fd, &from.any, &byteCount, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) { return -errno; }
    *peer = decode(&from);
    return accepted;
}

int64_t cairn_receive(int fd, void *bytes, size_t byteCount) {
    return result(recv(fd, bytes, byteCount, 0));
}

int64_t cairn_send(int fd, const void *bytes, size_t byteCount, int more) {
    return result(send(fd, bytes, byteCount, MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
}

int64_t cairn_send_two(
    int fd, const void *first, size_t firstByteCount, const void *second, size_t secondByteCount
) {
    struct iovec pieces[2] = {
        {.iov_base = (void *)first, .iov_len = firstByteCount},
        {.iov_base = (void *)second, .iov_len = secondByteCount},
    };
    const struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    return result(sendmsg(fd, &message, MSG_NOSIGNAL));
}

int64_t cairn_send_file(int fd, int file, int64_t offset, size_t byteCount) {
    off_t at = (off_t)offset;
    return result(sendfile(fd, file, &at, byteCount));
}

int cairn_shutdown_sending(int fd) { return status(shutdown(fd, SHUT_WR)); }
