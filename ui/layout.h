/*
 * Where the panes are. Pure.
 *
 *     ── Builds ──┬── Boot ──┬── Screen ──      75 columns and more; below, boot command and screen
 *                 │          │                  share a place: the one that was focused last
 *     ── Log ─────┴──────────┴───────────       shows. A prompt takes rows of the log.
 *
 *     bottom line
 */
#ifndef KILN_UI_LAYOUT_H
#define KILN_UI_LAYOUT_H

#include "ui/panes.h"

struct kiln_rect {
    int x, y, w, h; /* the inside; the title is on row y - 1; w 0: not shown */
};

struct kiln_layout_want {
    int cols, rows;           /* of the terminal; at least the minimum */
    enum kiln_pane_id focus;  /* HELP: it alone is shown */
    enum kiln_pane_id shared; /* BOOT or SCREEN, where only one has room */
    bool zoom;
    int prompt_rows; /* what the prompt pane would like; 0: no prompt */
};

struct kiln_panes_layout {
    struct kiln_rect panes[KILN_PANE__N];
};

void kiln_layout_make(struct kiln_panes_layout *l, const struct kiln_layout_want *want);

#endif
