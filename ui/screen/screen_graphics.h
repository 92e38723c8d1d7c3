/*
 * The guest's screen as real pixels: where a picture is on the terminal, and sending, replacing and
 * removing it (kitty graphics, sixel). A new one waits until the terminal has taken the one before,
 * so the newest frame wins and nothing lags. One thread.
 */
#ifndef KILN_UI_SCREEN_GRAPHICS_H
#define KILN_UI_SCREEN_GRAPHICS_H

#include "ui/screen/pixels.h"
#include "ui/term/term.h"

struct kiln_screen_graphics {
    enum kiln_pixels shown;  /* what is on the terminal */
    int x, y, cols, rows;    /* where, in cells */
    uint64_t frame;          /* what: the number it came with */
    unsigned id;             /* kitty: of the picture that is shown */
    unsigned epoch;          /* of the terminal (kiln_term_epoch) */
    struct kiln_picture buf; /* scaled */
};

void kiln_screen_graphics_done(struct kiln_screen_graphics *g);
/**
 * Show a picture in the middle of an area of the terminal. `frame`: its number; nothing is sent if
 * that one is there. False: the terminal is busy, or has to be drawn again first (a sixel that
 * moves leaves its pixels behind): try again a little later.
 */
bool kiln_screen_graphics_show(struct kiln_screen_graphics *g, struct kiln_term *term,
                               const struct kiln_pixels_ops *ops, const struct kiln_area *a,
                               const struct kiln_picture *p, uint64_t frame);
/** True: the terminal has to be drawn again, for what was under the picture (sixel). */
bool kiln_screen_graphics_hide(struct kiln_screen_graphics *g, struct kiln_term *term);

#endif
