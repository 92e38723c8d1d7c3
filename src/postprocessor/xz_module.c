/* xz: a stream with CRC-64 for each block; every decoder reads streams one after the other. */
#include <lzma.h>

#include "base/mem.h"
#include "postprocessor/codec.h"

#define DEFAULT_LEVEL 6
#define SLICE         ((size_t)64 << 10) /* input between two looks at the cancel object: 50 ms */

extern const struct kiln_codec *const kiln_xz_ops[];

struct state {
    lzma_stream stream;
    uint32_t preset;
};

static void *open_state(int level, struct kiln_err *err)
{
    struct state *s = kiln_xcalloc(1, sizeof(*s));

    (void)err;
    s->stream = (lzma_stream)LZMA_STREAM_INIT;
    s->preset = (uint32_t)(level ? level : DEFAULT_LEVEL);
    return s;
}

static void close_state(void *state)
{
    struct state *s = state;

    if (s)
        lzma_end(&s->stream);
    free(s);
}

static size_t bound(size_t in_len)
{
    return lzma_stream_buffer_bound(in_len);
}

static bool compress_block(void *state, struct kiln_block *b, struct kiln_err *err)
{
    struct state *s = state;
    lzma_stream *z = &s->stream;
    size_t left = b->in_len;
    lzma_ret got = lzma_easy_encoder(z, s->preset, LZMA_CHECK_CRC64);

    z->next_in = b->in;
    z->next_out = b->out;
    z->avail_out = b->out_size;
    while (got == LZMA_OK && !kiln_block_unwanted(b)) {
        size_t n = left < SLICE ? left : SLICE;

        z->avail_in = n;
        got = lzma_code(z, left > n ? LZMA_RUN : LZMA_FINISH);
        left -= n - z->avail_in;
    }
    if (got != LZMA_STREAM_END && !kiln_block_unwanted(b))
        return kiln_err_set(err, KILN_ERR_SYSTEM, "xz: error %d of liblzma", (int)got);
    b->out_len = b->out_size - z->avail_out;
    return true;
}

static const struct kiln_codec xz = {
    .name = "xz",
    .block = (size_t)8 << 20,
    .bound = bound,
    .open = open_state,
    .compress = compress_block,
    .close = close_state,
};

const struct kiln_codec *const kiln_xz_ops[] = { &xz, NULL };
