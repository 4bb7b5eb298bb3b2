// cairn_maps.h — files mapped for reading, found by their descriptor, and copies out of them that
// survive a file that shrinks or a disk that fails.
//
// Any thread, without locks. A descriptor's map is added and removed by who opened and will close it:
// once each, and removed only when nobody reads through the descriptor any more.

#ifndef CAIRN_MAPS_H
#define CAIRN_MAPS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct cairn_maps cairn_maps;

/// An empty set that maps no more than so many bytes in all, or NULL when there is no memory.
cairn_maps *cairn_maps_create(uint64_t byteCountMaximum);

/// Removes all maps.
void cairn_maps_destroy(cairn_maps *maps);

/// Maps the file's first bytes, if they fit; 0 says that reads through the descriptor go on as before.
/// Corresponds to `mmap(2)`.
int cairn_maps_add(cairn_maps *maps, int fd, uint64_t byteCount);

/// Removes the descriptor's map, if there is one. Corresponds to `munmap(2)`.
void cairn_maps_remove(cairn_maps *maps, int fd);

/// Copies `count` bytes from `offset` on; -1 when they are not all mapped, or the file has no bytes
/// there any more or the disk did not give them (SIGBUS): then pread(2) tells what is so.
ssize_t cairn_maps_read(
    const cairn_maps *maps, int fd, void *to, size_t count, uint64_t offset);

#endif
