/*
 * lz4 frames of independent 4 MiB blocks with a checksum of the content. liblz4's own frame writer
 * uses one core; it is asked for the frame's header only.
 * Source: LZ4 frame format description, version 1.6.
 */
#include <lz4.h>
#include <lz4frame.h>
#include <lz4hc.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "postprocessor/codec.h"

#define BLOCK        ((size_t)4 << 20)
#define SIZE_FIELD   4
#define UNCOMPRESSED 0x80000000u
#define FIRST_HC     3 /* below it the fast compressor, as the program lz4 has it */

extern const struct kiln_codec *const kiln_lz4_ops[];

struct state {
    int level;
    void *memory; /* of the high compressor; NULL for the fast one */
};

static void *open_state(int level, struct kiln_err *err)
{
    struct state *s = kiln_xcalloc(1, sizeof(*s));

    (void)err;
    s->level = level;
    if (level >= FIRST_HC)
        s->memory = kiln_xmalloc((size_t)LZ4_sizeofStateHC());
    else
        s->memory = kiln_xmalloc((size_t)LZ4_sizeofState());
    return s;
}

static void close_state(void *state)
{
    struct state *s = state;

    if (s)
        free(s->memory);
    free(s);
}

static size_t bound(size_t in_len)
{
    return (size_t)LZ4_compressBound((int)in_len) + SIZE_FIELD;
}

static bool compress_block(void *state, struct kiln_block *b, struct kiln_err *err)
{
    const struct state *s = state;
    const char *in = (const char *)b->in;
    char *out = (char *)b->out + SIZE_FIELD;
    int len = (int)b->in_len, room = (int)(b->out_size - SIZE_FIELD), n;

    b->out_len = 0;
    if (b->in_len == 0)
        return true; /* a block of no bytes would be the end of the frame */
    if (s->level >= FIRST_HC)
        n = LZ4_compress_HC_extStateHC(s->memory, in, out, len, room, s->level);
    else
        n = LZ4_compress_fast_extState(s->memory, in, out, len, room, 1);
    if (n <= 0)
        return kiln_err_set(err, KILN_ERR_SYSTEM, "lz4: a block was not compressed");
    kiln_put_le32(b->out, (uint32_t)n);
    if (n >= len) {
        kiln_put_le32(b->out, (uint32_t)len | UNCOMPRESSED);
        memcpy(out, in, b->in_len);
        n = len;
    }
    b->out_len = SIZE_FIELD + (size_t)n;
    return true;
}

static void *begin(int level, struct kiln_str *out)
{
    const LZ4F_preferences_t how = { .frameInfo = { .blockSizeID = LZ4F_max4MB,
                                                    .blockMode = LZ4F_blockIndependent,
                                                    .contentChecksumFlag =
                                                        LZ4F_contentChecksumEnabled },
                                     .compressionLevel = level };
    LZ4F_cctx *context = NULL;
    XXH32_state_t *sum = XXH32_createState();
    char header[LZ4F_HEADER_SIZE_MAX];
    size_t n = LZ4F_createCompressionContext(&context, LZ4F_VERSION);

    if (!LZ4F_isError(n))
        n = LZ4F_compressBegin(context, header, sizeof(header), &how);
    if (LZ4F_isError(n) || !sum)
        abort(); /* memory is gone, as in base/mem.h */
    kiln_str_add(out, header, n);
    (void)LZ4F_freeCompressionContext(context);
    (void)XXH32_reset(sum, 0);
    return sum;
}

static void note(void *sum, const void *in, size_t len)
{
    (void)XXH32_update(sum, in, len);
}

static uint32_t end(void *sum, struct kiln_str *out)
{
    unsigned char tail[8] = { 0 }; /* the end mark, then the checksum */

    kiln_put_le32(tail + 4, XXH32_digest(sum));
    kiln_str_add(out, tail, sizeof(tail));
    (void)XXH32_freeState(sum);
    return 0;
}

static const struct kiln_codec lz4 = {
    .name = "lz4",
    .block = BLOCK,
    .bound = bound,
    .open = open_state,
    .compress = compress_block,
    .close = close_state,
    .begin = begin,
    .note = note,
    .end = end,
};

const struct kiln_codec *const kiln_lz4_ops[] = { &lz4, NULL };
