/*
 * Where the plain client prints. What its reader does not take at once waits here, so that a pager,
 * a pipe that nobody empties or Ctrl-S holds up the lines, never the run: the supervisor's loop
 * goes on with signals and clients. One thread.
 */
#ifndef KILN_CLI_OUTLET_H
#define KILN_CLI_OUTLET_H

#include "base/str.h"

struct kiln_outlet {
    int fd;       /* standard output, or the same opened anew */
    bool patient; /* every write waits for the reader */
    bool whole;   /* a write takes what goes, and never blocks */
    struct kiln_str waits;
};

/** patient: for who has nothing else to do. */
void kiln_outlet_init(struct kiln_outlet *o, bool patient);
/** Waits until the reader has the rest; SIGINT, SIGTERM and SIGHUP end the process from here on.
 *  hurry: of a reader that takes nothing for a second no more is expected. */
void kiln_outlet_done(struct kiln_outlet *o, bool hurry);

/** NULL: standard output, and blocks. */
void kiln_outlet_write(struct kiln_outlet *o, const void *data, size_t len);
/** Write what goes without blocking. Nothing waits any more once the reader is gone. */
void kiln_outlet_flush(struct kiln_outlet *o);

#endif
