/*
 * kiln's additions to the boot command language: waits for what is on the guest's screen. Packer
 * types them letter by letter.
 *
 *     watch  = "<wait" SP "'" regex "'" [ SP limit ] ">"      until a row of the screen matches
 *            | "<waitStable" [ SP still [ SP limit ] ] ">"    until nothing changed for `still`
 *
 * A quote inside the regex is \'; a backslash keeps its meaning otherwise. Times are those of
 * <wait…>: 90s, 1m30s, or seconds. SP is one space or more.
 */
#ifndef KILN_BOOTCMD_WATCH_H
#define KILN_BOOTCMD_WATCH_H

#include "bootcmd/bootcmd.h"

#define KILN_BOOTCMD_LIMIT_NS ((int64_t)300 * 1000000000) /* how long, if it does not say */
#define KILN_BOOTCMD_STILL_NS ((int64_t)2 * 1000000000)

struct kiln_bootcmd_watch {
    enum kiln_bootcmd_kind kind; /* WAIT_TEXT or WAIT_STABLE */
    size_t regex, regex_len;     /* of WAIT_TEXT: where in s */
    size_t still, limit;         /* where in s these times begin; 0: not given */
};

/** How many bytes at s are a watch; 0: none is there. Its times are words that begin with a digit
 *  or a minus; what they mean is not looked at. */
size_t kiln_bootcmd_match_watch(const char *s, size_t len, struct kiln_bootcmd_watch *ret);

#endif
