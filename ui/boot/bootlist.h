/*
 * What a boot command means: the key events of it with their times, what is wrong with it, and
 * which of its characters made which event. The boot pane shows one; every keystroke of the editor
 * makes a new one. Pure; one thread.
 */
#ifndef KILN_UI_BOOTLIST_H
#define KILN_UI_BOOTLIST_H

#include "bootcmd/bootcmd.h"
#include "bootcmd/layout.h"
#include "ui/boot/bootmap.h"

/* A line of the list of events. */
struct kiln_bootlist_row {
    uint32_t event;   /* index into cmd.events */
    uint32_t element; /* of the command */
    bool unknown;     /* stands for all events of a {{ }} that was not rendered, or of a secret */
};

/* Something to say about characters of the raw text. */
struct kiln_bootlist_note {
    size_t raw, raw_len;
    bool error;
    const char *text, *fix; /* borrowed from notes; fix may be NULL */
};

/* How a byte of the raw text looks, before what the pane adds. */
#define KILN_BOOTLIST_ACTION 1u /* of a {{ }} */
#define KILN_BOOTLIST_KEY    2u /* of <enter>, <wait> … */
#define KILN_BOOTLIST_ERROR  4u
#define KILN_BOOTLIST_LINT   8u

struct kiln_bootlist {
    char *raw; /* owned: the strings, nothing between them */
    size_t raw_len;
    size_t *starts; /* owned: where each string begins in raw, and the end */
    size_t n_lines;
    bool rendered; /* else {{ }} stand for themselves */
    struct kiln_bootmap map;
    struct kiln_bootcmd cmd; /* empty if it does not parse */
    bool valid;
    int64_t *at_ns; /* owned: when each event of cmd begins */
    int64_t total_ns;
    bool open_end;                  /* something unknown is in it: the total is a minimum */
    struct kiln_bootlist_row *rows; /* owned */
    size_t n_rows;
    struct kiln_bootcmd_notes notes;
    struct kiln_bootlist_note *marks; /* owned; those of notes that are about what was written */
    size_t n_marks;
    uint8_t *look; /* owned: for each byte of raw */
};

/**
 * @lines        the template's strings
 * @rendered     what they become, secrets as bullets (U+2022); NULL: not known
 * @layout       of the guest's keyboard, borrowed; NULL: us
 * @interval_ns  pause after each key event
 */
void kiln_bootlist_make(struct kiln_bootlist *l, const struct kiln_strv *lines,
                        const char *rendered, const struct kiln_layout *layout,
                        int64_t interval_ns);
void kiln_bootlist_done(struct kiln_bootlist *l);

/** Byte of raw for a place in a string, and back. */
size_t kiln_bootlist_raw(const struct kiln_bootlist *l, size_t line, size_t byte);
void kiln_bootlist_place(const struct kiln_bootlist *l, size_t raw, size_t *ret_line,
                         size_t *ret_byte);
/** The characters that made a row. */
void kiln_bootlist_row_raw(const struct kiln_bootlist *l, size_t row, size_t *ret_start,
                           size_t *ret_len);
/** The rows that the character at a byte of raw is part of; the next ones, none of them (*ret_n 0),
 *  if it made nothing. */
void kiln_bootlist_rows_at(const struct kiln_bootlist *l, size_t raw, size_t *ret_first,
                           size_t *ret_n);
/** The row of an element's event (0: its first); n_rows behind the end. */
size_t kiln_bootlist_row_of(const struct kiln_bootlist *l, uint64_t element, uint64_t event);

#endif
