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
    size_t at = hash(b) & (f->n_slots - 1);

    for (; f->slots[at]; at = (at + 1) & (f->n_slots - 1)) {
        struct kiln_glyph *g = &f->glyphs[f->slots[at] - 1];
        struct kiln_bitmap bare = canonical(f, &g->bits);

        if (same(&bare, b))
            return g;
    }
    *ret_slot = at;
    return NULL;
}

static void grow(struct kiln_face *f)
{
    size_t at = 0;

    f->cap = f->cap ? 2 * f->cap : FIRST_SLOTS / 2;
    f->glyphs = kiln_xrealloc(f->glyphs, f->cap, sizeof(*f->glyphs));
    free(f->slots);
    f->n_slots = 2 * f->cap;
    f->slots = kiln_xcalloc(f->n_slots, sizeof(*f->slots));
    for (size_t i = 0; i < f->n; i++) {
        struct kiln_bitmap bare = canonical(f, &f->glyphs[i].bits);

        if (!probe(f, &bare, &at)) /* a negative goes by the slot of the other */
            f->slots[at] = (uint32_t)i + 1;
    }
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
    struct kiln_bitmap bare = canonical(f, bits);
    struct kiln_glyph *g;
    size_t at = 0;

    if (f->n >= KILN_MAX_FONT_GLYPHS || !is_printable(code))
        return;
    if (is_empty(&bare) && code != ' ')
        return;
    if (f->n == f->cap)
        grow(f);
    g = probe(f, &bare, &at);
    if (g && !same(&g->bits, bits) && g->negative)
        g = &f->glyphs[g->negative - 1];
    if (g && same(&g->bits, bits)) {
        if (rank(code) < rank(g->code))
            g->code = code;
        return;
    }
    assert(f->glyphs && f->slots);
    f->glyphs[f->n++] = (struct kiln_glyph){ .bits = *bits, .code = code, .index = index };
    if (g)
        g->negative = f->n;
    else
        f->slots[at] = (uint32_t)f->n;
}

const struct kiln_glyph *kiln_face_find(const struct kiln_face *f, const struct kiln_bitmap *bits)
{
    struct kiln_bitmap bare = canonical(f, bits);
    size_t at;

    return f->n > 0 ? probe(f, &bare, &at) : NULL;
}

bool kiln_glyph_is(const struct kiln_glyph *g, const struct kiln_bitmap *bits)
{
    return same(&g->bits, bits);
}

struct kiln_face *kiln_face_nine(const struct kiln_face *f)
{
    KILN_AUTO_FREE char *name = kiln_xasprintf("%s, 9 pixels", f->name);
    struct kiln_face *nine = kiln_face_new(name, f->width + 1, f->height);

    for (size_t i = 0; nine && i < f->n; i++) {
        struct kiln_bitmap bits = f->glyphs[i].bits;
        unsigned code = f->glyphs[i].index & 0xff;

        for (unsigned y = 0; code >= 0xb0 && code <= 0xdf && y < f->height; y++)
            bits.rows[y] |= (uint16_t)((bits.rows[y] & LEFTMOST >> 7) >> 1);
        kiln_face_add(nine, &bits, f->glyphs[i].code, f->glyphs[i].index);
    }
    return nine;
}
