// tls.h — what the files of this target share; not seen outside.
//
// A `cairn_tls_identity` is OpenSSL's SSL_CTX under a name of ours, and counts who uses it.

#ifndef CAIRN_TLS_PRIVATE_H
#define CAIRN_TLS_PRIVATE_H

#include <openssl/ssl.h>

#endif
