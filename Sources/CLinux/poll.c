// poll.c — the bodies of cairn_poll.h.

#include "cairn_poll.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

_Static_assert(CAIRN_POLL_IN == EPOLLIN, "the bit is the kernel's");
_Static_assert(CAIRN_POLL_OUT == EPOLLOUT, "the bit is the kernel's");
_Static_assert(CAIRN_POLL_ERROR == EPOLLERR, "the bit is the kernel's");
_Static_assert(CAIRN_POLL_HANG_UP == EPOLLHUP, "the bit is the kernel's");
_Static_assert(CAIRN_POLL_PEER_END == EPOLLRDHUP, "the bit is the kernel's");
_Static_assert(CAIRN_POLL_EXCLUSIVE == EPOLLEXCLUSIVE, "the bit is the kernel's");
_Static_assert(sizeof(struct epoll_event) <= sizeof(cairn_event), "events are widened in place");

static int status(int value) { return value < 0 ? -errno : value; }

int cairn_poller_open(void) { return status(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int poller, int operation, int fd, uint32_t bits, uint64_t token) {
    struct epoll_event event = {.events = bits, .data = {.u64 = token}};
    return status(epoll_ctl(poller, operation, fd, &event));
}

int cairn_poller_add(int poller, int fd, uint32_t bits, uint64_t token) {
    return control(poller, EPOLL_CTL_ADD, fd, bits, token);
}

int cairn_poller_modify(int poller, int fd, uint32_t bits, uint64_t token) {
    return control(poller, EPOLL_CTL_MOD, fd, bits, token);
}

int cairn_poller_remove(int poller, int fd) { return control(poller, EPOLL_CTL_DEL, fd, 0, 0); }

int cairn_poller_wait(int poller, cairn_event *events, int capacity, int milliseconds) {
    int count = epoll_wait(poller, (struct epoll_event *)events, capacity, milliseconds);
    if (count < 0) { return -errno; }
    // From the last to the first: a wider event covers only narrow ones that were taken already.
    for (int index = count - 1; index >= 0; index--) {
        struct epoll_event narrow;
        memcpy(&narrow, (const char *)events + (size_t)index * sizeof narrow, sizeof narrow);
        const cairn_event wide = {.token = narrow.data.u64, .bits = narrow.events};
        memcpy(&events[index], &wide, sizeof wide);
    }
    return count;
}

int cairn_bell_open(void) { return status(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

// Both fail only when there is nothing to do: the count is full, or it is zero.
void cairn_bell_ring(int fd) { (void)eventfd_write(fd, 1); }

void cairn_bell_drain(int fd) {
    eventfd_t count;
    (void)eventfd_read(fd, &count);
}

int cairn_signals_open(void) {
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    int code = pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (code != 0) { return -code; }
    return status(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

int cairn_signals_next(int fd) {
    struct signalfd_siginfo information;
    ssize_t byteCount = read(fd, &information, sizeof information);
    if (byteCount < 0) { return -errno; }
    return byteCount == sizeof information ? (int)information.ssi_signo : -EIO;
}
