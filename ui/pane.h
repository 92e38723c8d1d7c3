/*
 * What every pane is to the console (ui/console.c), and what the console is to a pane. A pane keeps
 * its own state, reads the model and draws itself when asked; it is asked only after `dirty`.
 * One file pair a pane; all listed in console.c. One thread.
 */
#ifndef KILN_UI_PANE_H
#define KILN_UI_PANE_H

#include "base/err.h"
#include "run/client.h"
#include "ui/actions.h"
#include "ui/term/canvas.h"
#include "ui/term/key.h"

struct kiln_model; /* ui/model.h */
struct kiln_term;  /* ui/term/term.h */

struct kiln_console; /* ui/console.c */

struct kiln_pane_ops {
    const char *name;  /* "log": for the `focus` command */
    const char *title; /* on its frame */
    enum kiln_context context;
    void *(*new)(struct kiln_console *c);
    void (*free)(void *pane);
    /* Draw the inside of the frame; a == all of it. Cheap: called at most once a frame (60/s). */
    void (*draw)(void *pane, const struct kiln_area *a, bool focused);
    /* What stands on the frame beside the title ("follow  3 marks"); NULL: nothing. */
    void (*status)(void *pane, struct kiln_str *out);
    /* A named action, `arg` "" if none was given. False: not for this pane. */
    bool (*action)(void *pane, enum kiln_action action, const char *arg);
    /* A raw key, before key maps, while the pane wants them (typing text, guest keyboard).
     * False: take it through the key map. NULL: never. */
    bool (*key)(void *pane, const struct kiln_key *key);
    /* Does it take every key now? Then nothing may take the focus from it. NULL: never. */
    bool (*typing)(const void *pane);
    /* A paste, the same way. */
    bool (*paste)(void *pane, const char *text, size_t len);
    /* The model has changed by this event (NULL: began anew), or another build is shown. */
    void (*event)(void *pane, const struct kiln_event *ev);
    /* The log has grown. */
    void (*grown)(void *pane, uint64_t size);
    /* Work in slices (indexing, searching): called when idle, at most ~5 ms; true: there is more.
     */
    bool (*work)(void *pane);
    /* When it wants to be called again (monotonic us; KILN_NEVER), and that call. */
    int64_t (*deadline)(const void *pane);
    void (*tick)(void *pane, int64_t now_us);
    /* After each kiln_term_draw: pixels, straight to the terminal (kitty, sixel) with
     * kiln_term_raw. `a`: the pane's inside; NULL: it is not in sight, or a menu or question lies
     * over it, so no picture may stay. */
    void (*pixels)(void *pane, struct kiln_term *term, const struct kiln_area *a);
};

/* ---- what a pane may ask of the console ---- */

const struct kiln_model *kiln_console_model(const struct kiln_console *c);
struct kiln_client *kiln_console_client(struct kiln_console *c);
struct kiln_term *kiln_console_term(struct kiln_console *c);
/** The label of the build that is shown; NULL: none yet. */
const char *kiln_console_build(const struct kiln_console *c);
void kiln_console_dirty(struct kiln_console *c); /* draw soon */
/** One line at the bottom, until the next key. */
void kiln_console_say(struct kiln_console *c, const char *fmt, ...) KILN_PRINTF(2, 3);
void kiln_console_error(struct kiln_console *c, const char *fmt, ...) KILN_PRINTF(2, 3);
/** Send a command; its error, if any, is shown at the bottom. req->build NULL: the shown one. */
void kiln_console_command(struct kiln_console *c, const struct kiln_request *req);
/** Open the command line with this text in it ("search "). */
void kiln_console_command_line(struct kiln_console *c, const char *text);
/** Ask yes or no at the bottom; Enter is no. fn is called with the answer. */
void kiln_console_confirm(struct kiln_console *c, const char *question,
                          void (*fn)(void *ud, bool yes), void *ud);
/** A menu over everything: fn gets the index of the choice, -1: none. Copies. */
void kiln_console_menu(struct kiln_console *c, const char *title, const struct kiln_strv *choices,
                       void (*fn)(void *ud, int index), void *ud);

#endif
