/*
 * From one picture to the next in few bytes: what of a canvas differs from what is on the terminal
 * becomes cursor movements, colours and characters. Pure: the terminal's capabilities are strings
 * and a function that puts numbers into them (ui/term/term.c has them from terminfo).
 */
#ifndef KILN_UI_PAINT_H
#define KILN_UI_PAINT_H

#include "base/str.h"
#include "ui/term/canvas.h"

/* NULL: the terminal cannot. Without padding ($<5>). */
struct kiln_paint_caps {
    int colors; /* 0, 8, 16, 256, 1 << 24 */
    bool utf8;
    bool poor_font;         /* of Unicode only what old PCs had: lines, blocks, Latin */
    bool am, xenl;          /* wraps at the right margin; only when the next character comes */
    uint32_t no_color_attr; /* attributes that it cannot show together with colours */
    bool bce;               /* erasing leaves the background colour */
    const char *clear, *el;
    const char *cup, *cuf, *cr; /* row, column; columns to the right */
    const char *csr, *ri;       /* first and last row that scroll; up a row, or scroll down */
    const char *ech, *rep;      /* erase characters; character, how often */
    const char *sgr0, *bold, *dim, *smul, *rev;
    const char *setaf, *setab, *op;
    const char *smacs, *rmacs;
    char acs[128]; /* VT100 line drawing letter → what the terminal wants; 0: none */
    const char *civis, *cnorm;
    /* A capability with two numbers in it; borrowed until the next call. */
    const char *(*param)(const char *cap, int a, int b);
};

struct kiln_paint {
    const struct kiln_paint_caps *caps; /* borrowed */
    struct kiln_canvas shown;           /* what is on the terminal; cols 0: not known */
    int x, y;                           /* the cursor; -1: not known */
    struct kiln_style style;            /* as mapped to what the terminal can */
    bool style_known;
    bool acs; /* line drawing is on */
    bool cursor_shown, cursor_known;
    bool no_scroll;   /* pictures may stand between the cells, and would go along */
    size_t max_bytes; /* of a frame, and the rest of its last row; 0: no limit */
    int next_row;     /* 0, or where a frame was cut */
    unsigned epoch;   /* counts the frames that began with an empty screen */
};

void kiln_paint_done(struct kiln_paint *p);
/** Nothing is known of the terminal's picture any more. */
void kiln_paint_forget(struct kiln_paint *p);
/** Append to `out` what makes the terminal show c; nothing if it does already. False: only some
 * rows of it, because of max_bytes; the next call does others. */
bool kiln_paint_frame(struct kiln_paint *p, const struct kiln_canvas *c, struct kiln_str *out);

#endif
