// cairn_process.h — clocks, randomness, limits and figures of this process.
//
// Failures are the negated errno where there are any. Thread-safe.

#ifndef CAIRN_PROCESS_H
#define CAIRN_PROCESS_H

#include <stddef.h>
#include <stdint.h>

uint64_t cairn_monotonic_nanoseconds(void);
uint64_t cairn_wall_nanoseconds(void);
/// User and system time of the whole process.
uint64_t cairn_processor_nanoseconds(void);

/// The environment: words of "NAME=value", behind the last one NULL. Changing it is nobody's business here.
char **cairn_environment(void);

/// Fills the bytes from the kernel's generator; 0 or the negated errno.
int cairn_random(void *bytes, size_t byteCount);

/// Raises the soft limit of open descriptors to the hard one; returns the limit now in force.
int64_t cairn_raise_descriptor_limit(void);
/// Memory of this process that is resident, without pages of files, or the negated errno.
int64_t cairn_resident_byte_count(void);
/// Makes a write past RLIMIT_FSIZE fail with EFBIG rather than end the process.
void cairn_ignore_file_size_signal(void);
int32_t cairn_process_id(void);
int cairn_processor_count(void);

/// Bytes of the machine's memory, or 0 when the system does not say. Corresponds to `sysconf(3)`.
uint64_t cairn_memory_byte_count(void);

/// The system's words for an errno, in `buffer` or static.
const char *cairn_error_message(int code, char *buffer, size_t byteCount);

#endif
