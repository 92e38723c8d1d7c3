/*
 * A row of a guest's screen as the regex of a <wait '…'>: one that this row matches and others do
 * not, in this build and in the next one.
 *
 *     [    3.141592] eth0: link up, 1000 Mbit/s     eth0: link up, \d+ Mbit/s
 *     debian login:                                 debian login:$
 *     │ <Go Back>          <Continue> 45% │         <Go Back> +<Continue> \d+%
 *
 * Numbers are any numbers, but for those that belong to a word (tty1, x86_64): the clock, counters
 * and times since the start are others next time. Borders and cells that are no character are
 * left out, and so is a kernel's time. Pure; any thread.
 */
#ifndef KILN_BOOTCMD_TELLING_H
#define KILN_BOOTCMD_TELLING_H

#include "base/str.h"
#include "base/strv.h"

struct kiln_telling {
    const char *row; /* UTF-8, without spaces at its end; U+FFFD: a cell that is no character */
    bool prompt;     /* the guest waits for input at its end */
    bool counts;     /* its numbers were seen to change, those of words too */
};

/** Appends the regex; false: there is none that tells this row from all of `others`. */
bool kiln_telling_regex(const struct kiln_telling *t, const struct kiln_strv *others,
                        struct kiln_str *out);

/** Is the row the same as the other one but for its numbers, spaces and case? */
bool kiln_telling_same(const char *row, const char *other);

#endif
