/*
 * The terminal: the only file that knows terminfo (ncurses). Sends what of a canvas differs from
 * what is there, in as few bytes as it can (ui/term/paint.h); reads keys (ui/term/keyparser.h);
 * restores the terminal whatever happens.
 *
 * A small parent process (ui/term/keeper.h) holds the terminal's settings and restores them when
 * the console ends in any way, SIGKILL included. One thread.
 */
#ifndef KILN_UI_TERM_H
#define KILN_UI_TERM_H

#include "base/err.h"
#include "ui/term/canvas.h"
#include "ui/term/keeper.h"
#include "ui/term/key.h"

enum kiln_pixels { KILN_PIXELS_NONE, KILN_PIXELS_KITTY, KILN_PIXELS_SIXEL };

struct kiln_term_caps {
    int colors; /* 0, 8, 16, 256, 1 << 24 */
    bool utf8;
    bool sync;               /* synchronised updates (DEC 2026) */
    bool inside;             /* tmux or screen */
    enum kiln_pixels pixels; /* what it answered; NONE until then, inside tmux and screen */
    int cell_w, cell_h;      /* pixels of a cell; 0: not known */
    int sixel_w, sixel_h;    /* of the largest sixel picture that it shows; 0: not known */
};

struct kiln_term;

/**
 * Take the terminal on `fd`. @keeper: restores it if we cannot; NULL: nobody (unit tests); must
 * outlive the terminal. Errors USER: not a terminal, unknown TERM, one that cannot place the
 * cursor, too small (60x15).
 */
bool kiln_term_open(struct kiln_term **ret, int fd, struct kiln_keeper *keeper,
                    struct kiln_err *err);
/** Give it back as it was. */
void kiln_term_close(struct kiln_term *t);
const struct kiln_term_caps *kiln_term_caps(const struct kiln_term *t);
void kiln_term_size(struct kiln_term *t, int *ret_cols, int *ret_rows);

/**
 * Queue the difference. False, and nothing done, while an earlier frame is not out yet: draw again,
 * with what is to be seen then, when kiln_term_flush says true. Never blocks.
 */
bool kiln_term_draw(struct kiln_term *t, const struct kiln_canvas *c);
/** With max_bps a large difference is drawn in parts, so that what a key changes is not queued
 * behind it: the last draw left some for the next. */
bool kiln_term_behind(const struct kiln_term *t);
/** Send what the terminal takes, at most max_bps; true: all is out. */
bool kiln_term_flush(struct kiln_term *t);
/** All is out: kiln_term_draw would draw. */
bool kiln_term_idle(const struct kiln_term *t);
/** Bytes that were given to it so far, sent or not. */
uint64_t kiln_term_queued(const struct kiln_term *t);
/** The terminal takes no more: poll for POLLOUT. */
bool kiln_term_blocked(const struct kiln_term *t);
/** When to call kiln_term_flush and kiln_term_key again by time; monotonic us, KILN_NEVER. */
int64_t kiln_term_deadline(const struct kiln_term *t);
/** The terminal is gone (hangup). */
bool kiln_term_gone(const struct kiln_term *t);
/** Bytes for the terminal that are no cells: pictures, OSC 52. In order with draws. False: too much
 *  is waiting already. */
bool kiln_term_raw(struct kiln_term *t, const void *data, size_t len);
/** Forget what is on the screen: the next draw sends everything. */
void kiln_term_forget(struct kiln_term *t);
/** Another number after each time that everything was sent anew: pictures on the screen are gone.
 */
unsigned kiln_term_epoch(const struct kiln_term *t);
/** Only where the cursor is and how it writes: after pictures. */
void kiln_term_forget_cursor(struct kiln_term *t);
void kiln_term_set_max_bps(struct kiln_term *t, long bytes_per_second); /* 0: no limit */
long kiln_term_max_bps(const struct kiln_term *t);
uint64_t kiln_term_bytes(const struct kiln_term *t); /* sent so far */

int kiln_term_fd(const struct kiln_term *t);
/** The next key, or a paste (*ret_paste, caller frees, else NULL); false: no more now. Answers of
 *  the terminal change the caps. */
bool kiln_term_key(struct kiln_term *t, struct kiln_key *ret, char **ret_paste);
void kiln_term_mouse(struct kiln_term *t, bool on);
/** Give the terminal back for a while (ctrl-z), and take it again. */
void kiln_term_leave(struct kiln_term *t);
bool kiln_term_enter(struct kiln_term *t, struct kiln_err *err);
/** Give the screen back but stay raw: bytes go through us (a shell in the guest). */
void kiln_term_pass_through(struct kiln_term *t);

#endif
