// cairn_file.h — one system call each, on descriptors, with one convention.
//
// Every function returns what the call returned, or the negated errno: nothing can come between
// the call and its errno. Nothing is retried here; the callers in CairnSystem know about EINTR and
// short results. Thread-safe as the calls themselves are.

#ifndef CAIRN_FILE_H
#define CAIRN_FILE_H

#include <stddef.h>
#include <stdint.h>

/// Opens a directory by path, following symbolic links: the path is the user's.
int cairn_open_directory(const char *path);
/// Opens a directory inside another; a symbolic link is refused.
int cairn_open_directory_at(int directory, const char *name);
/// Makes a directory of mode 0700. Corresponds to `mkdir(2)`.
int cairn_make_directory(const char *path);
int cairn_make_directory_at(int directory, const char *name);
/// Removes a directory that is empty. Corresponds to `rmdir(2)`.
int cairn_remove_directory(const char *path);
int cairn_remove_directory_at(int directory, const char *name);

/// Creates a regular file of mode 0600 for reading and writing; the name must not exist.
int cairn_create_at(int directory, const char *name);
/// Opens a regular file, never waiting; anything else is -EISDIR or -EINVAL, a link -ELOOP.
int cairn_open_at(int directory, const char *name, int writable);
// For reading past the page cache, where the file system can.
int cairn_open_direct_at(int directory, const char *name);
/// Opens or creates a regular file of mode 0600 for reading and writing.
int cairn_open_or_create_at(int directory, const char *name);
int cairn_close(int fd);

int cairn_rename_at(int source, const char *name, int destination, const char *newName);
int cairn_link_at(int source, const char *name, int destination, const char *newName);
int cairn_unlink_at(int directory, const char *name);

/// A stream over the names of a directory, independent of the descriptor's own position; NULL with
/// `*error` set when there is none.
void *cairn_names_open(int directory, int *error);
/// The next name, valid until the next call; NULL at the end or, with `*error` not zero, a failure.
const char *cairn_names_next(void *stream, int *error);
void cairn_names_close(void *stream);

int64_t cairn_read(int fd, void *bytes, size_t byteCount, int64_t offset);
int64_t cairn_read_two(
    int fd, void *first, size_t firstByteCount, void *second, size_t secondByteCount,
    int64_t offset);
/// Reads only what the page cache holds; -EAGAIN when that is nothing. `preadv2(2)`, RWF_NOWAIT.
int64_t cairn_read_cached(int fd, void *bytes, size_t byteCount, int64_t offset);
int64_t cairn_write(int fd, const void *bytes, size_t byteCount, int64_t offset);
int64_t cairn_write_two(
    int fd, const void *first, size_t firstByteCount, const void *second, size_t secondByteCount,
    int64_t offset);

int cairn_synchronize_data(int fd);
/// Begins to write dirty pages of the range, without waiting and without a result: what fails shows
/// in the next synchronisation.
void cairn_start_writing(int fd, int64_t offset, int64_t byteCount);
int cairn_synchronize(int fd);
int cairn_truncate(int fd, int64_t byteCount);
/// Allocates `[0, byteCount)` and makes the file at least that long, also where the file system
/// has no `fallocate(2)`.
int cairn_allocate(int fd, int64_t byteCount);
/// Asks for bytes that will be read soon. Only advice: nothing is reported.
void cairn_read_ahead(int fd, int64_t offset, int64_t byteCount);
/// Drops the clean cached pages of the whole file.
int cairn_drop_cache(int fd);
int64_t cairn_byte_count(int fd);
/// Which file of the system it is: two numbers that no other file has while this one is open.
int cairn_identity(int fd, uint64_t *device, uint64_t *number);
/// Makes the empty file `target` share all bytes of `source`, as copies: `ioctl(2)`, FICLONE.
int cairn_clone(int target, int source);
/// Bytes of the file system that an ordinary user may still take, or all of them.
int64_t cairn_free_byte_count(int fd);
int64_t cairn_total_byte_count(int fd);
/// Exclusive, not waiting: -EWOULDBLOCK when another holds it.
int cairn_lock_exclusive(int fd);
int cairn_unlock(int fd);

#endif
