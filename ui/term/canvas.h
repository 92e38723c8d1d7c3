/*
 * The picture of the terminal as kiln wants it: a grid of cells. Panes draw into areas of it; the
 * terminal (ui/term/term.h) sends what differs from what is there. Nothing that a pane draws can
 * act on the terminal: a cell holds a printable character or nothing. Pure; one thread.
 */
#ifndef KILN_UI_CANVAS_H
#define KILN_UI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Colours: the terminal's own (default), one of the 16 that its user chose, or exact ones, which
 * ui/term/term.c brings down to what the terminal can (256, 16, none). */
#define KILN_COLOR_DEFAULT  0u
#define KILN_COLOR_ANSI(n)  (0x01000000u | (n))   /* 0..15 */
#define KILN_COLOR_RGB(rgb) (0x02000000u | (rgb)) /* 0xRRGGBB */

#define KILN_ATTR_BOLD      1u
#define KILN_ATTR_DIM       2u
#define KILN_ATTR_UNDERLINE 4u
#define KILN_ATTR_REVERSE   8u

struct kiln_style {
    uint32_t fg, bg;
    uint32_t attr;
};

struct kiln_cell {
    uint32_t ch; /* Unicode; ' ' empty; 0: the right half of a wide character */
    struct kiln_style style;
};

#define KILN_CANVAS_MAX   1000 /* columns, rows */
#define KILN_CONSOLE_COLS 60   /* the console needs at least so many */
#define KILN_CONSOLE_ROWS 15

struct kiln_canvas {
    int cols, rows;
    struct kiln_cell *cells; /* owned, rows * cols */
    int cursor_x, cursor_y;  /* where the terminal's cursor shows; -1: hidden */
};

void kiln_canvas_resize(struct kiln_canvas *c, int cols, int rows); /* clears */
void kiln_canvas_clear(struct kiln_canvas *c);
void kiln_canvas_done(struct kiln_canvas *c);

/* A rectangle of a canvas, all inside it; coordinates below are relative to it and clipped. */
struct kiln_area {
    struct kiln_canvas *canvas;
    int x, y, w, h;
};
struct kiln_area kiln_canvas_area(struct kiln_canvas *c);
struct kiln_area kiln_area_sub(const struct kiln_area *a, int x, int y, int w, int h);

/** One character; a control or invisible one shows as '?' or U+FFFD. */
void kiln_area_put(const struct kiln_area *a, int x, int y, uint32_t ch, struct kiln_style style);
void kiln_area_fill(const struct kiln_area *a, int x, int y, int w, int h, uint32_t ch,
                    struct kiln_style style);
/**
 * Text, UTF-8 or not, on one line from column x (may be negative: what is left of 0 is not shown).
 * Control characters, escape sequences and what is no UTF-8 become one '?' or U+FFFD each, but
 * colour sequences (ESC [ … m) and combining characters take no column and show nothing; a tab goes
 * to the next multiple of 8 of the text. Returns the columns that the whole text takes.
 */
int kiln_area_text(const struct kiln_area *a, int x, int y, const char *text, size_t len,
                   struct kiln_style style);
int kiln_area_printf(const struct kiln_area *a, int x, int y, struct kiln_style style,
                     const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/** Columns that text takes on a terminal, as kiln_area_text counts. */
int kiln_text_columns(const char *text, size_t len);
/** Bytes of text that fit in `columns`. */
size_t kiln_text_fit(const char *text, size_t len, int columns);
void kiln_area_cursor(const struct kiln_area *a, int x, int y);

#endif
