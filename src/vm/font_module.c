#include <libdeflate.h>
#include <lzma.h>

#include "base/bytes.h"
#include "vm/font_ops.h"

#define SLICE      ((size_t)1 << 20)
#define MAX_MEMORY ((uint64_t)256 << 20) /* what liblzma may take, a dictionary mostly */

extern const struct kiln_font_ops kiln_font_ops;

static bool gunzip(const void *data, size_t len, struct kiln_str *out)
{
    struct libdeflate_decompressor *d;
    size_t size, got = 0;
    void *room;
    bool ok;

    if (len < 18)
        return false;
    size = kiln_le32((const uint8_t *)data + len - 4); /* as the file says */
    room = size <= out->max ? kiln_str_space(out, size) : NULL;
    d = room ? libdeflate_alloc_decompressor() : NULL;
    ok = d && libdeflate_gzip_decompress(d, data, len, room, size, &got) == LIBDEFLATE_SUCCESS;
    if (d)
        libdeflate_free_decompressor(d);
    kiln_str_commit(out, ok ? got : 0);
    return ok;
}

static bool unlzma(const void *data, size_t len, struct kiln_str *out)
{
    lzma_stream z = LZMA_STREAM_INIT;
    lzma_ret got = lzma_alone_decoder(&z, MAX_MEMORY);

    z.next_in = data;
    z.avail_in = len;
    while (got == LZMA_OK) {
        uint8_t *room = kiln_str_space(out, SLICE);

        if (!room)
            break;
        z.next_out = room;
        z.avail_out = SLICE;
        got = lzma_code(&z, LZMA_RUN);
        kiln_str_commit(out, SLICE - z.avail_out);
        if (got == LZMA_OK && z.avail_out > 0)
            break; /* it is cut off */
    }
    lzma_end(&z);
    return got == LZMA_STREAM_END;
}

const struct kiln_font_ops kiln_font_ops = { gunzip, unlzma };
