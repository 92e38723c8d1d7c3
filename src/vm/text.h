/*
 * The guest's screen as rows of characters: exact, not OCR. Every cell of the picture is compared
 * with the glyphs of the fonts that guests draw with (vm/fonts.h); what is none of them is unknown,
 * never guessed. Font and grid (size of a cell, where the first one is) are found from the picture
 * itself and kept as long as they fit.
 *
 * What a picture cannot tell: which of two colours is the ink. An empty cell is a space, whatever
 * its colour; of two characters that are each other's negative (▀ and ▄) it is the one that has
 * its neighbour's ground. Characters that look the same are the first of them, ASCII before all.
 *
 * Screens of more than 9 million pixels are not read. A reader belongs to one thread. Reading
 * allocates nothing, but when the grid changes.
 */
#ifndef KILN_VM_TEXT_H
#define KILN_VM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct kiln_fonts;

struct kiln_text_cell {
    uint32_t code;   /* Unicode; 0: unknown */
    uint32_t fg, bg; /* 0xRRGGBB; what an inverse cell shows, shows here: they are swapped */
};

struct kiln_text {
    unsigned columns, rows;       /* 0, 0: this is no text, or none that we can read */
    struct kiln_text_cell *cells; /* owned, columns * rows */
    uint64_t generation; /* grows whenever a cell, the cursor or the grid changes; from 1 */
    /* The generations in which each row, and columns, rows and place, became what they are. */
    uint64_t *row_changed; /* owned, rows */
    uint64_t grid_changed;
    unsigned x, y, cell_width, cell_height; /* pixels: where the first cell is, and how large */
    int cursor_column, cursor_row; /* where it was seen last (it blinks); -1, -1: nowhere yet */
    const char *font;              /* its name; lives as long as the fonts. NULL: none */
};
void kiln_text_done(struct kiln_text *t);
/** Make `to` (all zeroes, or used before) a copy of its own. */
void kiln_text_copy(struct kiln_text *to, const struct kiln_text *from);
/** The row as UTF-8 without the spaces at its end, unknown cells as U+FFFD; appended. */
void kiln_text_row(const struct kiln_text *t, unsigned row, struct kiln_str *out);
/** All rows, with '\n' after each but the last; empty ones at the end are left out. Appended. */
void kiln_text_all(const struct kiln_text *t, struct kiln_str *out);

struct kiln_text_image {
    const uint8_t *rgbx; /* rows top down; 4 bytes a pixel, the last is 0; aligned to 4 */
    unsigned width, height;
    size_t stride; /* bytes from a row to the next */
};

struct kiln_text_reader;
/** Borrows the fonts. */
struct kiln_text_reader *kiln_text_reader_new(struct kiln_fonts *fonts);
void kiln_text_reader_free(struct kiln_text_reader *r); /* NULL is fine */

/**
 * The rows [y, y + rows) of pixels are new (all of them the first time and when the size changes).
 * True: the text is another than before. To find the grid anew takes some 10 ms, so that is not
 * done in every frame: see kiln_text_due.
 *
 * @now_us  a clock that never stands still
 */
bool kiln_text_read(struct kiln_text_reader *r, const struct kiln_text_image *image, unsigned y,
                    unsigned rows, int64_t now_us);
/** When to call kiln_text_read again, with no new rows if need be; KILN_NEVER: when there are some.
 */
int64_t kiln_text_due(const struct kiln_text_reader *r);
/** What it read last; borrowed, until the next read. */
const struct kiln_text *kiln_text_of(const struct kiln_text_reader *r);
/** Forget everything. True: there was text. */
bool kiln_text_forget(struct kiln_text_reader *r);

#endif
