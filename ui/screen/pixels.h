/*
 * Pictures for terminals, through libchafa: kiln-pixels.so, loaded with kiln_module_load("pixels")
 * when the first frame is to be shown. One thread. Nothing is kept between calls. Memory that is
 * gone ends the program in that library; sizes are bounded by KILN_MAX_DISPLAY_PIXELS and
 * KILN_CANVAS_MAX.
 */
#ifndef KILN_UI_PIXELS_H
#define KILN_UI_PIXELS_H

#include "base/str.h"
#include "ui/screen/picture.h"
#include "ui/term/canvas.h"

/* What characters the terminal can show. */
enum kiln_symbols {
    KILN_SYMBOLS_ASCII,
    KILN_SYMBOLS_HALF,    /* half blocks: 1 x 2 and 2 x 1 pixels a cell; every UTF-8 terminal */
    KILN_SYMBOLS_QUAD,    /* quarter blocks too: 2 x 2 */
    KILN_SYMBOLS_SEXTANT, /* 2 x 3 too (Unicode 13): few fonts have them */
};

#define KILN_PIXELS_PER_CELL 8u /* a picture for cells() has that many in both directions */

struct kiln_pixels_ops {
    /**
     * Cells that look like the picture, which has KILN_PIXELS_PER_CELL * cols by
     * KILN_PIXELS_PER_CELL * rows pixels; `ret`: cols * rows of them. What a row becomes does not
     * depend on other rows. @colors: as in struct kiln_term_caps; 0 gives reverse and plain cells,
     * 8 and 16 KILN_COLOR_ANSI, more KILN_COLOR_RGB (256: only such as the terminal has).
     */
    void (*cells)(const struct kiln_picture *p, enum kiln_symbols symbols, int colors, int cols,
                  int rows, struct kiln_cell *ret);
    /** A sixel sequence (DCS … ST) of the picture as it is, pixel for pixel. */
    void (*sixel)(const struct kiln_picture *p, struct kiln_str *out);
};
extern const struct kiln_pixels_ops kiln_pixels_ops; /* in the module; use kiln_module_load */

#endif
