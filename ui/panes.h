/* All panes, in the order in which focus moves. A pane is one constant in a file of its own. */
#ifndef KILN_UI_PANES_H
#define KILN_UI_PANES_H

#include "ui/pane.h"

#define KILN_PANES(X)                                                                              \
    X(BUILDS, builds)                                                                              \
    X(BOOT, boot)                                                                                  \
    X(SCREEN, screen)                                                                              \
    X(PROMPT, prompt)                                                                              \
    X(LOG, log)                                                                                    \
    X(HELP, help)

enum kiln_pane_id {
#define X(id, name) KILN_PANE_##id,
    KILN_PANES(X)
#undef X
        KILN_PANE__N
};

#define X(id, name) extern const struct kiln_pane_ops kiln_pane_##name;
KILN_PANES(X)
#undef X

#endif
