/*
 * A character under a text cursor: some of its last rows are filled with ink (VGA, GRUB) or
 * inverted (Linux' framebuffer console).
 */
#include "vm/text_cell.h"

#define FOOT 3u /* a cursor reaches into the last rows of its cell, so many */

struct band { /* rows [first, end) that are not as the glyph has them */
    unsigned first, end;
};

/* False: nowhere different, or elsewhere, too. */
static bool find_band(const struct kiln_face *f, const struct kiln_bitmap *cell,
                      const struct kiln_bitmap *glyph, struct band *ret)
{
    *ret = (struct band){ f->height, 0 };
    for (unsigned y = 0; y < f->height; y++) {
        if (cell->rows[y] == glyph->rows[y])
            continue;
        if (ret->end == 0)
            ret->first = y;
        ret->end = y + 1;
    }
    return ret->first > 0 && ret->end + FOOT > f->height;
}

static bool is_cursor(const struct kiln_face *f, const struct kiln_bitmap *cell,
                      const struct kiln_bitmap *glyph, const struct band *band)
{
    const uint16_t all = (uint16_t)(0xffffu << (KILN_FACE_WIDTH - f->width));
    bool filled = true, inverted = true;

    for (unsigned y = band->first; y < band->end; y++) {
        filled &= cell->rows[y] == all;
        inverted &= cell->rows[y] == (~glyph->rows[y] & all);
    }
    return filled || inverted;
}

static bool may_be(const struct kiln_face *f, const struct kiln_bitmap *cell,
                   const struct kiln_bitmap *glyph)
{
    struct band band;

    return find_band(f, cell, glyph, &band) && is_cursor(f, cell, glyph, &band);
}

uint32_t kiln_cursor_find(const struct kiln_face *f, const struct kiln_bitmap *cell,
                          uint32_t before)
{
    static const struct kiln_bitmap none;
    bool space = may_be(f, cell, &none);
    uint32_t found = space ? ' ' : 0;
    unsigned n = space;

    if (space && before == ' ')
        return ' ';
    for (size_t i = 0; i < f->n; i++) {
        const struct kiln_glyph *g = &f->glyphs[i];
        const struct kiln_bitmap bits = kiln_face_bits(f, i);

        if (!may_be(f, cell, &bits))
            continue;
        if (g->code == before)
            return before;
        if (!space)
            found = g->code;
        n++;
    }
    return space || n == 1 ? found : 0;
}
