/*
 * Progress of downloads, uploads and conversions: on a terminal one line that is drawn again in
 * place, elsewhere a line now and then, so that a log of a long build shows that it lives.
 */
#ifndef KILN_CLI_PROGRESS_H
#define KILN_CLI_PROGRESS_H

#include "cli/outlet.h"
#include "engine/event.h"

struct kiln_progress_line {
    struct kiln_outlet *out; /* borrowed; NULL: standard output */
    bool drawn;              /* a line stands on the terminal */
    char label[128];         /* whose progress it is: build + name, to notice a new one */
    int64_t start_us;        /* when it was first seen */
    uint64_t start_done;     /* bytes done then: a resumed download's rate is of the rest */
    int64_t printed_us;      /* last line off a terminal */
};

/**
 * On a terminal: draws and returns false. Elsewhere: true when it is time for a line, appended to
 * `out` without prefix.
 */
bool kiln_progress_update(struct kiln_progress_line *p, const struct kiln_event *ev, bool tty,
                          struct kiln_str *out);
/** Take the drawn line off the terminal, before other lines are printed. */
void kiln_progress_clear(struct kiln_progress_line *p);

#endif
