/*
 * The terminal: the only file that knows terminfo (ncurses). Sends what of a canvas differs from
 * what is there, in as few bytes as it can; reads keys; restores the terminal whatever happens.
 *
 * A small parent process (ui/keeper.c) holds the terminal's settings and restores them when the
 * console ends in any way, SIGKILL included. One thread.
 */
#ifndef KILN_UI_TERM_H
#define KILN_UI_TERM_H

#include "base/err.h"
#include "ui/canvas.h"
#include "ui/key.h"

enum kiln_pixels { KILN_PIXELS_NONE, KILN_PIXELS_KITTY, KILN_PIXELS_SIXEL };

struct kiln_term_caps {
    int colors; /* 0, 8, 16, 256, 1 << 24 */
    bool utf8;
    bool sync;               /* synchronised updates (DEC 2026) */
    bool inside;             /* tmux or screen */
    enum kiln_pixels pixels; /* what it answered; NONE inside tmux and screen */
    int cell_w, cell_h;      /* pixels of a cell; 0: not known */
};

struct kiln_term;

/** Take the terminal on `fd`. Errors USER: not a terminal, unknown TERM, too small (60x15). */
bool kiln_term_open(struct kiln_term **ret, int fd, struct kiln_err *err);
/** Give it back as it was. */
void kiln_term_close(struct kiln_term *t);
const struct kiln_term_caps *kiln_term_caps(const struct kiln_term *t);
void kiln_term_size(struct kiln_term *t, int *ret_cols, int *ret_rows);

/** Send the difference. Never blocks: what the terminal does not take is queued (bounded; a frame
 *  that comes while the queue is not empty replaces the one not yet begun), kiln_term_flush sends
 *  more. Honours max_bps. */
void kiln_term_draw(struct kiln_term *t, const struct kiln_canvas *c);
bool kiln_term_flush(struct kiln_term *t); /* true: all is out */
/** Bytes for the terminal that are no cells: pictures, OSC 52. In order with draws. */
void kiln_term_raw(struct kiln_term *t, const void *data, size_t len);
/** Forget what is on the screen: the next draw sends everything. */
void kiln_term_forget(struct kiln_term *t);
/** Another number after each time that everything was sent anew: pictures on the screen are gone. */
unsigned kiln_term_epoch(const struct kiln_term *t);
void kiln_term_set_max_bps(struct kiln_term *t, long bytes_per_second); /* 0: no limit */
long kiln_term_max_bps(const struct kiln_term *t);
uint64_t kiln_term_bytes(const struct kiln_term *t);                    /* sent so far */

int kiln_term_fd(const struct kiln_term *t);
/** The next key, or a paste (*ret_paste, caller frees); false: no more now. */
bool kiln_term_key(struct kiln_term *t, struct kiln_key *ret, char **ret_paste);
void kiln_term_mouse(struct kiln_term *t, bool on);
/** Give the terminal back for a while (ctrl-z, a shell in the guest), and take it again. */
void kiln_term_leave(struct kiln_term *t);
bool kiln_term_enter(struct kiln_term *t, struct kiln_err *err);

#endif
