/*
 * GRUB's fonts: PFF2. All glyphs as GRUB's graphical terminal puts them into its cells, whose width
 * is that of the widest ASCII character; wider ones take two cells and are left out. Source: "PFF2
 * font format" in GRUB's developer manual. Numbers are big-endian.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "vm/fonts.h"

#define SECTION_HEAD 8u
#define INDEX_ENTRY  9u
#define GLYPH_HEAD   10u

struct pf2 {
    const uint8_t *data, *index;
    size_t len, index_len;
    unsigned height, ascent;
    unsigned width; /* of a cell; found from the glyphs */
};

struct glyph {
    uint32_t code;
    unsigned width, height; /* of the bitmap */
    int x, y;               /* of its lower left corner, from the base line */
    unsigned advance;
    const uint8_t *bits; /* row after row, without gaps */
};

static void take_section(struct pf2 *f, const uint8_t *name, const uint8_t *body, size_t len)
{
    if (memcmp(name, "MAXH", 4) == 0 && len >= 2)
        f->height = kiln_be16(body);
    if (memcmp(name, "ASCE", 4) == 0 && len >= 2)
        f->ascent = kiln_be16(body);
    if (memcmp(name, "CHIX", 4) == 0) {
        f->index = body;
        f->index_len = len;
    }
}

static bool open_pf2(const uint8_t *d, size_t len, struct pf2 *ret)
{
    static const uint8_t magic[] = { 'F', 'I', 'L', 'E', 0, 0, 0, 4, 'P', 'F', 'F', '2' };
    size_t at = sizeof(magic);

    *ret = (struct pf2){ .data = d, .len = len };
    if (len < sizeof(magic) || memcmp(d, magic, sizeof(magic)) != 0)
        return false;
    while (len - at >= SECTION_HEAD && memcmp(d + at, "DATA", 4) != 0) {
        size_t size = kiln_be32(d + at + 4);

        if (size > len - at - SECTION_HEAD)
            return false;
        take_section(ret, d + at, d + at + SECTION_HEAD, size);
        at += SECTION_HEAD + size;
    }
    return ret->index && ret->height > 0 && ret->ascent <= ret->height;
}

static bool read_glyph(const struct pf2 *f, const uint8_t *entry, struct glyph *ret)
{
    size_t at = kiln_be32(entry + 5), bytes;
    const uint8_t *p = f->data + at;

    if (entry[4] != 0 || at > f->len || f->len - at < GLYPH_HEAD) /* compressed: never seen */
        return false;
    *ret = (struct glyph){ .code = kiln_be32(entry),
                           .width = kiln_be16(p),
                           .height = kiln_be16(p + 2),
                           .x = (int16_t)kiln_be16(p + 4),
                           .y = (int16_t)kiln_be16(p + 6),
                           .advance = kiln_be16(p + 8),
                           .bits = p + GLYPH_HEAD };
    bytes = ((size_t)ret->width * ret->height + 7) / 8;
    return bytes <= f->len - at - GLYPH_HEAD;
}

/* False: it does not stay inside its cell. */
static bool place(const struct pf2 *f, const struct glyph *g, struct kiln_bitmap *ret)
{
    int top = (int)f->ascent - g->y - (int)g->height;
    size_t bit = 0;

    if (g->x < 0 || top < 0 || (unsigned)g->x + g->width > f->width ||
        (unsigned)top + g->height > f->height)
        return false;
    *ret = (struct kiln_bitmap){ 0 };
    for (unsigned y = 0; y < g->height; y++)
        for (unsigned x = 0; x < g->width; x++, bit++)
            if (g->bits[bit / 8] & 0x80u >> bit % 8)
                ret->rows[(unsigned)top + y] |= (uint16_t)(0x8000u >> ((unsigned)g->x + x));
    return true;
}

static bool is_ascii(uint32_t code)
{
    return code >= ' ' && code < 0x7f;
}

static void find_width(struct pf2 *f)
{
    struct glyph g;

    for (size_t i = 0; i + INDEX_ENTRY <= f->index_len; i += INDEX_ENTRY)
        if (is_ascii(kiln_be32(f->index + i)) && read_glyph(f, f->index + i, &g) &&
            g.advance > f->width)
            f->width = g.advance;
}

static void add_glyphs(const struct pf2 *f, struct kiln_face *face)
{
    struct kiln_bitmap bits;
    struct glyph g;

    for (size_t i = 0; i + INDEX_ENTRY <= f->index_len; i += INDEX_ENTRY) {
        const uint8_t *entry = f->index + i;

        if (read_glyph(f, entry, &g) && g.advance == f->width && place(f, &g, &bits))
            kiln_face_add(face, &bits, g.code, (unsigned)(i / INDEX_ENTRY));
    }
}

void kiln_font_pf2(const char *name, const void *data, size_t len, kiln_font_found_fn *found,
                   void *ud)
{
    struct kiln_face *face;
    struct pf2 f;

    if (!open_pf2(data, len, &f))
        return;
    find_width(&f);
    face = kiln_face_new(name, f.width, f.height);
    if (!face)
        return;
    add_glyphs(&f, face);
    found(ud, face);
}
