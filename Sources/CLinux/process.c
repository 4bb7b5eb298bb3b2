// process.c — the bodies of cairn_process.h. Thread-safe.

#include "cairn_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

uint64_t cairn_monotonic_nanoseconds(void) { return nanoseconds(CLOCK_MONOTONIC); }

uint64_t cairn_wall_nanoseconds(void) { return nanoseconds(CLOCK_REALTIME); }

uint64_t cairn_processor_nanoseconds(void) { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }

char **cairn_environment(void) { return environ; }

int cairn_random(void *bytes, size_t byteCount) {
    char *at = bytes;
    while (byteCount > 0) {
        ssize_t done = getrandom(at, byteCount, 0);
        if (done < 0 && errno == EINTR) { continue; }
        if (done < 0) { return -errno; }
        at += done;
        byteCount -= (size_t)done;
    }
    return 0;
}

int64_t cairn_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) { return -(int64_t)errno; }
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) { limit.rlim_cur = before; }
    return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

int64_t cairn_resident_byte_count(void) {
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) { return -(int64_t)errno; }
    char text[128];
    ssize_t byteCount = read(fd, text, sizeof text - 1);
    int code = errno;
    (void)close(fd);
    if (byteCount < 0) { return -(int64_t)code; }
    text[byteCount] = 0;
    long long resident, shared;
    if (sscanf(text, "%*s %lld %lld", &resident, &shared) != 2) { return -EINVAL; }
    return (int64_t)(resident - shared) * sysconf(_SC_PAGESIZE);
}

void cairn_ignore_file_size_signal(void) { (void)signal(SIGXFSZ, SIG_IGN); }

int32_t cairn_process_id(void) { return (int32_t)getpid(); }

int cairn_processor_count(void) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) { return CPU_COUNT(&allowed); }
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (int)count;
}

const char *cairn_error_message(int code, char *buffer, size_t byteCount) {
    return strerror_r(code, buffer, byteCount);
}

uint64_t cairn_memory_byte_count(void) {
    long pages = sysconf(_SC_PHYS_PAGES);
    long pageByteCount = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || pageByteCount <= 0) { return 0; }
    return (uint64_t)pages * (uint64_t)pageByteCount;
}
