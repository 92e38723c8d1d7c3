/* The cells of a picture as bitmaps. Private to text_*.c. Pure. */
#ifndef KILN_VM_TEXT_CELL_H
#define KILN_VM_TEXT_CELL_H

#include "vm/face.h"
#include "vm/text.h"

enum kiln_cell_kind {
    KILN_CELL_EMPTY, /* one colour */
    KILN_CELL_GLYPH, /* two */
    KILN_CELL_MANY,  /* more: no character is drawn like that */
};

struct kiln_cell_shape {
    struct kiln_bitmap bits; /* GLYPH: what is not as the first pixel */
    uint32_t first, other;   /* pixels as they are in memory; EMPTY: the same */
};

/** Of the cell of w x h pixels at x, y, which is inside the image. ret->bits only for GLYPH. */
enum kiln_cell_kind kiln_cell_look(const struct kiln_text_image *image, unsigned x, unsigned y,
                                   unsigned w, unsigned h, struct kiln_cell_shape *ret);
/** 0xRRGGBB of a pixel. */
uint32_t kiln_cell_rgb(uint32_t pixel);

/**
 * The character of a cell on which a cursor may stand, 0: none, or more than one could be. Where
 * it hides what it would take to tell them, `before` decides (what was in this cell, 0: not known),
 * and then that most cursors stand on spaces. The cursor's pixels are set in `cell`.
 */
uint32_t kiln_cursor_find(const struct kiln_face *f, const struct kiln_bitmap *cell,
                          uint32_t before);

/* Where cells are, and in which font. */
struct kiln_grid {
    const struct kiln_face *face;
    unsigned x, y; /* of the first cell, pixels */
};
static inline unsigned kiln_grid_columns(const struct kiln_grid *g,
                                         const struct kiln_text_image *image)
{
    return (image->width - g->x) / g->face->width;
}
static inline unsigned kiln_grid_rows(const struct kiln_grid *g,
                                      const struct kiln_text_image *image)
{
    return (image->height - g->y) / g->face->height;
}

/**
 * The grid and font, of those that are loaded, in which most of the picture is text. False: in
 * none. *ret_all: (nearly) all of it is, so that no other font can be better.
 */
bool kiln_grid_find(const struct kiln_fonts *fonts, const struct kiln_text_image *image,
                    struct kiln_grid *ret, bool *ret_all);

#endif
