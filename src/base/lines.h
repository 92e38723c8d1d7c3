/*
 * Program output cut into lines while it streams in, by Packer's rule: a line is what precedes \n;
 * trailing white space is cut, then only what follows the last \r is kept (a progress bar shows its
 * last state). One owner; no threads. Source: packer-core.md 2.1, provision-postprocess.md.
 */
#ifndef KILN_BASE_LINES_H
#define KILN_BASE_LINES_H

#include "base/str.h"

/** One line without its end; not NUL-terminated; valid during the call. Must not feed. */
typedef void kiln_lines_fn(void *ud, const char *line, size_t len);

struct kiln_lines {
    struct kiln_str rest; /* an unfinished line, at most KILN_MAX_LINE bytes */
    kiln_lines_fn *fn;
    void *ud;
};

#define KILN_AUTO_LINES KILN_CLEANUP(kiln_lines_done) struct kiln_lines
#define KILN_LINES_INIT(function, userdata)                                                        \
    {                                                                                              \
        .fn = (function), .ud = (userdata)                                                         \
    }

/**
 * Takes any piece of the stream and calls fn for each line that it ends. A line longer than
 * KILN_MAX_LINE is handed over in pieces of about that size, none inside a UTF-8 sequence.
 */
void kiln_lines_feed(struct kiln_lines *l, const void *data, size_t len);
/** The stream has ended: hands over an unfinished last line, if there is one. */
void kiln_lines_end(struct kiln_lines *l);
/** Release memory; hands over nothing. */
void kiln_lines_done(struct kiln_lines *l);

#endif
