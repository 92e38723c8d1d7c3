/*
 * The console on a run: `kiln tui`, `kiln attach`. A module (kiln-ui.so, loaded by cli/ when it is
 * wanted) because it links ncurses.
 */
#ifndef KILN_UI_CONSOLE_H
#define KILN_UI_CONSOLE_H

#include "run/client.h"

struct kiln_console_options {
    const char *keymap; /* default, vim, emacs or a file; NULL: default */
    long max_bps;       /* bytes a second to the terminal; 0: no limit */
    bool mouse;
};

struct kiln_ui_ops {
    /**
     * Until the user leaves. Returns the exit code: the run's, if it is over; 0 if it goes on
     * without us (*ret_going). The process splits (ui/term/keeper.h): it returns in the child,
     * which must end soon, with that exit code; the parent passes it on. Before the call, flush
     * stdio.
     */
    int (*run)(struct kiln_client *client, const struct kiln_console_options *options,
               bool *ret_going, struct kiln_err *err);
    /** Check a key map; problems, one a line "FILE:LINE: text", into err. */
    bool (*check_keymap)(const char *keymap, struct kiln_err *err);
};
extern const struct kiln_ui_ops kiln_ui_ops;

#endif
