// cairn_poll.h — what a loop waits by: the epoll set, the eventfd that rings it, and signals.
//
// The convention of cairn_file.h: the call's result, or the negated errno; nothing is retried here.
// Every descriptor that is made here does not block and is closed on exec. Any thread, except that
// signals are blocked for the calling thread and those that it starts later.

#ifndef CAIRN_POLL_H
#define CAIRN_POLL_H

#include <stdint.h>

// The kernel's own bits; see epoll_ctl(2).
#define CAIRN_POLL_IN 0x0001u
#define CAIRN_POLL_OUT 0x0004u
#define CAIRN_POLL_ERROR 0x0008u
#define CAIRN_POLL_HANG_UP 0x0010u
#define CAIRN_POLL_PEER_END 0x2000u
#define CAIRN_POLL_EXCLUSIVE 0x10000000u

/// The kernel's struct is packed on some processors; this one is the same everywhere.
typedef struct {
    uint64_t token;
    uint32_t bits;
} cairn_event;

int cairn_poller_open(void);
int cairn_poller_add(int poller, int fd, uint32_t bits, uint64_t token);
int cairn_poller_modify(int poller, int fd, uint32_t bits, uint64_t token);
int cairn_poller_remove(int poller, int fd);
/// Waits for at most so many events; a negative time is for ever. How many there are.
int cairn_poller_wait(int poller, cairn_event *events, int capacity, int milliseconds);

int cairn_bell_open(void);
void cairn_bell_ring(int fd);
void cairn_bell_drain(int fd);

/// Blocks SIGTERM, SIGINT and SIGHUP for the calling thread; what comes of them is read here.
int cairn_signals_open(void);
/// The number of the next signal, -EAGAIN when none waits.
int cairn_signals_next(int fd);

#endif
