/* bzip2: a stream for each block; every decoder reads streams one after the other. */
#include <bzlib.h>

#include "base/mem.h"
#include "postprocessor/codec.h"

#define DEFAULT_LEVEL 9

extern const struct kiln_codec *const kiln_bzip2_ops[];

static void *open_state(int level, struct kiln_err *err)
{
    int *state = kiln_xmalloc(sizeof(*state));

    (void)err;
    *state = level ? level : DEFAULT_LEVEL;
    return state;
}

static size_t bound(size_t in_len)
{
    return in_len + in_len / 100 + 600; /* the library's manual */
}

static bool compress_block(void *state, struct kiln_block *b, struct kiln_err *err)
{
    unsigned n = (unsigned)b->out_size;
    int got = BZ2_bzBuffToBuffCompress((char *)b->out, &n, (char *)(uintptr_t)b->in,
                                       (unsigned)b->in_len, *(const int *)state, 0, 0);

    if (got != BZ_OK)
        return kiln_err_set(err, KILN_ERR_SYSTEM, "bzip2: error %d of libbz2", got);
    b->out_len = n;
    return true;
}

static const struct kiln_codec bzip2 = {
    .name = "bzip2",
    .block = 900000, /* what one of its own blocks takes at level 9 */
    .bound = bound,
    .open = open_state,
    .compress = compress_block,
    .close = free,
};

const struct kiln_codec *const kiln_bzip2_ops[] = { &bzip2, NULL };
