/*
 * The boot command of one build as it is going to be typed: its rows (one, or those of boot_steps)
 * rendered and parsed, how far the typist is, and the commands `preview` and `edit`, with which
 * people look at what they would type and change what is still to be typed. BOOT_PLAN events tell
 * every change.
 *
 * Threads: the main thread makes and frees it and types; the worker's reader thread previews and
 * edits. One lock over the rows and the values that templates are rendered with. The typist takes
 * one element at a time, as a copy, so an edit never changes one that is half typed.
 */
#ifndef KILN_BUILDER_QEMU_BOOT_SCRIPT_H
#define KILN_BUILDER_QEMU_BOOT_SCRIPT_H

#include "bootcmd/bootcmd.h"
#include "builder/qemu/qemu.h"
#include "engine/control.h"

struct kiln_boot_script;

/** Rows as the template has them, not rendered yet; BOOT_PLAN with their lines. Borrows s and b. */
struct kiln_boot_script *kiln_boot_script_new(struct kiln_qemu_state *s, struct kiln_build *b);
void kiln_boot_script_free(struct kiln_boot_script *script); /* NULL is fine */

/** Ports and addresses are known: previews and edits are rendered with them. Main thread. */
void kiln_boot_script_values(struct kiln_boot_script *script);
/** The same, and typing is next: everything is rendered, and nothing is typed yet (again). An
 *  error of a row is kept until the typist comes to it. */
void kiln_boot_script_ready(struct kiln_boot_script *script);

int64_t kiln_boot_script_interval_ns(const struct kiln_boot_script *script); /* after each key */
bool kiln_boot_script_closed_loop(const struct kiln_boot_script *script);    /* boot_pace.h */
size_t kiln_boot_script_rows(const struct kiln_boot_script *script);         /* 1 or more */
const char *kiln_boot_script_description(const struct kiln_boot_script *script, size_t row);
/** The row's template text, lines joined; caller frees. */
char *kiln_boot_script_source(struct kiln_boot_script *script, size_t row);

/* An element with all that it takes to type it. */
struct kiln_boot_element {
    int64_t index;
    enum kiln_bootcmd_kind kind;
    int64_t wait_ns;  /* of a PAUSE */
    int64_t still_ns; /* of a WAIT_STABLE */
    char *regex;      /* owned; of a WAIT_TEXT, else NULL; a secret if masked */
    struct kiln_bootcmd_event events[KILN_BOOTCMD_CHAR_EVENTS];
    size_t n_events;
    size_t n_before_last_press; /* events after which something more is pressed, here or later */
    bool masked;
    char *what; /* owned; its source, "<sensitive>" if masked */
};
void kiln_boot_element_done(struct kiln_boot_element *e);

/**
 * The text of a row becomes args->lines, whatever was typed of it: all of it will be typed anew.
 * The typist finds nothing more to type until kiln_boot_script_ready. Reader thread.
 */
bool kiln_boot_script_replace(struct kiln_boot_script *script, const struct kiln_control_args *args,
                              struct kiln_err *err);

/** The typist begins with a row. Fails if it could not be rendered or parsed. */
bool kiln_boot_script_begin(struct kiln_boot_script *script, size_t row, struct kiln_err *err);
/** The element that is next; false: none is left. */
bool kiln_boot_script_peek(struct kiln_boot_script *script, size_t row,
                           struct kiln_boot_element *ret);
/** The same, and it counts as typed from now on. */
bool kiln_boot_script_take(struct kiln_boot_script *script, size_t row,
                           struct kiln_boot_element *ret);
/** The row is typed: it cannot be edited any more. */
void kiln_boot_script_end(struct kiln_boot_script *script, size_t row);

#endif
