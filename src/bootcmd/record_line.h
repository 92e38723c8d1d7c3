/* A line that is being typed, and whether the guest shows it. Private to record*.c. Pure. */
#ifndef KILN_BOOTCMD_RECORD_LINE_H
#define KILN_BOOTCMD_RECORD_LINE_H

#include "base/str.h"
#include "bootcmd/record.h"

struct kiln_record_line {
    size_t from, to;      /* which of the element's key events typed it */
    struct kiln_str text; /* as it is after its backspaces */
    /* Owned: where the guest may show it. What stood before the cursor, which may not have been
     * seen for a while; the last row that had text. "": nothing. */
    char *prompts[2];
    struct kiln_strv rows; /* the screen before it; none: a picture */
    bool asks;             /* for a password, as far as the words before it tell */
    bool shown;            /* the guest has shown it */
    bool ended;            /* another key was pressed */
};

void kiln_record_line_done(struct kiln_record_line *l);
/** Nothing is typed yet. */
void kiln_record_line_begin(struct kiln_record_line *l, const struct kiln_record_screen *screen);
/** One character less. */
void kiln_record_line_back(struct kiln_record_line *l);
/** The screen is another one. */
void kiln_record_line_see(struct kiln_record_line *l, const struct kiln_strv *rows);
/** Is this row a prompt with (some of) the line behind it? */
bool kiln_record_line_echoes(const struct kiln_record_line *l, const char *row);
/** Is what it was typed at still there? */
bool kiln_record_line_waits(const struct kiln_record_line *l, const struct kiln_strv *rows);
/** Is this row a prompt that it was typed at? */
bool kiln_record_line_answers(const struct kiln_record_line *l, const char *row);
/** Was it typed where nothing is shown, as passwords are? */
bool kiln_record_line_hidden(const struct kiln_record_line *l);

#endif
