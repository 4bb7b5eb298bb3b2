// thread.c — the bodies of cairn_thread.h except the parker.
//
// The lock is PTHREAD_MUTEX_ADAPTIVE_NP: it spins about as long as a short critical section lasts
// and then sleeps, which holds up when threads outnumber processors. Thread slots are the lowest
// free bit of a map under one lock, touched when a thread first asks and when it ends; numbers past
// the map are given once and never reused.

#include "cairn_thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE_BYTE_COUNT 128
#define SLOT_WORD_COUNT 1024

cairn_lock *cairn_lock_create(void) {
    cairn_lock *lock = aligned_alloc(CACHE_LINE_BYTE_COUNT, CACHE_LINE_BYTE_COUNT);
    if (lock == NULL) { return NULL; }
    pthread_mutexattr_t attributes;
    int code = pthread_mutexattr_init(&attributes);
    if (code == 0) {
        code = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
        if (code == 0) { code = pthread_mutex_init(&lock->mutex, &attributes); }
        (void)pthread_mutexattr_destroy(&attributes);
    }
    if (code == 0) { return lock; }
    free(lock);
    return NULL;
}

void cairn_lock_destroy(cairn_lock *lock) {
    (void)pthread_mutex_destroy(&lock->mutex);
    free(lock);
}

typedef struct {
    void (*body)(void *context);
    void *context;
    char name[16];
} start;

static void *run(void *argument) {
    start own = *(start *)argument;
    free(argument);
    (void)pthread_setname_np(pthread_self(), own.name);
    own.body(own.context);
    return NULL;
}

// Faults of the thread itself must still reach it; everything else is for the program's threads.
static void block_signals(sigset_t *before) {
    sigset_t blocked;
    (void)sigfillset(&blocked);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t index = 0; index < sizeof faults / sizeof faults[0]; index++) {
        (void)sigdelset(&blocked, faults[index]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &blocked, before);
}

int cairn_thread_start(
    pthread_t *thread, const char *name, void (*body)(void *context), void *context
) {
    start *argument = calloc(1, sizeof *argument);
    if (argument == NULL) { return -ENOMEM; }
    argument->body = body;
    argument->context = context;
    // The kernel keeps fifteen bytes of a name.
    strncpy(argument->name, name, sizeof argument->name - 1);
    sigset_t before;
    block_signals(&before);
    int code = pthread_create(thread, NULL, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) { free(argument); }
    return -code;
}

int cairn_thread_join(pthread_t thread) { return -pthread_join(thread, NULL); }

int cairn_thread_detach(pthread_t thread) { return -pthread_detach(thread); }

static pthread_mutex_t slot_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t slots_taken[SLOT_WORD_COUNT];
static int next_large_slot = SLOT_WORD_COUNT * 64;
static pthread_key_t slot_key;
static pthread_once_t slot_once = PTHREAD_ONCE_INIT;
static _Thread_local int own_slot = -1;

static int take_slot(void) {
    for (int word = 0; word < SLOT_WORD_COUNT; word++) {
        if (slots_taken[word] != UINT64_MAX) {
            int bit = __builtin_ctzll(~slots_taken[word]);
            slots_taken[word] |= 1ull << bit;
            return word * 64 + bit;
        }
    }
    return next_large_slot++;
}

static void give_slot_back(void *marker) {
    (void)marker;
    int slot = own_slot;
    own_slot = -1;
    if (slot < 0 || slot >= SLOT_WORD_COUNT * 64) { return; }
    (void)pthread_mutex_lock(&slot_lock);
    slots_taken[slot / 64] &= ~(1ull << (slot % 64));
    (void)pthread_mutex_unlock(&slot_lock);
}

static void make_slot_key(void) {
    if (pthread_key_create(&slot_key, give_slot_back) != 0) { abort(); }
}

static __attribute__((noinline)) int assign_slot(void) {
    (void)pthread_once(&slot_once, make_slot_key);
    (void)pthread_mutex_lock(&slot_lock);
    own_slot = take_slot();
    (void)pthread_mutex_unlock(&slot_lock);
    // Any value but NULL makes the destructor run. Without it the number is only never reused.
    (void)pthread_setspecific(slot_key, &slot_key);
    return own_slot;
}

int cairn_thread_slot(void) {
    int slot = own_slot;
    return __builtin_expect(slot >= 0, 1) ? slot : assign_slot();
}

typedef struct {
    uint64_t generation;
    void *value;
    void (*release)(void *value);
} place;

typedef struct {
    size_t count;
    place *places;
} place_table;

static pthread_key_t places_key;
static pthread_once_t places_once = PTHREAD_ONCE_INIT;
static _Thread_local place_table own_places;

// The table leaves first: releasing a value may run code that asks for values, which then go into
// a new table and are released in the next round.
static void release_places(void *marker) {
    (void)marker;
    place_table ended = own_places;
    own_places = (place_table){0, NULL};
    for (size_t index = 0; index < ended.count; index++) {
        place *at = &ended.places[index];
        if (at->value != NULL) { at->release(at->value); }
    }
    free(ended.places);
}

static void make_places_key(void) {
    if (pthread_key_create(&places_key, release_places) != 0) { abort(); }
}

static int grow_places(size_t count) {
    (void)pthread_once(&places_once, make_places_key);
    // Any value but NULL makes the destructor run.
    int code = pthread_setspecific(places_key, &places_key);
    if (code != 0) { return -code; }
    place *grown = realloc(own_places.places, count * sizeof *grown);
    if (grown == NULL) { return -ENOMEM; }
    memset(grown + own_places.count, 0, (count - own_places.count) * sizeof *grown);
    own_places = (place_table){count, grown};
    return 0;
}

void *cairn_thread_value(size_t index, uint64_t generation) {
    if (index >= own_places.count) { return NULL; }
    place *at = &own_places.places[index];
    return at->generation == generation ? at->value : NULL;
}

int cairn_thread_set_value(
    size_t index, uint64_t generation, void *value, void (*release)(void *value)
) {
    if (index >= own_places.count) {
        int code = grow_places(index + 1);
        if (code != 0) { return code; }
    }
    place before = own_places.places[index];
    own_places.places[index] = (place){generation, value, release};
    if (before.value != NULL) { before.release(before.value); }
    return 0;
}

void cairn_yield(void) { (void)sched_yield(); }
