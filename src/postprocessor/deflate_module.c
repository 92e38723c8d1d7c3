/*
 * gzip, BGZF and bare deflate by libdeflate, which gives smaller output in less time than zlib but
 * makes whole streams only; deflate_end.h joins them. What looks random (encrypted, compressed
 * already) is stored as it is: libdeflate would spend as long on it as on anything else.
 * Source: RFC 1951 and 1952; SAM/BAM format specification, section 4.1 (BGZF).
 */
#include <assert.h>
#include <libdeflate.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "postprocessor/codec.h"
#include "postprocessor/deflate_end.h"

#define BLOCK         ((size_t)1 << 20)
#define BGZF_BLOCK    ((size_t)65280)
#define PROBE         ((size_t)65535) /* also the longest stored block */
#define STORED_HEADER ((size_t)5)

extern const struct kiln_codec *const kiln_deflate_ops[];

/*
 * libdeflate's level for each of ours: the fastest that makes no larger files than Packer does at
 * that level, whose 6 is about as strong as libdeflate's 2.
 */
static const int strength[] = { 2, 1, 2, 2, 2, 2, 2, 5, 7, 9 };

struct state {
    struct libdeflate_compressor *compressor;
    unsigned char zeros[256]; /* PROBE zeros, compressed, as an open stream */
    size_t zeros_len;         /* 0: it has no room */
};

static void close_state(void *state)
{
    struct state *s = state;

    if (s)
        libdeflate_free_compressor(s->compressor);
    free(s);
}

static void *open_state(int level, struct kiln_err *err)
{
    static const unsigned char nothing[PROBE];
    struct state *s = kiln_xcalloc(1, sizeof(*s));

    s->compressor = libdeflate_alloc_compressor(strength[level]);
    if (!s->compressor) {
        (void)kiln_err_set(err, KILN_ERR_SYSTEM, "libdeflate: out of memory");
        close_state(s);
        return NULL;
    }
    s->zeros_len = libdeflate_deflate_compress(s->compressor, nothing, sizeof(nothing), s->zeros,
                                               sizeof(s->zeros) - KILN_DEFLATE_JOIN);
    if (!kiln_deflate_open_end(s->zeros, &s->zeros_len))
        s->zeros_len = 0;
    return s;
}

static size_t bound(size_t in_len)
{
    /* Worst: every other probe goes its own way, and the ones between do not shrink either. */
    return libdeflate_deflate_compress_bound(NULL, in_len) +
           (in_len / PROBE + 2) *
               (2 * STORED_HEADER + KILN_DEFLATE_JOIN + sizeof(((struct state *)NULL)->zeros));
}

/*
 * Are these bytes as evenly spread as random ones? Chi-squared over the 256 values: 255 on average,
 * standard deviation 22.6. Repetitions and text are far beyond; a mistake costs room, not data.
 */
static bool evenly_spread(const unsigned char *p, size_t len)
{
    uint32_t count[4][256] = { { 0 } };
    uint64_t squares = 0;
    size_t i = 0;

    for (; i + 4 <= len; i += 4) { /* four tables: no waiting for the count just written */
        count[0][p[i]]++;
        count[1][p[i + 1]]++;
        count[2][p[i + 2]]++;
        count[3][p[i + 3]]++;
    }
    for (size_t v = 0; v < 256; v++) {
        uint64_t n = (uint64_t)count[0][v] + count[1][v] + count[2][v] + count[3][v];

        squares += n * n;
    }
    return squares * 256 / i < i + 350;
}

static bool looks_random(const unsigned char *p)
{
    return evenly_spread(p, PROBE / 16) && evenly_spread(p, PROBE); /* most is told at once */
}

static bool is_zero(const unsigned char *p, size_t len)
{
    return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

static void put_zeros(const struct state *s, struct kiln_block *b)
{
    assert(b->out_size - b->out_len >= s->zeros_len);
    memcpy(b->out + b->out_len, s->zeros, s->zeros_len);
    b->out_len += s->zeros_len;
}

static void store(struct kiln_block *b, const unsigned char *in, size_t len)
{
    unsigned char *out = b->out + b->out_len;

    assert(len <= PROBE && b->out_size - b->out_len >= len + STORED_HEADER);
    out[0] = 0;
    kiln_put_le16(out + 1, (uint16_t)len);
    kiln_put_le16(out + 3, (uint16_t)~len);
    memcpy(out + STORED_HEADER, in, len);
    b->out_len += STORED_HEADER + len;
}

static bool squeeze(const struct state *s, struct kiln_block *b, const unsigned char *in,
                    size_t len, struct kiln_err *err)
{
    unsigned char *out = b->out + b->out_len;
    size_t n;

    if (len == 0)
        return true;
    n = libdeflate_deflate_compress(s->compressor, in, len, out,
                                    b->out_size - b->out_len - KILN_DEFLATE_JOIN);
    if (n == 0 || !kiln_deflate_open_end(out, &n))
        return kiln_err_set(err, KILN_ERR_SYSTEM, "libdeflate gave a stream that has no end");
    b->out_len += n;
    return true;
}

/* An open stream: others can follow at once. Probe by probe, what is zero or random goes its own
 * way; what lies between is squeezed in one piece. */
static bool compress_open(void *state, struct kiln_block *b, struct kiln_err *err)
{
    const struct state *s = state;
    size_t done = 0;

    b->out_len = 0;
    for (size_t at = 0; b->in_len - at >= PROBE; at += PROBE) {
        const unsigned char *probe = b->in + at;
        bool zero = s->zeros_len && is_zero(probe, PROBE);

        if (!zero && !looks_random(probe))
            continue;
        if (!squeeze(s, b, b->in + done, at - done, err))
            return false;
        if (zero)
            put_zeros(s, b);
        else
            store(b, probe, PROBE);
        done = at + PROBE;
    }
    return squeeze(s, b, b->in + done, b->in_len - done, err);
}

struct frame {
    uint32_t crc;
    uint32_t size; /* modulo 2^32, as gzip has it */
};

static void *begin_deflate(int level, struct kiln_str *out)
{
    (void)level;
    (void)out;
    return kiln_xcalloc(1, sizeof(struct frame));
}

static void *begin_gzip(int level, struct kiln_str *out)
{
    /* No name, no time, "slowest" for level 9 and "fastest" for 1, unknown system. */
    const unsigned char header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };

    kiln_str_add(out, header, sizeof(header));
    out->data[8] = (char)(level == 9 ? 2 : level == 1 ? 4 : 0);
    return begin_deflate(level, out);
}

static void note(void *ud, const void *in, size_t len)
{
    struct frame *f = ud;

    f->crc = libdeflate_crc32(f->crc, in, len);
    f->size += (uint32_t)len;
}

/* The last block of the stream: empty, with fixed codes. */
static uint32_t end_deflate(void *ud, struct kiln_str *out)
{
    struct frame *f = ud;
    uint32_t crc = f->crc;

    kiln_str_add(out, "\x03\x00", 2);
    free(f);
    return crc;
}

static uint32_t end_gzip(void *ud, struct kiln_str *out)
{
    const struct frame f = *(struct frame *)ud;
    unsigned char tail[8];

    (void)end_deflate(ud, out);
    kiln_put_le32(tail, f.crc);
    kiln_put_le32(tail + 4, f.size);
    kiln_str_add(out, tail, sizeof(tail));
    return f.crc;
}

/* ---- BGZF: a gzip member for each block, whose length is in its header ---- */

#define BGZF_HEADER 18
#define BGZF_TAIL   8

static size_t bgzf_bound(size_t in_len)
{
    return libdeflate_deflate_compress_bound(NULL, in_len) + BGZF_HEADER + BGZF_TAIL;
}

static bool compress_bgzf(void *state, struct kiln_block *b, struct kiln_err *err)
{
    static const unsigned char header[BGZF_HEADER] = { 0x1f, 0x8b, 8, 4,  0,  0, 0, 0, 0,
                                                       0xff, 6,    0, 66, 67, 2, 0, 0, 0 };
    size_t n, total;

    b->out_len = 0;
    if (b->in_len == 0)
        return true;
    n = libdeflate_deflate_compress(((struct state *)state)->compressor, b->in, b->in_len,
                                    b->out + BGZF_HEADER, b->out_size - BGZF_HEADER - BGZF_TAIL);
    total = BGZF_HEADER + n + BGZF_TAIL;
    if (n == 0 || total > 65536)
        return kiln_err_set(err, KILN_ERR_SYSTEM, "bgzf: a block of %zu bytes grew", b->in_len);
    memcpy(b->out, header, sizeof(header));
    kiln_put_le16(b->out + 16, (uint16_t)(total - 1));
    kiln_put_le32(b->out + BGZF_HEADER + n, libdeflate_crc32(0, b->in, b->in_len));
    kiln_put_le32(b->out + BGZF_HEADER + n + 4, (uint32_t)b->in_len);
    b->out_len = total;
    return true;
}

static uint32_t end_bgzf(void *frame, struct kiln_str *out)
{
    static const unsigned char eof[] = { 0x1f, 0x8b, 8,  4, 0, 0, 0, 0, 0, 0xff, 6, 0, 66, 67,
                                         2,    0,    27, 0, 3, 0, 0, 0, 0, 0,    0, 0, 0,  0 };

    (void)frame;
    kiln_str_add(out, eof, sizeof(eof));
    return 0;
}

static const struct kiln_codec gzip = {
    .name = "gzip",
    .block = BLOCK,
    .bound = bound,
    .open = open_state,
    .compress = compress_open,
    .close = close_state,
    .begin = begin_gzip,
    .note = note,
    .end = end_gzip,
};
static const struct kiln_codec deflate = {
    .name = "deflate",
    .block = BLOCK,
    .bound = bound,
    .open = open_state,
    .compress = compress_open,
    .close = close_state,
    .begin = begin_deflate,
    .note = note,
    .end = end_deflate,
};
static const struct kiln_codec bgzf = {
    .name = "bgzf",
    .block = BGZF_BLOCK,
    .bound = bgzf_bound,
    .open = open_state,
    .compress = compress_bgzf,
    .close = close_state,
    .end = end_bgzf,
};

const struct kiln_codec *const kiln_deflate_ops[] = { &gzip, &deflate, &bgzf, NULL };
