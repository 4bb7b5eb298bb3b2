// stream.c — the bodies of cairn_stream.h.

#include "cairn_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int status(int value) { return value < 0 ? -errno : value; }

static int64_t result(int64_t value) { return value < 0 ? -(int64_t)errno : value; }

int cairn_open_for_reading(const char *path) {
    return status(open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
}

int cairn_open_for_writing(const char *path) {
    return status(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666));
}

int cairn_hold_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) { continue; }
        // The lowest that is free, which is this one; good for nothing that the stream is for.
        const int held = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
        if (held != fd) { return held < 0 ? status(held) : -EBADF; }
    }
    return 0;
}

int64_t cairn_read_next(int fd, void *bytes, size_t byteCount) {
    return result(read(fd, bytes, byteCount));
}

int64_t cairn_write_next(int fd, const void *bytes, size_t byteCount) {
    return result(write(fd, bytes, byteCount));
}

int64_t cairn_regular_byte_count(int fd) {
    struct stat information;
    if (fstat(fd, &information) < 0) { return -(int64_t)errno; }
    return S_ISREG(information.st_mode) ? (int64_t)information.st_size : -EINVAL;
}

int cairn_is_directory(int fd) {
    struct stat information;
    return fstat(fd, &information) == 0 && S_ISDIR(information.st_mode);
}

int cairn_file_permissions(int fd, uint32_t *mode, uint32_t *owner) {
    struct stat information;
    if (fstat(fd, &information) < 0) { return -errno; }
    *mode = information.st_mode & 07777;
    *owner = information.st_uid;
    return 0;
}

uint32_t cairn_effective_user(void) { return geteuid(); }

int cairn_is_terminal(int fd) { return isatty(fd); }

int cairn_terminal_column_count(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) < 0 ? 0 : size.ws_col;
}

void cairn_ignore_pipe_signal(void) { (void)signal(SIGPIPE, SIG_IGN); }
