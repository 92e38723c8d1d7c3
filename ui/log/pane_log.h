/*
 * The log pane's state, shared by its files: pane_log.c (actions), pane_log_draw.c (what is in
 * sight), pane_log_copy.c (clipboard and files). Private to them. One thread.
 *
 * The cursor is a line; what is in sight follows it. Following means that it is the newest line.
 * Neither it nor the top need be a line that the filter shows: drawing moves them to the nearest
 * one, as soon as that is known.
 */
#ifndef KILN_UI_PANE_LOG_H
#define KILN_UI_PANE_LOG_H

#include "ui/log/logview.h"
#include "ui/pane.h"

#define KILN_LOG_SHOWN_BYTES ((size_t)16 << 10) /* of a line; the rest is counted, not shown */

struct kiln_logsave; /* pane_log_copy.c */

struct kiln_logpane {
    struct kiln_console *console;
    struct kiln_logstore *store;
    struct kiln_logview *view;
    struct kiln_logpos cursor, top;
    int top_row; /* of the top line, if it is wrapped: rows above the pane */
    int left;    /* columns scrolled to the right; without wrap */
    bool follow, wrap;
    bool marking; /* lines from mark to cursor are selected */
    struct kiln_logpos mark;
    int h, text_w; /* as last drawn; 0: not yet */

    struct kiln_regex *search; /* NULL: none */
    bool search_forward;       /* what "next" is */
    bool searching;
    bool found; /* the cursor is where the search led: bring the match into sight */
    struct kiln_logsearch job;

    struct kiln_logsave *save; /* NULL: none goes on */
    char *save_path;           /* asked about: may it be overwritten? */
    bool save_marked;

    bool stale; /* what is in sight may be old; redrawn at most now and then */
    int64_t drawn_us;
    bool caught_up;       /* the index was complete when last looked at */
    struct kiln_str text; /* scratch: a line as it is shown */
};

/** Lines as they are shown: tabs are blanks, long ones cut. Borrows from line or p. */
const char *kiln_logpane_shape(struct kiln_logpane *p, const struct kiln_logline *line,
                               size_t *ret_len);
/** Rows that a line takes. */
int kiln_logpane_rows(struct kiln_logpane *p, struct kiln_logpos at);
void kiln_logpane_draw(void *pane, const struct kiln_area *a, bool focused);
/** So that this line is the last one in sight. */
void kiln_logpane_to_bottom(struct kiln_logpane *p, struct kiln_logpos at, int64_t until_us);
/** The line at the bottom of what is in sight. */
struct kiln_logpos kiln_logpane_last_in_sight(struct kiln_logpane *p, int64_t until_us);
/** A time that a draw or a key may take. */
int64_t kiln_logpane_soon(void);

/** The selection, or the cursor's line. */
void kiln_logpane_range(const struct kiln_logpane *p, struct kiln_logpos *ret_from,
                        struct kiln_logpos *ret_to);
void kiln_logpane_copy(struct kiln_logpane *p);
/** Write the lines in sight of the filter (@marked: of the selection) to a file; goes on in
 *  kiln_logpane_save_work. Asks before it replaces a file. */
void kiln_logpane_save(struct kiln_logpane *p, const char *path, bool marked);
bool kiln_logpane_save_work(struct kiln_logpane *p, int64_t until_us); /* true: more to do */
unsigned kiln_logpane_save_percent(const struct kiln_logpane *p);
void kiln_logpane_save_stop(struct kiln_logpane *p); /* and leave nothing */

#endif
