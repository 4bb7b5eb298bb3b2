// block-disk.c — a disk whose power is cut after the fact, at whichever of its writes one likes.
//
//   block-disk serve LOG BYTES DIR              DIR shows one file, "disk", of so many bytes, until it is killed
//   block-disk cut LOG BYTES IMAGE OFFSET SEED  makes IMAGE what the disk holds when the power goes at OFFSET of LOG
//
// Invariant: a write or a flush stands in LOG, whole, before it is answered. So the length of LOG is a clock that
// everybody can read: what was answered when LOG had that length is within it. A cut keeps all that a flush
// covers. Of the writes behind the last flush each is kept, lost, or torn at a sector, and SEED says which; they
// keep their order. A flush answers an error when there is a file LOG.fail-flush, and a write when there is a
// LOG.fail-write; the file goes with it. The disk itself is memory. FUSE calls from one thread.

#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { KIND_WRITE = 1, KIND_ZEROES = 2, KIND_FLUSH = 3 };

// In front of each event in the log; the bytes of a write follow.
struct event {
    uint64_t kind, offset, byteCount;
};

static const size_t sectorByteCount = 512;

static struct {
    uint8_t *bytes;
    size_t byteCount;
    int log;
    const char *logPath;
} disk;

static int fail(const char *what) {
    perror(what);
    return 1;
}

// MARK: Serving

static bool isDisk(const char *path) { return strcmp(path, "/disk") == 0; }

static bool isZero(const char *bytes, size_t byteCount) {
    return byteCount == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, byteCount - 1) == 0);
}

// Appends one event; 0 or a negative errno.
static int note(enum kind kind, uint64_t offset, const char *bytes, size_t byteCount) {
    struct event event = {.kind = kind, .offset = offset, .byteCount = byteCount};
    struct iovec parts[] = {{&event, sizeof event}, {(void *)bytes, bytes ? byteCount : 0}};
    ssize_t done = writev(disk.log, parts, 2);
    if (done < 0) { return -errno; }
    return (size_t)done == parts[0].iov_len + parts[1].iov_len ? 0 : -ENOSPC;
}

// Whether somebody asked for a failure, once.
static bool mustFail(const char *what) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s.fail-%s", disk.logPath, what);
    return unlink(path) == 0;
}

static int getAttributes(const char *path, struct stat *status, struct fuse_file_info *info) {
    (void)info;
    memset(status, 0, sizeof *status);
    status->st_nlink = 1;
    status->st_mode = isDisk(path) ? S_IFREG | 0600 : S_IFDIR | 0700;
    status->st_size = isDisk(path) ? (off_t)disk.byteCount : 0;
    return isDisk(path) || strcmp(path, "/") == 0 ? 0 : -ENOENT;
}

static int readBytes(const char *path, char *bytes, size_t count, off_t offset,
                     struct fuse_file_info *info) {
    (void)path, (void)info;
    if ((size_t)offset >= disk.byteCount) { return 0; }
    size_t left = disk.byteCount - (size_t)offset;
    if (count > left) { count = left; }
    memcpy(bytes, disk.bytes + offset, count);
    return (int)count;
}

static int writeBytes(const char *path, const char *bytes, size_t count, off_t offset,
                      struct fuse_file_info *info) {
    (void)path, (void)info;
    if ((size_t)offset + count > disk.byteCount) { return -ENOSPC; }
    if (mustFail("write")) { return -EIO; }
    bool zero = isZero(bytes, count);
    int status = note(zero ? KIND_ZEROES : KIND_WRITE, (uint64_t)offset, zero ? NULL : bytes, count);
    if (status < 0) { return status; }
    memcpy(disk.bytes + offset, bytes, count);
    return (int)count;
}

static int flush(const char *path, int dataOnly, struct fuse_file_info *info) {
    (void)path, (void)dataOnly, (void)info;
    return mustFail("flush") ? -EIO : note(KIND_FLUSH, 0, NULL, 0);
}

static int truncateNothing(const char *path, off_t byteCount, struct fuse_file_info *info) {
    (void)info;
    return isDisk(path) && (size_t)byteCount == disk.byteCount ? 0 : -EINVAL;
}

static const struct fuse_operations operations = {
    .getattr = getAttributes,
    .read = readBytes,
    .write = writeBytes,
    .fsync = flush,
    .truncate = truncateNothing,
};

static int serve(char *program, char *directory) {
    disk.bytes = mmap(NULL, disk.byteCount, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (disk.bytes == MAP_FAILED) { return fail("mmap"); }
    disk.log = open(disk.logPath, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (disk.log < 0) { return fail(disk.logPath); }
    char *arguments[] = {program, "-f", "-s", directory, NULL};
    return fuse_main(4, arguments, &operations, NULL);
}

// MARK: Cutting

static uint64_t dice(uint64_t *state) {
    uint64_t mixed = *state += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
    return mixed ^ mixed >> 31;
}

static int put(int image, const struct event *event, size_t from, size_t to) {
    off_t offset = (off_t)(event->offset + from);
    if (event->kind == KIND_ZEROES) {
        int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        return from == to ? 0 : fallocate(image, how, offset, (off_t)(to - from));
    }
    const uint8_t *bytes = (const uint8_t *)(event + 1);
    while (from < to) {
        ssize_t done = pwrite(image, bytes + from, to - from, (off_t)(event->offset + from));
        if (done <= 0) { return -1; }
        from += (size_t)done;
    }
    return 0;
}

// Of a write that no flush covers: all of it, nothing, or the sectors up to some or from some on.
static int putPerhaps(int image, const struct event *event, uint64_t *state) {
    size_t sectors = event->byteCount / sectorByteCount;
    size_t middle = sectors ? dice(state) % (sectors + 1) * sectorByteCount : 0;
    switch (dice(state) % 8) {
    case 0: return put(image, event, 0, middle);
    case 1: return put(image, event, middle, event->byteCount);
    case 2:
    case 3:
    case 4: return 0;
    default: return put(image, event, 0, event->byteCount);
    }
}

static size_t eventByteCount(const struct event *event) {
    return sizeof *event + (event->kind == KIND_WRITE ? event->byteCount : 0);
}

// One cut in four loses all that no flush covers, another one loses nothing.
static int putUncovered(int image, const struct event *event, uint64_t seed, uint64_t *state) {
    switch (seed % 4) {
    case 0: return 0;
    case 1: return put(image, event, 0, event->byteCount);
    default: return putPerhaps(image, event, state);
    }
}

static int cut(const char *imagePath, size_t end, uint64_t seed) {
    int log = open(disk.logPath, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (log < 0 || fstat(log, &status) < 0) { return fail(disk.logPath); }
    const uint8_t *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, log, 0);
    if (bytes == MAP_FAILED) { return fail("mmap"); }
    if (end > (size_t)status.st_size) { end = (size_t)status.st_size; }
    size_t covered = 0;
    for (size_t at = 0; at + sizeof(struct event) <= end;) {
        const struct event *event = (const void *)(bytes + at);
        at += eventByteCount(event);
        if (event->kind == KIND_FLUSH && at <= end) { covered = at; }
    }
    int image = open(imagePath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (image < 0 || ftruncate(image, (off_t)disk.byteCount) < 0) { return fail(imagePath); }
    uint64_t state = seed;
    for (size_t at = 0; at + sizeof(struct event) <= end;) {
        const struct event *event = (const void *)(bytes + at);
        at += eventByteCount(event);
        if (event->kind == KIND_FLUSH || at > (size_t)status.st_size) { continue; }
        int result = at <= covered ? put(image, event, 0, event->byteCount)
                                   : putUncovered(image, event, seed, &state);
        if (result < 0) { return fail(imagePath); }
    }
    return close(image) < 0 ? fail(imagePath) : 0;
}

int main(int count, char **words) {
    if (count >= 4) {
        disk.logPath = words[2];
        disk.byteCount = strtoull(words[3], NULL, 10);
    }
    if (count == 5 && strcmp(words[1], "serve") == 0) { return serve(words[0], words[4]); }
    if (count == 7 && strcmp(words[1], "cut") == 0) {
        return cut(words[4], strtoull(words[5], NULL, 10), strtoull(words[6], NULL, 10));
    }
    (void)fputs("usage: block-disk serve LOG BYTES DIR | cut LOG BYTES IMAGE OFFSET SEED\n", stderr);
    return 16;
}
