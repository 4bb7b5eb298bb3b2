// parker.c — the parker of cairn_thread.h: one word that a thread sleeps on by futex(2).
//
// States: empty, token present, parked. Only the waiter makes it parked, and only by taking the
// step down from empty; a giver always swaps in the token, so a token given before, during or after
// the step is seen. Memory written before `unpark` is visible after the `park` that took the token.

#include "cairn_thread.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CACHE_LINE_BYTE_COUNT 128
#define EMPTY 0u
#define TOKEN 1u
#define PARKED UINT32_MAX

struct cairn_parker {
    _Atomic uint32_t state;
};

cairn_parker *cairn_parker_create(void) {
    cairn_parker *parker = aligned_alloc(CACHE_LINE_BYTE_COUNT, CACHE_LINE_BYTE_COUNT);
    if (parker != NULL) { atomic_init(&parker->state, EMPTY); }
    return parker;
}

void cairn_parker_destroy(cairn_parker *parker) { free(parker); }

int cairn_park_try(cairn_parker *parker) {
    uint32_t expected = TOKEN;
    return atomic_compare_exchange_strong_explicit(
        &parker->state, &expected, EMPTY, memory_order_acquire, memory_order_relaxed);
}

// Steps down: TOKEN to EMPTY (taken, 1) or EMPTY to PARKED (0).
static int take_or_announce(cairn_parker *parker) {
    return atomic_fetch_sub_explicit(&parker->state, 1, memory_order_acquire) == TOKEN;
}

static long wait_while_parked(cairn_parker *parker, const struct timespec *deadline) {
    return syscall(
        SYS_futex, &parker->state, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, PARKED, deadline, NULL,
        FUTEX_BITSET_MATCH_ANY);
}

void cairn_park(cairn_parker *parker) {
    if (take_or_announce(parker)) { return; }
    do { (void)wait_while_parked(parker, NULL); } while (!cairn_park_try(parker));
}

int cairn_park_for(cairn_parker *parker, uint64_t nanoseconds) {
    if (take_or_announce(parker)) { return 1; }
    struct timespec deadline;
    (void)clock_gettime(CLOCK_MONOTONIC, &deadline);
    uint64_t fraction = (uint64_t)deadline.tv_nsec + nanoseconds % 1000000000ull;
    deadline.tv_sec += (time_t)(nanoseconds / 1000000000ull + fraction / 1000000000ull);
    deadline.tv_nsec = (long)(fraction % 1000000000ull);
    for (;;) {
        long code = wait_while_parked(parker, &deadline);
        if (code < 0 && errno == ETIMEDOUT) { break; }
        if (cairn_park_try(parker)) { return 1; }
    }
    // A token may have come together with the deadline: it counts.
    return atomic_exchange_explicit(&parker->state, EMPTY, memory_order_acquire) == TOKEN;
}

void cairn_unpark(cairn_parker *parker) {
    uint32_t before = atomic_exchange_explicit(&parker->state, TOKEN, memory_order_release);
    if (before == PARKED) {
        (void)syscall(
            SYS_futex, &parker->state, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
    }
}
