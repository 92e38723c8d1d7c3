/*
 * The command line at the bottom (":"): a line of text with a cursor, history and completion. What
 * the words mean is the console's business. Pure; one thread.
 */
#ifndef KILN_UI_CMDLINE_H
#define KILN_UI_CMDLINE_H

#include "base/str.h"
#include "base/strv.h"
#include "ui/term/key.h"

struct kiln_cmdline {
    bool open;
    bool forgets;         /* no history; closing drops the text */
    struct kiln_str text; /* UTF-8 */
    size_t at;            /* cursor: byte, at a character's beginning */
    struct kiln_strv history;
    size_t recall;           /* history.n: not recalling */
    char *draft;             /* what was typed before recalling; owned */
    struct kiln_strv offers; /* completions of the word; shown above the line */
    size_t offer;            /* the one put in; offers.n: none yet */
    size_t word_at;          /* where the word that is completed begins */
};

enum kiln_cmdline_result {
    KILN_CMDLINE_MORE,
    KILN_CMDLINE_DONE,     /* Enter: text is the command; kiln_cmdline_close it after use */
    KILN_CMDLINE_LEFT,     /* esc, or backspace on an empty line */
    KILN_CMDLINE_COMPLETE, /* Tab: fill offers for the word before the cursor, then
                              kiln_cmdline_offer */
};

void kiln_cmdline_open(struct kiln_cmdline *l, const char *text);
void kiln_cmdline_close(struct kiln_cmdline *l); /* remembers the text in the history */
void kiln_cmdline_done(struct kiln_cmdline *l);
enum kiln_cmdline_result kiln_cmdline_key(struct kiln_cmdline *l, const struct kiln_key *key);
void kiln_cmdline_insert(struct kiln_cmdline *l, const char *text, size_t len); /* a paste */
/** The next of l->offers instead of the word from word_at on; the common beginning first. */
void kiln_cmdline_offer(struct kiln_cmdline *l, bool backwards);

#endif
