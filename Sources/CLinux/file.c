// file.c — the bodies of cairn_file.h.
//
// Regular files are opened with O_NONBLOCK, so that a fifo or a device under a store's name cannot
// make opening wait; it is taken off again once the file proved to be regular.

#include "cairn_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define FILE_FLAGS (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

static int64_t result(int64_t value) { return value < 0 ? -(int64_t)errno : value; }

static int status(int value) { return value < 0 ? -errno : value; }

int cairn_open_directory(const char *path) { return status(open(path, DIRECTORY_FLAGS)); }

int cairn_open_directory_at(int directory, const char *name) {
    return status(openat(directory, name, DIRECTORY_FLAGS | O_NOFOLLOW));
}

int cairn_make_directory(const char *path) { return status(mkdir(path, 0700)); }

int cairn_make_directory_at(int directory, const char *name) {
    return status(mkdirat(directory, name, 0700));
}

int cairn_remove_directory(const char *path) { return status(rmdir(path)); }

int cairn_remove_directory_at(int directory, const char *name) {
    return status(unlinkat(directory, name, AT_REMOVEDIR));
}

// Gives the descriptor back if it is a regular file; closes it and says why if not.
static int keep_regular(int fd) {
    if (fd < 0) { return -errno; }
    struct stat information;
    int code = 0;
    if (fstat(fd, &information) < 0) {
        code = errno;
    } else if (S_ISDIR(information.st_mode)) {
        code = EISDIR;
    } else if (!S_ISREG(information.st_mode)) {
        code = EINVAL;
    } else {
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) { code = errno; }
    }
    if (code == 0) { return fd; }
    (void)close(fd);
    return -code;
}

int cairn_create_at(int directory, const char *name) {
    return keep_regular(openat(directory, name, O_RDWR | O_CREAT | O_EXCL | FILE_FLAGS, 0600));
}

int cairn_open_at(int directory, const char *name, int writable) {
    return keep_regular(openat(directory, name, (writable ? O_RDWR : O_RDONLY) | FILE_FLAGS));
}

int cairn_open_direct_at(int directory, const char *name) {
    int fd = openat(directory, name, O_RDONLY | O_DIRECT | FILE_FLAGS);
    // A file system that cannot.
    if (fd < 0 && errno == EINVAL) { return cairn_open_at(directory, name, 0); }
    return keep_regular(fd);
}

int cairn_open_or_create_at(int directory, const char *name) {
    return keep_regular(openat(directory, name, O_RDWR | O_CREAT | FILE_FLAGS, 0600));
}

int cairn_close(int fd) { return status(close(fd)); }

int cairn_rename_at(int source, const char *name, int destination, const char *newName) {
    return status(renameat(source, name, destination, newName));
}

int cairn_link_at(int source, const char *name, int destination, const char *newName) {
    return status(linkat(source, name, destination, newName, 0));
}

int cairn_unlink_at(int directory, const char *name) {
    return status(unlinkat(directory, name, 0));
}

void *cairn_names_open(int directory, int *error) {
    int fd = openat(directory, ".", DIRECTORY_FLAGS);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    *error = stream == NULL ? errno : 0;
    if (stream == NULL && fd >= 0) { (void)close(fd); }
    return stream;
}

const char *cairn_names_next(void *stream, int *error) {
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        *error = entry == NULL ? errno : 0;
        if (entry == NULL) { return NULL; }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            return entry->d_name;
        }
    }
}

void cairn_names_close(void *stream) { (void)closedir(stream); }

int64_t cairn_read(int fd, void *bytes, size_t byteCount, int64_t offset) {
    return result(pread(fd, bytes, byteCount, offset));
}

int64_t cairn_read_two(
    int fd, void *first, size_t firstByteCount, void *second, size_t secondByteCount,
    int64_t offset
) {
    struct iovec parts[2] = {{first, firstByteCount}, {second, secondByteCount}};
    return result(preadv(fd, parts, 2, offset));
}

int64_t cairn_read_cached(int fd, void *bytes, size_t byteCount, int64_t offset) {
    struct iovec part = {bytes, byteCount};
    return result(preadv2(fd, &part, 1, offset, RWF_NOWAIT));
}

int64_t cairn_write(int fd, const void *bytes, size_t byteCount, int64_t offset) {
    return result(pwrite(fd, bytes, byteCount, offset));
}

int64_t cairn_write_two(
    int fd, const void *first, size_t firstByteCount, const void *second, size_t secondByteCount,
    int64_t offset
) {
    struct iovec parts[2] = {
        {(void *)(uintptr_t)first, firstByteCount}, {(void *)(uintptr_t)second, secondByteCount},
    };
    return result(pwritev(fd, parts, 2, offset));
}

int cairn_synchronize_data(int fd) { return status(fdatasync(fd)); }

void cairn_start_writing(int fd, int64_t offset, int64_t byteCount) {
    sync_file_range(fd, offset, byteCount, SYNC_FILE_RANGE_WRITE);
}

int cairn_synchronize(int fd) { return status(fsync(fd)); }

int cairn_truncate(int fd, int64_t byteCount) { return status(ftruncate(fd, byteCount)); }

int cairn_allocate(int fd, int64_t byteCount) {
    int code = status(fallocate(fd, 0, 0, byteCount));
    // posix_fallocate writes zeros where the file system cannot allocate; it returns its errno.
    return code == -EOPNOTSUPP ? -posix_fallocate(fd, 0, byteCount) : code;
}

void cairn_read_ahead(int fd, int64_t offset, int64_t byteCount) {
    (void)posix_fadvise(fd, offset, byteCount, POSIX_FADV_WILLNEED);
}

int cairn_drop_cache(int fd) { return -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); }

int64_t cairn_byte_count(int fd) {
    struct stat information;
    return fstat(fd, &information) < 0 ? -(int64_t)errno : (int64_t)information.st_size;
}

int cairn_identity(int fd, uint64_t *device, uint64_t *number) {
    struct stat information;
    if (fstat(fd, &information) < 0) { return -errno; }
    *device = (uint64_t)information.st_dev;
    *number = (uint64_t)information.st_ino;
    return 0;
}

int cairn_clone(int target, int source) { return status(ioctl(target, FICLONE, source)); }

static int64_t clamped_product(uint64_t blocks, uint64_t blockByteCount) {
    uint64_t product;
    if (__builtin_mul_overflow(blocks, blockByteCount, &product) || product > INT64_MAX) {
        return INT64_MAX;
    }
    return (int64_t)product;
}

int64_t cairn_free_byte_count(int fd) {
    struct statvfs information;
    if (fstatvfs(fd, &information) < 0) { return -(int64_t)errno; }
    return clamped_product(information.f_bavail, information.f_frsize);
}

int64_t cairn_total_byte_count(int fd) {
    struct statvfs information;
    if (fstatvfs(fd, &information) < 0) { return -(int64_t)errno; }
    return clamped_product(information.f_blocks, information.f_frsize);
}

int cairn_lock_exclusive(int fd) { return status(flock(fd, LOCK_EX | LOCK_NB)); }

int cairn_unlock(int fd) { return status(flock(fd, LOCK_UN)); }
