/*
 * Does the guest's screen show the line that is typed? From its first character up to the key that
 * ends it, by comparing the screen's text (vm/text.h) with what was there before. Pure: nothing
 * here types or waits. One thread.
 *
 *     before   boot: _              begin
 *     now      boot: instal_        "install" is to be there: PART, 6 are good
 *     now      boot: innstall_      WRONG, 2 are good, 8 are shown
 */
#ifndef KILN_BUILDER_QEMU_BOOT_ECHO_H
#define KILN_BUILDER_QEMU_BOOT_ECHO_H

#include "vm/text.h"

enum kiln_echo_state {
    KILN_ECHO_NONE,  /* nothing that looks like the line; or it was there, and is gone */
    KILN_ECHO_PART,  /* a beginning of it, and nothing behind that */
    KILN_ECHO_ALL,   /* all of it */
    KILN_ECHO_WRONG, /* a beginning of it, perhaps none, and something else */
};

struct kiln_echo_look {
    enum kiln_echo_state state;
    size_t good;  /* characters of the line that are there, from its beginning; spaces at the end
                     of what is there cannot be told from none, and count once they were sent */
    size_t shown; /* characters that are there at all, up to the last that is no space */
};

struct kiln_echo {
    struct kiln_text before; /* owned: the screen when the line began, and since then */
    unsigned shift;          /* … it went up by so many rows */
    struct kiln_str line;    /* what it is to be: code points, uint32_t each */
    struct kiln_str cut;     /* what was cut off its beginning at a row's edge */
    bool found;              /* where it begins is known: */
    int row;                 /* goes up as the screen scrolls; below 0: out of sight */
    unsigned column;
    unsigned left, right; /* rows of text are [left, right) of the screen's columns: learnt */
    bool faults;          /* keys are lost and doubled here: set by the caller, and stays */
    size_t best;          /* the most characters that were good in a look so far */
    bool led;   /* the cursor was seen behind the line: it tells where what is typed goes */
    bool ghost; /* one cell keeps a character that is not in the line any more: */
    size_t ghost_cell;
    uint32_t ghost_code;
    struct kiln_text last; /* owned: the screen when that became so */
};

/** A new line, on a screen that shows `text` now (copied). What was learnt of its rows stays. */
void kiln_echo_begin(struct kiln_echo *e, const struct kiln_text *text);
void kiln_echo_done(struct kiln_echo *e); /* release; all zeroes */
void kiln_echo_add(struct kiln_echo *e, uint32_t code);
size_t kiln_echo_length(const struct kiln_echo *e);
uint32_t kiln_echo_at(const struct kiln_echo *e, size_t i); /* i < length */
/** What the screen shows in the place of character i, once the line was seen; 0: unknown. */
uint32_t kiln_echo_shown(const struct kiln_echo *e, const struct kiln_text *text, size_t i);
/** @sent  characters of the line that went out */
struct kiln_echo_look kiln_echo_look(struct kiln_echo *e, const struct kiln_text *text,
                                     size_t sent);
/** Characters that have been seen in their places, since backspaces were sent last: those have
 * come, whatever is shown now. */
size_t kiln_echo_seen(const struct kiln_echo *e);
/** Is the screen another than when the line last grew (wherever its cursor is)? */
bool kiln_echo_stirred(const struct kiln_echo *e, const struct kiln_text *text);
/**
 * Some guests break a line where they like. If it goes on somewhere else, perhaps with the last few
 * of the good characters again, what is there is the line from now on: ret_cut characters are cut
 * off its beginning. False: nothing is seen of it.
 */
bool kiln_echo_resume(struct kiln_echo *e, const struct kiln_text *text, size_t sent,
                      size_t *ret_cut);
/** Whatever has become of what was typed: the line from character `cut` on is yet to come, on a
 *  screen that shows `text` now. */
void kiln_echo_restart(struct kiln_echo *e, const struct kiln_text *text, size_t cut);
/**
 * Some guests have a text window that is not as wide as the screen (GRUB's graphic terminal). If
 * that explains why the line does not go on where it should, it is remembered, for later lines too.
 * A window has margins on both sides: where only the right one is missing, a space came twice.
 */
bool kiln_echo_learn_margins(struct kiln_echo *e, const struct kiln_text *text, size_t sent);
/** Backspaces follow: that less is there from now on does not mean that the line is gone. */
void kiln_echo_shrinks(struct kiln_echo *e);
/** Would character i of the line be in one of the last two columns, if all goes well? */
bool kiln_echo_at_edge(const struct kiln_echo *e, size_t i);
/** Of the characters [good, shown), how many are in the last one's row. */
size_t kiln_echo_in_last_row(const struct kiln_echo *e, size_t good, size_t shown);
/**
 * A backspace behind a character in the last column: Linux' console takes away the character before
 * it, and leaves it where it is; another one, which came by chance, the character before that. If
 * that is what has happened since the look before, the line goes on in the gap: *ret_cut characters
 * are cut off its beginning.
 */
bool kiln_echo_edge_erased(struct kiln_echo *e, const struct kiln_text *text,
                           const struct kiln_echo_look *before, size_t *ret_cut);
/**
 * Behind such an edge a backspace too many takes away what is not looked at any more: if that has
 * happened, those characters are the line's again, and its beginning, yet to come.
 */
bool kiln_echo_eaten(struct kiln_echo *e, const struct kiln_text *text);
/** Is the cursor behind the line's first n characters, as far as the screen tells? */
bool kiln_echo_cursor_behind(const struct kiln_echo *e, const struct kiln_text *text, size_t n);
/** Has the cursor, which was behind the line before, gone elsewhere, so that what is typed will be
 *  shown there? */
bool kiln_echo_cursor_left(const struct kiln_echo *e, const struct kiln_text *text, size_t good,
                           size_t sent);

#endif
