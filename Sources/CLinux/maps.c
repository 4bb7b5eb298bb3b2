// maps.c — the bodies of cairn_maps.h.
//
// A touch of a mapped page that the file or the disk cannot give raises SIGBUS in the thread that
// touches it. While a thread copies it keeps a jump buffer; the handler, installed once for the
// process, jumps there when the address lies in what is being copied. Any other SIGBUS goes to the
// handler that was there before. The handler gives the thread its signal mask back before it jumps, so
// copying needs no system call to save it.

#include "cairn_maps.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

/// Descriptors from here on are not mapped: a process may have some 65,000 maps, of all kinds.
#define FD_COUNT 16384
/// The longest read; what copying saves is little beyond.
#define COUNT_MAXIMUM ((size_t)1 << 20)
/// What mincore(2) said of two pages is believed of so many of the thread's reads.
#define ANSWER_COUNT 64
/// Of the processors that we are built for.
#define PAGE_BYTE_COUNT ((uintptr_t)4096)

struct map {
    _Atomic(const char *) start;
    uint64_t byteCount;
};

struct cairn_maps {
    _Atomic uint64_t byteCountLeft;
    /// Descriptors from here on have no map.
    _Atomic int end;
    /// By descriptor; pages that nobody touched take no memory.
    struct map *maps;
};

static _Thread_local struct {
    sigjmp_buf back;
    const char *start;
    const char *end;
    volatile sig_atomic_t isCopying;
    int areResident;
    unsigned answersLeft;
} thread;

static struct sigaction previous;

static void on_bus_error(int number, siginfo_t *info, void *context) {
    const char *address = info->si_addr;
    if (thread.isCopying && address >= thread.start && address < thread.end) {
        thread.isCopying = 0;
        (void)pthread_sigmask(SIG_SETMASK, &((ucontext_t *)context)->uc_sigmask, NULL);
        siglongjmp(thread.back, 1);
    }
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(number, info, context);
    } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
        // The access is repeated, and ends the process as it would have.
        (void)sigaction(number, &previous, NULL);
    } else {
        previous.sa_handler(number);
    }
}

static void install(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, &previous);
}

cairn_maps *cairn_maps_create(uint64_t byteCountMaximum) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, install);
    cairn_maps *maps = malloc(sizeof *maps);
    if (maps == NULL) { return NULL; }
    void *table = mmap(
        NULL, FD_COUNT * sizeof(struct map), PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED) {
        free(maps);
        return NULL;
    }
    atomic_init(&maps->byteCountLeft, byteCountMaximum);
    atomic_init(&maps->end, 0);
    maps->maps = table;
    return maps;
}

void cairn_maps_destroy(cairn_maps *maps) {
    if (maps == NULL) { return; }
    for (int fd = 0; fd < maps->end; fd++) { cairn_maps_remove(maps, fd); }
    (void)munmap(maps->maps, FD_COUNT * sizeof(struct map));
    free(maps);
}

static int take(cairn_maps *maps, uint64_t byteCount) {
    uint64_t left = maps->byteCountLeft;
    do {
        if (byteCount > left) { return 0; }
    } while (!atomic_compare_exchange_weak(&maps->byteCountLeft, &left, left - byteCount));
    return 1;
}

int cairn_maps_add(cairn_maps *maps, int fd, uint64_t byteCount) {
    if (fd < 0 || fd >= FD_COUNT || byteCount == 0) { return 0; }
    struct map *map = &maps->maps[fd];
    // Another thread may have removed the map of a file that had this descriptor before.
    if (atomic_load_explicit(&map->start, memory_order_acquire) != NULL) { return 0; }
    if (!take(maps, byteCount)) { return 0; }
    void *start = mmap(NULL, byteCount, PROT_READ, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED) {
        maps->byteCountLeft += byteCount;
        return 0;
    }
    // One page at a time from the disk, as a read would: not its surroundings.
    (void)madvise(start, byteCount, MADV_RANDOM);
    map->byteCount = byteCount;
    int end = maps->end;
    while (end <= fd && !atomic_compare_exchange_weak(&maps->end, &end, fd + 1)) {}
    atomic_store_explicit(&map->start, start, memory_order_release);
    return 1;
}

void cairn_maps_remove(cairn_maps *maps, int fd) {
    if (fd < 0 || fd >= FD_COUNT) { return; }
    struct map *map = &maps->maps[fd];
    const char *start = atomic_load_explicit(&map->start, memory_order_relaxed);
    if (start == NULL) { return; }
    const uint64_t byteCount = map->byteCount;
    atomic_store_explicit(&map->start, NULL, memory_order_release);
    (void)munmap((void *)start, byteCount);
    maps->byteCountLeft += byteCount;
}

static size_t pages_touched(const char *start, size_t count) {
    return ((uintptr_t)start % PAGE_BYTE_COUNT + count + PAGE_BYTE_COUNT - 1) / PAGE_BYTE_COUNT;
}

/// Whether all pages of these bytes are in memory.
static int are_resident(const char *start, size_t count) {
    const uintptr_t first = (uintptr_t)start & ~(PAGE_BYTE_COUNT - 1);
    const size_t pageCount = pages_touched(start, count);
    unsigned char pages[COUNT_MAXIMUM / PAGE_BYTE_COUNT + 1];
    if (mincore((void *)first, pageCount * PAGE_BYTE_COUNT, pages) != 0) { return 0; }
    for (size_t page = 0; page < pageCount; page++) {
        if ((pages[page] & 1) == 0) { return 0; }
    }
    return 1;
}

/// Whether a copy of these bytes may wait for the disk more than once, where pread(2) fetches all pages
/// together. Asking the kernel costs half a pread, so of two pages only now and then; with four, that made
/// reads of a cold store a third slower.
static int may_wait_often(const char *start, size_t count) {
    const size_t pageCount = pages_touched(start, count);
    if (pageCount == 1) { return 0; }
    if (pageCount > 2) { return !are_resident(start, count); }
    if (thread.answersLeft == 0) {
        thread.answersLeft = ANSWER_COUNT;
        thread.areResident = are_resident(start, count);
    }
    thread.answersLeft--;
    return !thread.areResident;
}

ssize_t cairn_maps_read(
    const cairn_maps *maps, int fd, void *to, size_t count, uint64_t offset) {
    if (fd < 0 || fd >= FD_COUNT || count > COUNT_MAXIMUM) { return -1; }
    const struct map *map = &maps->maps[fd];
    const char *start = atomic_load_explicit(&map->start, memory_order_acquire);
    if (start == NULL || offset > map->byteCount || count > map->byteCount - offset) { return -1; }
    if (may_wait_often(start + offset, count)) { return -1; }
    thread.start = start + offset;
    thread.end = thread.start + count;
    if (sigsetjmp(thread.back, 0) != 0) { return -1; }
    thread.isCopying = 1;
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(to, start + offset, count);
    atomic_signal_fence(memory_order_seq_cst);
    thread.isCopying = 0;
    return (ssize_t)count;
}
