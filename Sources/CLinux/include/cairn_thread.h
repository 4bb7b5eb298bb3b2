// cairn_thread.h — the lock, the parker, threads and what belongs to one thread.
//
// Locks and parkers are memory that the caller owns through `create` and `destroy`; each stands on
// cache lines of its own. Everything may be called from any thread, except where it says *own*.

#ifndef CAIRN_THREAD_H
#define CAIRN_THREAD_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/// A mutex that spins a little before it sleeps, alone on its cache line.
typedef struct {
    pthread_mutex_t mutex;
} cairn_lock;

cairn_lock *cairn_lock_create(void);
void cairn_lock_destroy(cairn_lock *lock);

/// 0, or an errno that only a broken program can see.
static inline int cairn_lock_acquire(cairn_lock *lock) { return pthread_mutex_lock(&lock->mutex); }
static inline int cairn_lock_release(cairn_lock *lock) {
    return pthread_mutex_unlock(&lock->mutex);
}
/// 1 when taken, 0 when another holds it.
static inline int cairn_lock_try(cairn_lock *lock) {
    return pthread_mutex_trylock(&lock->mutex) == 0;
}

/// A token that one thread waits for and any thread gives.
typedef struct cairn_parker cairn_parker;

cairn_parker *cairn_parker_create(void);
void cairn_parker_destroy(cairn_parker *parker);
/// Takes the token, waiting for it as long as it needs.
void cairn_park(cairn_parker *parker);
/// Takes the token if it comes in time: 1, else 0.
int cairn_park_for(cairn_parker *parker, uint64_t nanoseconds);
/// Takes the token if it is there: 1, else 0.
int cairn_park_try(cairn_parker *parker);
/// Gives the token and wakes the waiter. Several before one park count as one.
void cairn_unpark(cairn_parker *parker);

/// Runs `body(context)` in a new joinable thread that takes no asynchronous signals; 0 or -errno.
int cairn_thread_start(
    pthread_t *thread, const char *name, void (*body)(void *context), void *context);
int cairn_thread_join(pthread_t thread);
int cairn_thread_detach(pthread_t thread);

/// A small number that no other living thread has; given back when the thread ends.
int cairn_thread_slot(void);

/// The thread's *own* value at a place, if it was set with this generation, else NULL.
void *cairn_thread_value(size_t place, uint64_t generation);
/// Sets the thread's *own* value and releases the one before it at that place. `release` runs in
/// this thread, when the value is replaced or the thread ends. 0 or -errno; then nothing was kept.
int cairn_thread_set_value(
    size_t place, uint64_t generation, void *value, void (*release)(void *value));

void cairn_yield(void);

/// A hint to the processor inside a spin loop.
static inline void cairn_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#endif
}

#endif
