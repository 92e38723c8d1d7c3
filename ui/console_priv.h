/*
 * What the files of the console share: its state and its parts. Unit tests use it to drive a
 * console without a terminal and read its canvas.
 */
#ifndef KILN_UI_CONSOLE_PRIV_H
#define KILN_UI_CONSOLE_PRIV_H

#include "ui/cmdline.h"
#include "ui/console.h"
#include "ui/keymap.h"
#include "ui/layout.h"
#include "ui/model.h"
#include "ui/panes.h"

struct kiln_overlay { /* a menu or a question over everything */
    enum { KILN_OVERLAY_NONE, KILN_OVERLAY_MENU, KILN_OVERLAY_CONFIRM } kind;
    char *title;
    struct kiln_strv choices;
    size_t at;
    void (*on_menu)(void *ud, int index);
    void (*on_confirm)(void *ud, bool yes);
    void *ud;
};

struct kiln_console {
    struct kiln_client *client; /* borrowed */
    struct kiln_term *term;     /* owned by run(); NULL in unit tests */
    struct kiln_keymap keymap;
    struct kiln_model model;
    struct kiln_canvas canvas;
    struct kiln_panes_layout layout;
    void *panes[KILN_PANE__N];
    enum kiln_pane_id focus, shared;
    enum kiln_pane_id back;      /* where focus was before a prompt took it */
    enum kiln_pane_id help_back; /* … and before help */
    bool zoom;
    char *build; /* the one that is shown; NULL: none yet */
    struct kiln_key keys[KILN_KEYMAP_MAX_KEYS];
    size_t n_keys; /* of an unfinished sequence */
    struct kiln_cmdline cmdline;
    struct kiln_overlay overlay;
    char *message; /* at the bottom; NULL: none */
    bool message_is_error;
    bool dirty;
    bool answer_due; /* a key has come since the last picture */
    bool quit;
    bool leave; /* ctrl-z: the loop gives the terminal away */
    bool mouse;
    bool asked_controls;
    bool disconnected;       /* nothing will come any more */
    int shell_fd;            /* reply of `shell`; -1: none */
    int prompt_rows;         /* of the prompt pane; stay a moment when nothing is asked any more */
    int64_t prompt_until_us; /* KILN_NEVER: something is asked */
    int64_t drawn_us;
    int64_t tick_us; /* when the clocks on the screen show another second; KILN_NEVER */
};

/* ---- console.c ---- */
struct kiln_console *kiln_console_new(struct kiln_client *client, struct kiln_term *term, int cols,
                                      int rows);
void kiln_console_free(struct kiln_console *c);
void kiln_console_resize(struct kiln_console *c, int cols, int rows);
extern const struct kiln_client_handler kiln_console_handler; /* ud: the console */
const struct kiln_pane_ops *kiln_pane_ops_of(enum kiln_pane_id pane);
const struct kiln_keymap *kiln_console_keymap(const struct kiln_console *c);
void kiln_console_say_nothing(struct kiln_console *c);
/** For times that are shown: now, or the last that is known of a run that is over. */
int64_t kiln_console_now(const struct kiln_console *c);
/** As kiln_console_command, with another answer to the reply; ud is the console. */
void kiln_console_send(struct kiln_console *c, const struct kiln_request *req, kiln_reply_fn *fn);

/* ---- console_run.c ---- */
int kiln_console_run(struct kiln_client *client, const struct kiln_console_options *options,
                     bool *ret_going, struct kiln_err *err);
bool kiln_console_check_keymap(const char *keymap, struct kiln_err *err);

/* ---- console_draw.c ---- */
void kiln_console_draw(struct kiln_console *c);
/** Clear an area and put a frame with a title around it. */
void kiln_frame_box(const struct kiln_area *box, const char *title, struct kiln_style style);

/* ---- console_keys.c ---- */
void kiln_console_key(struct kiln_console *c, const struct kiln_key *key);
void kiln_console_paste(struct kiln_console *c, const char *text, size_t len);

/* ---- console_actions.c ---- */
/** As if it was bound to a key: the focused pane first, then the console. */
void kiln_console_action(struct kiln_console *c, enum kiln_action action, const char *arg);
void kiln_console_focus(struct kiln_console *c, enum kiln_pane_id pane);
void kiln_console_show_build(struct kiln_console *c, const char *label);
/** Set a breakpoint of the shown build, or remove it if it is there. */
void kiln_console_toggle_break(struct kiln_console *c, const char *place);

/* ---- overlay.c ---- */
bool kiln_overlay_key(struct kiln_console *c, const struct kiln_key *key);
void kiln_overlay_draw(struct kiln_console *c);
void kiln_overlay_close(struct kiln_console *c);
/** Is a question open whose answer goes to ud? */
bool kiln_overlay_is_for(const struct kiln_console *c, const void *ud);

#endif
