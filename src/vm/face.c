#include "vm/face.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

#define FIRST_SLOTS 1024
#define LEFTMOST    0x8000u

struct kiln_face *kiln_face_new(const char *name, unsigned width, unsigned height)
{
    struct kiln_face *f;

    if (width < 4 || width > KILN_FACE_WIDTH || height < 6 || height > KILN_FACE_HEIGHT)
        return NULL;
    f = kiln_xcalloc(1, sizeof(*f));
    f->name = kiln_xstrdup(name);
    f->width = width;
    f->height = height;
    return f;
}

void kiln_face_free(struct kiln_face *f)
{
    if (!f)
        return;
    free(f->name);
    free(f->glyphs);
    free(f->pixels);
    free(f->slots);
    free(f);
}

void kiln_face_freep(struct kiln_face **f)
{
    kiln_face_free(*f);
}

struct kiln_bitmap kiln_bitmap_invert(const struct kiln_bitmap *b, unsigned width, unsigned height)
{
    const uint16_t all = (uint16_t)(0xffffu << (KILN_FACE_WIDTH - width));
    struct kiln_bitmap ret = *b;

    for (unsigned y = 0; y < height; y++)
        ret.rows[y] = (uint16_t)~b->rows[y] & all;
    return ret;
}

/* The one of a cell and its negative whose first pixel is not set. */
static struct kiln_bitmap canonical(const struct kiln_face *f, const struct kiln_bitmap *b)
{
    return b->rows[0] & LEFTMOST ? kiln_bitmap_invert(b, f->width, f->height) : *b;
}

static bool same(const struct kiln_bitmap *a, const struct kiln_bitmap *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* ---- pixels: hundreds of fonts may be there ---- */

struct packed {
    uint8_t bytes[2 * KILN_FACE_HEIGHT];
};

static size_t packed_size(const struct kiln_face *f)
{
    return (size_t)f->height * (f->width > 8 ? 2 : 1);
}

static struct packed pack(const struct kiln_face *f, const struct kiln_bitmap *b)
{
    struct packed ret = { 0 };
    size_t at = 0;

    for (unsigned y = 0; y < f->height; y++) {
        ret.bytes[at++] = (uint8_t)(b->rows[y] >> 8);
        if (f->width > 8)
            ret.bytes[at++] = (uint8_t)(b->rows[y] & 0xff);
    }
    return ret;
}

struct kiln_bitmap kiln_face_bits(const struct kiln_face *f, size_t i)
{
    const uint8_t *p = f->pixels + i * packed_size(f);
    struct kiln_bitmap ret = { 0 };

    for (unsigned y = 0; y < f->height; y++) {
        ret.rows[y] = (uint16_t)(*p++ << 8);
        if (f->width > 8)
            ret.rows[y] |= *p++;
    }
    return ret;
}

static bool has_pixels(const struct kiln_face *f, size_t i, const struct packed *p)
{
    return memcmp(f->pixels + i * packed_size(f), p->bytes, packed_size(f)) == 0;
}

/* ---- the table ---- */

static size_t hash(const struct kiln_bitmap *b)
{
    uint64_t h = 0, word;

    for (size_t i = 0; i < sizeof(*b); i += sizeof(word)) {
        memcpy(&word, (const char *)b->rows + i, sizeof(word));
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return (size_t)h;
}

/* The glyph that has this canonical form, or the slot where it would be (*ret_slot). */
static struct kiln_glyph *probe(const struct kiln_face *f, const struct kiln_bitmap *b,
                                size_t *ret_slot)
{
    const struct kiln_bitmap inverse = kiln_bitmap_invert(b, f->width, f->height);
    const struct packed this = pack(f, b), other = pack(f, &inverse);
    size_t at = hash(b) & (f->n_slots - 1);

    for (; f->slots[at]; at = (at + 1) & (f->n_slots - 1)) {
        size_t i = f->slots[at] - 1;

        if (has_pixels(f, i, &this) || has_pixels(f, i, &other))
            return &f->glyphs[i];
    }
    *ret_slot = at;
    return NULL;
}

static void make_room(struct kiln_face *f, size_t cap, size_t n_slots)
{
    size_t at = 0;

    f->cap = cap;
    f->glyphs = kiln_xrealloc(f->glyphs, cap, sizeof(*f->glyphs));
    f->pixels = kiln_xrealloc(f->pixels, cap, packed_size(f));
    free(f->slots);
    f->n_slots = n_slots;
    f->slots = kiln_xcalloc(n_slots, sizeof(*f->slots));
    for (size_t i = 0; i < f->n; i++) {
        struct kiln_bitmap bits = kiln_face_bits(f, i), bare = canonical(f, &bits);

        if (!probe(f, &bare, &at)) /* a negative goes by the slot of the other */
            f->slots[at] = (uint32_t)i + 1;
    }
}

static void grow(struct kiln_face *f)
{
    size_t cap = f->cap ? 2 * f->cap : FIRST_SLOTS / 2;

    make_room(f, cap, 2 * cap);
}

void kiln_face_trim(struct kiln_face *f)
{
    size_t n_slots = 1;

    while (n_slots * 3 < f->n * 4) /* at most three of four are taken */
        n_slots *= 2;
    if (f->n > 0 && f->n < f->cap)
        make_room(f, f->n, n_slots);
}

static bool is_empty(const struct kiln_bitmap *b)
{
    static const struct kiln_bitmap none;

    return same(b, &none);
}

/* Control characters, halves of pairs, private ones: no text has them. */
static bool is_printable(uint32_t code)
{
    return code >= ' ' && !(code >= 0x7f && code < 0xa0) && !(code >= 0xd800 && code < 0xf900) &&
           code != 0xfffd && code != 0xfeff && code < 0xf0000;
}

/* How common it is; 0: most. */
static unsigned rank(uint32_t code)
{
    if (code < 0x7f)
        return 0;
    if (code < 0x180)
        return 1;
    if (code >= 0x2500 && code < 0x2600)
        return 2;
    return code >= 0x370 && code < 0x460 ? 3 : 4;
}

void kiln_face_add(struct kiln_face *f, const struct kiln_bitmap *bits, uint32_t code,
                   unsigned index)
{
    const struct kiln_bitmap bare = canonical(f, bits);
    struct kiln_glyph *g;
    struct packed pixels;
    size_t at = 0;

    if (f->n >= KILN_MAX_FONT_GLYPHS || !is_printable(code))
        return;
    if (is_empty(&bare) && code != ' ')
        return;
    if (f->n == f->cap)
        grow(f);
    g = probe(f, &bare, &at);
    if (g && !kiln_face_is(f, g, bits) && g->negative)
        g = &f->glyphs[g->negative - 1];
    if (g && kiln_face_is(f, g, bits)) {
        if (rank(code) < rank(g->code))
            g->code = code;
        return;
    }
    assert(f->glyphs && f->pixels && f->slots);
    pixels = pack(f, bits);
    memcpy(f->pixels + f->n * packed_size(f), pixels.bytes, packed_size(f));
    f->glyphs[f->n++] = (struct kiln_glyph){ .code = code, .index = index };
    if (g)
        g->negative = (uint32_t)f->n;
    else
        f->slots[at] = (uint32_t)f->n;
}

const struct kiln_glyph *kiln_face_find(const struct kiln_face *f, const struct kiln_bitmap *bits)
{
    struct kiln_bitmap bare = canonical(f, bits);
    size_t at;

    return f->n > 0 ? probe(f, &bare, &at) : NULL;
}

bool kiln_face_is(const struct kiln_face *f, const struct kiln_glyph *g,
                  const struct kiln_bitmap *bits)
{
    const struct packed pixels = pack(f, bits);

    return has_pixels(f, (size_t)(g - f->glyphs), &pixels);
}

struct kiln_face *kiln_face_nine(const struct kiln_face *f)
{
    KILN_AUTO_FREE char *name = kiln_xasprintf("%s, 9 pixels", f->name);
    struct kiln_face *nine = kiln_face_new(name, f->width + 1, f->height);

    for (size_t i = 0; nine && i < f->n; i++) {
        struct kiln_bitmap bits = kiln_face_bits(f, i);
        unsigned code = f->glyphs[i].index & 0xff;

        for (unsigned y = 0; code >= 0xb0 && code <= 0xdf && y < f->height; y++)
            bits.rows[y] |= (uint16_t)((bits.rows[y] & LEFTMOST >> 7) >> 1);
        kiln_face_add(nine, &bits, f->glyphs[i].code, f->glyphs[i].index);
    }
    return nine;
}
