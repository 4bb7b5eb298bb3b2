// clock-shift.c — a wall clock that a test sets while a program runs; for LD_PRELOAD.
//
// CLOCK_SHIFT names a file that begins with a signed 64-bit number: so many seconds the wall clock is ahead, from
// the moment in which that is written. No other clock is touched. Any thread.

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t *shift;

__attribute__((constructor)) static void findShift(void) {
    const char *path = getenv("CLOCK_SHIFT");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *bytes = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
    // A test that goes on with the true time would show nothing.
    if (bytes == MAP_FAILED) { abort(); }
    shift = bytes;
    (void)close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = (int)syscall(SYS_clock_gettime, clock, now);
    int isWall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (status == 0 && isWall && shift) {
        now->tv_sec += __atomic_load_n(shift, __ATOMIC_RELAXED);
    }
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec time;
    if (clock_gettime(CLOCK_REALTIME, &time) < 0) { return -1; }
    *now = (struct timeval){.tv_sec = time.tv_sec, .tv_usec = time.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) < 0) { return -1; }
    if (result) { *result = now.tv_sec; }
    return now.tv_sec;
}
