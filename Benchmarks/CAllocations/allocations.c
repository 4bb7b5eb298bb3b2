// allocations.c — malloc and its family, counted, over glibc's own.
//
// Why this is sound: the dynamic linker looks for a symbol in the executable first, so these
// definitions serve every library that is loaded, glibc itself included; glibc allows malloc to be
// replaced in that way. Nothing is kept by this file: memory comes from glibc's heap by the names that
// glibc keeps for its own functions, and goes back there, so it does not matter who asked for a block by
// which name. valloc and pvalloc stay glibc's, which nobody here calls. The counts are plain numbers that
// exist before the first call, need no initialisation and order nothing, so relaxed atomics are enough;
// that of a thread lies in the executable's own block of thread-local memory, so looking it up allocates
// nothing.
//
// A sanitizer brings an allocator of its own, which must stay: then nothing is defined here.

#include "cairn_allocations.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define LEAVES_MALLOC 1
#endif
#endif

static _Atomic uint64_t allocation_count;
static _Atomic uint64_t allocated_byte_count;
static _Thread_local uint64_t thread_allocation_count
    __attribute__((tls_model("initial-exec")));

uint64_t cairn_allocation_count(void) {
    return atomic_load_explicit(&allocation_count, memory_order_relaxed);
}

uint64_t cairn_allocated_byte_count(void) {
    return atomic_load_explicit(&allocated_byte_count, memory_order_relaxed);
}

uint64_t cairn_thread_allocation_count(void) { return thread_allocation_count; }

#ifdef LEAVES_MALLOC

bool cairn_counts_allocations(void) { return false; }

#else

bool cairn_counts_allocations(void) { return true; }

void *__libc_malloc(size_t byte_count);
void *__libc_calloc(size_t count, size_t byte_count);
void *__libc_realloc(void *block, size_t byte_count);
void *__libc_memalign(size_t alignment, size_t byte_count);
void __libc_free(void *block);

static void count_allocation(size_t byte_count) {
    thread_allocation_count += 1;
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&allocated_byte_count, byte_count, memory_order_relaxed);
}

static bool is_power_of_two(size_t number) { return number != 0 && (number & (number - 1)) == 0; }

void *malloc(size_t byte_count) {
    count_allocation(byte_count);
    return __libc_malloc(byte_count);
}

void *calloc(size_t count, size_t byte_count) {
    size_t product;
    // What overflows is refused below; it gave out nothing.
    if (!__builtin_mul_overflow(count, byte_count, &product)) count_allocation(product);
    return __libc_calloc(count, byte_count);
}

void *realloc(void *block, size_t byte_count) {
    count_allocation(byte_count);
    return __libc_realloc(block, byte_count);
}

void *reallocarray(void *block, size_t count, size_t byte_count) {
    size_t product;
    if (__builtin_mul_overflow(count, byte_count, &product)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, product);
}

void *memalign(size_t alignment, size_t byte_count) {
    count_allocation(byte_count);
    return __libc_memalign(alignment, byte_count);
}

void *aligned_alloc(size_t alignment, size_t byte_count) {
    if (!is_power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return memalign(alignment, byte_count);
}

int posix_memalign(void **block, size_t alignment, size_t byte_count) {
    if (alignment % sizeof(void *) != 0 || !is_power_of_two(alignment)) return EINVAL;
    int before = errno;
    void *made = memalign(alignment, byte_count);
    errno = before;
    if (made == NULL) return ENOMEM;
    *block = made;
    return 0;
}

void free(void *block) { __libc_free(block); }

#endif
