/*
 * A guest's text screen read back as text: its font is the one of QEMU's VGA BIOS, so each
 * character cell of the picture is compared with its 256 glyphs. What half blocks cannot show at
 * 80 columns stays legible that way. Works for VGA text mode (720x400) and for what draws the same
 * 8x16 glyphs from the upper left corner on (Linux' framebuffer console, SeaBIOS). One thread.
 */
#ifndef KILN_UI_TEXT_SCREEN_H
#define KILN_UI_TEXT_SCREEN_H

#include "base/err.h"
#include "ui/screen/picture.h"
#include "ui/term/canvas.h"

#define KILN_FONT_ROWS 16

struct kiln_font { /* 8 x 16 pixels a glyph, code page 437 */
    uint8_t glyphs[256][KILN_FONT_ROWS];
};

/** The font of the VGA BIOS that QEMU brings along; SYSTEM if it is nowhere, which is no harm. */
bool kiln_font_load(struct kiln_font *ret, struct kiln_err *err);
/** The same from the bytes of a BIOS; false if it holds none. */
bool kiln_font_find(struct kiln_font *ret, const void *rom, size_t len);

struct kiln_text_screen {
    struct kiln_cell *cells; /* owned, rows * cols */
    int cols, rows;
    int last_row; /* the last one that is not empty, or 0 */
};
void kiln_text_screen_done(struct kiln_text_screen *t);

/**
 * Read it. False if that is not text in this font: less than nine in ten of the cells that show
 * something are glyphs (an unknown one becomes U+FFFD), or nothing at all is to be seen. A cursor
 * becomes an underline or a reversed character.
 */
bool kiln_text_screen_read(struct kiln_text_screen *t, const struct kiln_font *font,
                           const struct kiln_picture *p);

#endif
