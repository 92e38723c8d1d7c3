/* What kiln-hash.so gives to hash.c. Internal. A context is used by one thread at a time. */
#ifndef KILN_NET_HASH_OPS_H
#define KILN_NET_HASH_OPS_H

#include "net/hash.h"

struct kiln_hash_ops {
    void *(*start)(enum kiln_hash_type type, struct kiln_err *err); /* NULL on failure */
    void (*update)(void *ctx, const void *data, size_t len);
    void (*finish)(void *ctx, unsigned char *ret_digest); /* kiln_hash_digits / 2 bytes */
    void (*free)(void *ctx);
};

#endif
