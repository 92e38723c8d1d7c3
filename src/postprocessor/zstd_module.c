/* zstd: a frame with a checksum for each block; every decoder reads frames one after the other. */
#include <zstd.h>

#include "postprocessor/codec.h"

extern const struct kiln_codec *const kiln_zstd_ops[];

static void *open_state(int level, struct kiln_err *err)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();

    if (!c) {
        (void)kiln_err_set(err, KILN_ERR_SYSTEM, "zstd: out of memory");
        return NULL;
    }
    (void)ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level ? level : ZSTD_defaultCLevel());
    (void)ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    return c;
}

static void close_state(void *state)
{
    (void)ZSTD_freeCCtx(state);
}

static size_t bound(size_t in_len)
{
    return ZSTD_compressBound(in_len);
}

static bool compress_block(void *state, struct kiln_block *b, struct kiln_err *err)
{
    size_t n = ZSTD_compress2(state, b->out, b->out_size, b->in, b->in_len);

    if (ZSTD_isError(n))
        return kiln_err_set(err, KILN_ERR_SYSTEM, "zstd: %s", ZSTD_getErrorName(n));
    b->out_len = n;
    return true;
}

static const struct kiln_codec zstd = {
    .name = "zstd",
    .block = (size_t)4 << 20,
    .bound = bound,
    .open = open_state,
    .compress = compress_block,
    .close = close_state,
};

const struct kiln_codec *const kiln_zstd_ops[] = { &zstd, NULL };
