// COpenSSL.h — the umbrella over what the project uses of the system's OpenSSL, 3.0 or newer.
//
// No header here includes one of OpenSSL's: much of that is macros, which Swift does not see, and
// what Swift imports stays small. Each function is the part of a task that only C can say.

#ifndef COPENSSL_H
#define COPENSSL_H

#include "cairn_digest.h"
#include "cairn_tls.h"

#endif
