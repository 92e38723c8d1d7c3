/*
 * Compression formats, as blocks that know nothing of each other: that is what lets all cores work
 * on one file (pack.h). Each library is a module with an array of codecs; a file of a format is
 *
 *     begin() what compress() made of each block, in order, end()
 *
 * begin, note and end may be NULL: then a block's output is complete in itself.
 */
#ifndef KILN_POSTPROCESSOR_CODEC_H
#define KILN_POSTPROCESSOR_CODEC_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/str.h"

struct kiln_block {
    const unsigned char *in;
    size_t in_len; /* 0 only in an empty file, whose one block it is */
    unsigned char *out;
    size_t out_size, out_len; /* room (bound() of the block's size), and what compress() used */
    struct kiln_cancel *cancel;
    const atomic_bool *stop;
};

/** Nobody wants the block any more: compress() may give up, with any result. Any thread. */
static inline bool kiln_block_unwanted(const struct kiln_block *b)
{
    return *b->stop || kiln_cancel_fired(b->cancel);
}

struct kiln_codec {
    const char *name;
    size_t block;                   /* bytes that go into one block; the last may be shorter */
    size_t (*bound)(size_t in_len); /* no block's output is longer */
    /* A worker's own state, used by one thread at a time. `level`: 0 the library's default, 1…9. */
    void *(*open)(int level, struct kiln_err *err);
    bool (*compress)(void *state, struct kiln_block *b, struct kiln_err *err);
    void (*close)(void *state); /* NULL is fine */
    /* One for a file, fed with its bytes in order. */
    void *(*begin)(int level, struct kiln_str *out);
    void (*note)(void *frame, const void *in, size_t len);
    uint32_t (*end)(void *frame,
                    struct kiln_str *out); /* releases it; deflate's gives the CRC-32 */
};

/** gzip, bgzf, deflate (bare, for zip), lz4, xz, bzip2, zstd; loads its module. */
bool kiln_codec_find(const struct kiln_codec **ret, const char *name, struct kiln_err *err);

#endif
