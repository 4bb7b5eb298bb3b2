// CLinux.h — the umbrella over the C that Swift cannot say.
//
// No header here needs _GNU_SOURCE or pulls in instruction-set headers: GNU calls live in the .c
// files, so that what Swift imports stays small and the same for every importer.

#ifndef CLINUX_H
#define CLINUX_H

#include "cairn_crc.h"
#include "cairn_file.h"
#include "cairn_maps.h"
#include "cairn_memory.h"
#include "cairn_poll.h"
#include "cairn_process.h"
#include "cairn_siphash.h"
#include "cairn_socket.h"
#include "cairn_stream.h"
#include "cairn_thread.h"

#endif
