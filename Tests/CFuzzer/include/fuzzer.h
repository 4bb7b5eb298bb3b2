// The driver of libFuzzer, which `-sanitize=fuzzer` links.
#ifndef FUZZER_H
#define FUZZER_H

#include <stddef.h>
#include <stdint.h>

/// Runs `target` on inputs, as the arguments say, until there is a fault or an end. Returns the exit status.
int fuzzer_run(int argc, char *_Nullable *_Nonnull argv,
               int (*_Nonnull target)(const uint8_t *_Nullable bytes, size_t count));

#endif
