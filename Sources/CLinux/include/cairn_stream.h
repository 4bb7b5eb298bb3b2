// cairn_stream.h — files that are read or written from front to back: standard streams, pipes, paths.
//
// The convention of cairn_file.h: the call's result, or the negated errno; nothing is retried here.
// Thread-safe as the calls themselves are.

#ifndef CAIRN_STREAM_H
#define CAIRN_STREAM_H

#include <stddef.h>
#include <stdint.h>

/// Opens any file by path for reading; waits where the file makes one wait, as a fifo does.
int cairn_open_for_reading(const char *path);
/// Opens any file by path for writing, emptied, made with the user's mask where there is none.
int cairn_open_for_writing(const char *path);

int64_t cairn_read_next(int fd, void *bytes, size_t byteCount);
int64_t cairn_write_next(int fd, const void *bytes, size_t byteCount);

/// The length of a regular file, -EINVAL for anything else.
int64_t cairn_regular_byte_count(int fd);
int cairn_is_directory(int fd);
/// The bits of mode that say who may do what, and whose the file is.
int cairn_file_permissions(int fd, uint32_t *mode, uint32_t *owner);
/// Who this process is to the file system.
uint32_t cairn_effective_user(void);
int cairn_is_terminal(int fd);
/// Columns of a terminal; 0 when nobody knows.
int cairn_terminal_column_count(int fd);
/// Makes a write into a closed pipe fail with EPIPE rather than end the process.
void cairn_ignore_pipe_signal(void);

/// Opens those of descriptors 0, 1 and 2 that are closed, so that no file of the program gets their
/// numbers; reading the first and writing the others stays an error. Before any other file is opened.
int cairn_hold_standard_descriptors(void);

#endif
