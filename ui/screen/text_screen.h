/*
 * What is written on a guest's screen, as TEXT events tell it (engine/event.h): cells with their
 * colours. All zeroes: no text. One thread.
 */
#ifndef KILN_UI_TEXT_SCREEN_H
#define KILN_UI_TEXT_SCREEN_H

#include "base/regex.h"
#include "engine/event.h"
#include "ui/term/canvas.h"

struct kiln_text_screen {
    struct kiln_cell *cells; /* owned, rows * cols; what is no character is U+FFFD */
    int cols, rows;          /* 0, 0: the screen shows no text */
    int last_row;            /* the last one that is not empty, or 0 */
    int cursor_x, cursor_y;  /* -1, -1: not known */
};
void kiln_text_screen_done(struct kiln_text_screen *t);
/** A TEXT event. What does not fit together (another run's log may say anything) is left out. */
void kiln_text_screen_event(struct kiln_text_screen *t, const struct kiln_event *ev);
/** The row as UTF-8 without the spaces at its end; appended. */
void kiln_text_screen_row(const struct kiln_text_screen *t, int row, struct kiln_str *out);
/** The first row from `row` on, going by `step` (1, -1) and around, on which re matches; -1: none.
 */
int kiln_text_screen_find(const struct kiln_text_screen *t, struct kiln_regex *re, int row,
                          int step);
/** Which columns of a row match: marked[cols] is set. */
void kiln_text_screen_mark(const struct kiln_text_screen *t, struct kiln_regex *re, int row,
                           bool *marked);

#endif
