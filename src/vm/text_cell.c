#include "vm/text_cell.h"

#include <string.h>

#define PIXEL 4u

static const uint8_t *pixel_at(const struct kiln_text_image *image, unsigned x, unsigned y)
{
    return image->rgbx + (size_t)y * image->stride + (size_t)x * PIXEL;
}

static uint32_t load(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t load_two(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* Are all w pixels of a row the same, `pixel`? Most rows of most cells are. */
static inline bool row_is(const uint8_t *row, unsigned w, uint32_t pixel)
{
    const uint64_t two = (uint64_t)pixel << 32 | pixel;
    uint64_t differs = load(row + (size_t)(w - 1) * PIXEL) ^ pixel;

    for (unsigned x = 0; x + 1 < w; x += 2)
        differs |= load_two(row + (size_t)x * PIXEL) ^ two;
    return differs == 0;
}

/* The row's pixels that are not `first`; they must all be *other, which is set by the first of
 * them (0: none yet). *ret_more: they were not. */
static inline uint16_t row_bits(const uint8_t *row, unsigned w, uint32_t first, uint32_t *other,
                                uint32_t *ret_more)
{
    unsigned bits = 0;

    for (unsigned x = 0; x < w; x++) {
        uint32_t d = load(row + (size_t)x * PIXEL) ^ first;

        if (d && !*other)
            *other = d;
        bits = bits << 1 | (d != 0);
        *ret_more |= d != 0 && d != *other;
    }
    return (uint16_t)(bits << (KILN_FACE_WIDTH - w));
}

static inline enum kiln_cell_kind look(const uint8_t *row, size_t stride, unsigned w, unsigned h,
                                       struct kiln_cell_shape *ret)
{
    uint32_t other = 0, more = 0;
    unsigned dy = 0;

    ret->first = ret->other = load(row);
    while (dy < h && row_is(row, w, ret->first)) {
        row += stride;
        dy++;
    }
    if (dy == h)
        return KILN_CELL_EMPTY;
    memset(&ret->bits, 0, sizeof(ret->bits));
    for (; dy < h && !more; dy++, row += stride)
        if (!row_is(row, w, ret->first))
            ret->bits.rows[dy] = row_bits(row, w, ret->first, &other, &more);
    ret->other = ret->first ^ other;
    return more ? KILN_CELL_MANY : KILN_CELL_GLYPH;
}

/* Almost all cells have a width that the compiler can unroll loops for. */
enum kiln_cell_kind kiln_cell_look(const struct kiln_text_image *image, unsigned x, unsigned y,
                                   unsigned w, unsigned h, struct kiln_cell_shape *ret)
{
    const uint8_t *row = pixel_at(image, x, y);

    if (w == 8)
        return look(row, image->stride, 8, h, ret);
    return w == 9 ? look(row, image->stride, 9, h, ret) : look(row, image->stride, w, h, ret);
}

uint32_t kiln_cell_rgb(uint32_t pixel)
{
    uint8_t p[PIXEL];

    memcpy(p, &pixel, sizeof(p));
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}
