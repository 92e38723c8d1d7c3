/*
 * Checksums of data and of files, at the hardware's speed: several algorithms at once, each in a
 * thread of its own, over one read of the data.
 *
 *   kiln_hash_new -> { kiln_hash_buffer, fill, kiln_hash_push }... -> kiln_hash_finish -> free
 *
 * The producer (one thread) fills a buffer while the hash threads read the ones before it. The
 * digests come from libcrypto, in the module kiln-hash.so.
 */
#ifndef KILN_NET_HASH_H
#define KILN_NET_HASH_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "net/progress.h"

enum kiln_hash_type {
    KILN_HASH_MD5,
    KILN_HASH_SHA1,
    KILN_HASH_SHA224,
    KILN_HASH_SHA256,
    KILN_HASH_SHA384,
    KILN_HASH_SHA512,
    KILN_HASH__N
};

#define KILN_HASH_HEX_MAX 128                 /* digits of the longest digest */
#define KILN_HASH_BLOCK   ((size_t)256 << 10) /* bytes of one buffer */
#define KILN_HASH_BIT(t)  (1u << (t))         /* sets of algorithms are bit masks of these */

struct kiln_hash_sums {
    char hex[KILN_HASH__N][KILN_HASH_HEX_MAX + 1]; /* lower case; "" where not asked for */
};

/** "md5", "sha1", … */
const char *kiln_hash_name(enum kiln_hash_type type);
/** By name, in any case; `len` bytes. False if there is none of that name. */
bool kiln_hash_by_name(const char *name, size_t len, enum kiln_hash_type *ret);
/** By the number of hex digits of a digest (32 gives md5). */
bool kiln_hash_by_digits(size_t digits, enum kiln_hash_type *ret);
size_t kiln_hash_digits(enum kiln_hash_type type);

struct kiln_hash;

/** Start one thread for each algorithm of the set `types` (not 0). Fails if the module is missing.
 */
bool kiln_hash_new(struct kiln_hash **ret, unsigned types, struct kiln_err *err);
void kiln_hash_free(struct kiln_hash *h); /* NULL is fine; ends the threads */
void kiln_hash_freep(struct kiln_hash **h);

/**
 * A buffer of KILN_HASH_BLOCK bytes to fill, the caller's until kiln_hash_push. Waits while all
 * buffers are being read, which is as long as hashing one takes: a millisecond.
 */
void *kiln_hash_buffer(struct kiln_hash *h);
/** Hand over the first `len` bytes of that buffer. They stay readable until the next call. */
void kiln_hash_push(struct kiln_hash *h, size_t len);
/** Copies data through the buffers; for short data. */
void kiln_hash_update(struct kiln_hash *h, const void *data, size_t len);
/** Wait for the threads and take the digests. Nothing may be pushed after it. */
void kiln_hash_finish(struct kiln_hash *h, struct kiln_hash_sums *ret_sums);

/** The digest of a short text, in hex; `ret_hex` has room for KILN_HASH_HEX_MAX + 1. */
bool kiln_hash_text(enum kiln_hash_type type, const char *text, char *ret_hex,
                    struct kiln_err *err);

#define KILN_HMAC_SHA256_SIZE 32

/** HMAC-SHA256 (RFC 2104) of the data, as bytes. */
bool kiln_hash_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                           unsigned char ret[KILN_HMAC_SHA256_SIZE], struct kiln_err *err);

/** Read `fd` from its current position to the end, at most `len` bytes, into `h`. */
bool kiln_hash_feed_fd(struct kiln_hash *h, int fd, const char *name, uint64_t len,
                       struct kiln_cancel *c, struct kiln_progress *progress, struct kiln_err *err);

/**
 * Digests of a file (regular, or a block device), read once.
 *
 * @types     set of algorithms, KILN_HASH_BIT(…)
 * @c         cancels it: err CANCELLED
 * @progress  may be NULL
 */
bool kiln_hash_file(const char *path, unsigned types, struct kiln_cancel *c,
                    struct kiln_progress *progress, struct kiln_hash_sums *ret_sums,
                    struct kiln_err *err);

#endif
