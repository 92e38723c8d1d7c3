#include "postprocessor/deflate_end.h"

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

#define MAX_BITS     15 /* of a code */
#define N_LITLEN     288
#define N_DIST       32
#define N_CODELEN    19
#define END_OF_BLOCK 256

/* What a code of a table is followed by, and how many bits both take; 0: no such code. */
#define ENTRY_BITS  0x1fu
#define ENTRY_MATCH 0x20u /* a length: a distance follows */
#define ENTRY_END   0x40u

struct table {
    uint8_t entry[1u << MAX_BITS]; /* by the next `bits` bits of the stream */
    uint8_t symbol[1u << 7]; /* of the code length code only, whose codes have 7 bits at most */
    unsigned bits;
};

struct bits {
    const unsigned char *data;
    size_t len;
    size_t next;   /* byte of data to take next */
    uint64_t held; /* bits taken and not used */
    unsigned n;    /* how many */
    size_t over;   /* zero bits held that are behind the end of the data */
};

struct walk {
    struct bits bits;
    struct table litlen, dist;
};

/* At least 56 bits are held afterwards; behind the end there are zeros. */
static inline void fill(struct bits *b)
{
    uint64_t word;

    if (b->len - b->next >= sizeof(word)) {
        memcpy(&word, b->data + b->next, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        b->held |= word << b->n;
        b->next += (63 - b->n) >> 3;
        b->n |= 56;
        return;
    }
    while (b->n <= 56) {
        if (b->next < b->len)
            b->held |= (uint64_t)b->data[b->next++] << b->n;
        else
            b->over += 8;
        b->n += 8;
    }
}

static inline void drop(struct bits *b, unsigned bits)
{
    b->held >>= bits;
    b->n -= bits;
}

static unsigned take(struct bits *b, unsigned bits)
{
    unsigned value;

    if (b->n < bits)
        fill(b);
    value = (unsigned)(b->held & ((1u << bits) - 1));
    drop(b, bits);
    return value;
}

/* Were bits used that are not there? */
static bool overrun(const struct bits *b)
{
    return b->over > b->n;
}

static size_t position(const struct bits *b)
{
    return 8 * b->next + b->over - b->n;
}

static unsigned reversed(unsigned code, unsigned bits)
{
    unsigned out = 0;

    for (; bits > 0; bits--, code >>= 1)
        out = out << 1 | (code & 1);
    return out;
}

/* Extra bits behind the code of a length (257…) or of a distance. */
static unsigned length_extra(unsigned symbol)
{
    return symbol < 265 || symbol == 285 ? 0 : (symbol - 261) / 4;
}

static unsigned dist_extra(unsigned symbol)
{
    return symbol < 4 ? 0 : (symbol - 2) / 2;
}

enum alphabet { CODELEN, LITLEN, DIST };

/* 0 for a symbol that may not occur. */
static uint8_t entry_of(enum alphabet alphabet, unsigned symbol, unsigned bits)
{
    switch (alphabet) {
    case CODELEN:
        return (uint8_t)bits;
    case LITLEN:
        if (symbol > END_OF_BLOCK)
            return symbol > 285 ? 0 : (uint8_t)(ENTRY_MATCH | (bits + length_extra(symbol)));
        return (uint8_t)(bits | (symbol == END_OF_BLOCK ? ENTRY_END : 0));
    case DIST:
        return symbol > 29 ? 0 : (uint8_t)(bits + dist_extra(symbol));
    }
    return 0;
}

static bool build(struct table *t, enum alphabet alphabet, const uint8_t *lengths, unsigned n)
{
    unsigned count[MAX_BITS + 1] = { 0 }, code[MAX_BITS + 2] = { 0 };

    for (unsigned i = 0; i < n; i++)
        count[lengths[i]]++;
    count[0] = 0;
    t->bits = 1;
    for (unsigned b = 1; b <= MAX_BITS; b++) {
        code[b + 1] = (code[b] + count[b]) << 1;
        if (code[b] + count[b] > 1u << b)
            return false; /* more codes than there can be */
        if (count[b])
            t->bits = b;
    }
    memset(t->entry, 0, (size_t)1 << t->bits);
    for (unsigned i = 0; i < n; i++) {
        unsigned bits = lengths[i];

        if (!bits)
            continue;
        for (unsigned at = reversed(code[bits]++, bits); at < 1u << t->bits; at += 1u << bits) {
            t->entry[at] = entry_of(alphabet, i, bits);
            if (alphabet == CODELEN)
                t->symbol[at] = (uint8_t)i;
        }
    }
    return true;
}

/* Run-length coded lengths of the codes of a dynamic block. */
static bool read_lengths(struct walk *w, const struct table *t, uint8_t *lengths, unsigned n)
{
    static const struct {
        uint8_t extra, base;
    } repeat[] = { { 2, 3 }, { 3, 3 }, { 7, 11 } };
    unsigned at = 0;

    while (at < n) {
        unsigned symbol, times, bits, index;
        uint8_t value = 0;

        fill(&w->bits);
        index = (unsigned)(w->bits.held & ((1u << t->bits) - 1));
        bits = t->entry[index];
        if (!bits || overrun(&w->bits))
            return false;
        drop(&w->bits, bits);
        symbol = t->symbol[index];
        if (symbol < 16) {
            lengths[at++] = (uint8_t)symbol;
            continue;
        }
        if (symbol == 16) {
            if (at == 0)
                return false;
            value = lengths[at - 1];
        }
        times = repeat[symbol - 16].base + take(&w->bits, repeat[symbol - 16].extra);
        if (times > n - at)
            return false;
        memset(lengths + at, value, times);
        at += times;
    }
    return true;
}

static bool read_tables(struct walk *w)
{
    static const uint8_t order[N_CODELEN] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                              11, 4,  12, 3, 13, 2, 14, 1, 15 };
    uint8_t lengths[N_LITLEN + N_DIST] = { 0 };
    unsigned n_litlen = take(&w->bits, 5) + 257, n_dist = take(&w->bits, 5) + 1,
             n_codelen = take(&w->bits, 4) + 4;

    for (unsigned i = 0; i < n_codelen; i++)
        lengths[order[i]] = (uint8_t)take(&w->bits, 3);
    if (!build(&w->litlen, CODELEN, lengths, N_CODELEN) ||
        !read_lengths(w, &w->litlen, lengths, n_litlen + n_dist))
        return false;
    return build(&w->dist, DIST, lengths + n_litlen, n_dist) &&
           build(&w->litlen, LITLEN, lengths, n_litlen);
}

static bool fixed_tables(struct walk *w)
{
    uint8_t lengths[N_LITLEN];

    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    if (!build(&w->litlen, LITLEN, lengths, N_LITLEN))
        return false;
    memset(lengths, 5, N_DIST);
    return build(&w->dist, DIST, lengths, N_DIST);
}

static bool skip_codes(struct walk *w)
{
    const unsigned litlen_mask = (1u << w->litlen.bits) - 1, dist_mask = (1u << w->dist.bits) - 1;
    struct bits b = w->bits; /* a copy can live in registers */
    unsigned e = 1;

    while (!overrun(&b)) {
        fill(&b); /* a length takes 20 bits at most, a distance 28 */
        do {
            e = w->litlen.entry[b.held & litlen_mask];
            drop(&b, e & ENTRY_BITS);
        } while (e && e < ENTRY_MATCH && b.n >= 48);
        if (e == 0 || e & ENTRY_END)
            break;
        if (e & ENTRY_MATCH) {
            e = w->dist.entry[b.held & dist_mask];
            if (e == 0)
                break;
            drop(&b, e);
        }
    }
    w->bits = b;
    return e & ENTRY_END && !overrun(&b);
}

static bool skip_stored(struct walk *w)
{
    size_t at, n;

    drop(&w->bits, w->bits.n % 8);
    if (overrun(&w->bits))
        return false;
    at = position(&w->bits) / 8;
    if (w->bits.len - at < 4)
        return false;
    n = kiln_le16(w->bits.data + at);
    if ((n ^ kiln_le16(w->bits.data + at + 2)) != 0xffff || w->bits.len - at - 4 < n)
        return false;
    w->bits.next = at + 4 + n;
    w->bits.held = 0;
    w->bits.n = 0;
    w->bits.over = 0;
    return true;
}

static bool skip_block(struct walk *w)
{
    switch (take(&w->bits, 2)) {
    case 0:
        return skip_stored(w);
    case 1:
        return fixed_tables(w) && skip_codes(w);
    case 2:
        return read_tables(w) && skip_codes(w);
    default: /* two bits */
        return false;
    }
}

bool kiln_deflate_find_end(const unsigned char *data, size_t len, struct kiln_deflate_end *ret)
{
    struct walk w = { .bits = { .data = data, .len = len } };
    bool last;

    do {
        ret->last_block = position(&w.bits);
        last = take(&w.bits, 1);
        if (!skip_block(&w) || overrun(&w.bits))
            return false;
    } while (!last);
    ret->end = position(&w.bits);
    return true;
}

bool kiln_deflate_open_end(unsigned char *data, size_t *len)
{
    static const unsigned char stored_nothing[] = { 0x00, 0x00, 0xff, 0xff };
    struct kiln_deflate_end at;
    size_t n;

    if (!kiln_deflate_find_end(data, *len, &at))
        return false;
    data[at.last_block / 8] &= (unsigned char)~(1u << at.last_block % 8);
    n = at.end / 8;
    if (at.end % 8)
        data[n++] &= (unsigned char)((1u << at.end % 8) - 1);
    if (at.end % 8 == 0 || at.end % 8 > 5) /* no room for the three bits of a block's header */
        data[n++] = 0;
    memcpy(data + n, stored_nothing, sizeof(stored_nothing));
    *len = n + sizeof(stored_nothing);
    return true;
}
