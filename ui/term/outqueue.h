/*
 * Bytes on their way to the terminal: never blocks, never more than a bound, at most so many bytes
 * a second. One thread.
 */
#ifndef KILN_UI_OUTQUEUE_H
#define KILN_UI_OUTQUEUE_H

#include "base/str.h"

struct kiln_outqueue {
    int fd; /* borrowed, O_NONBLOCK */
    struct kiln_str bytes;
    size_t at;
    long max_bps; /* 0: no limit */
    int64_t tokens;
    int64_t tokens_us; /* when they were counted */
    uint64_t sent;
    bool gone;    /* the terminal is */
    bool blocked; /* the terminal takes no more now */
};

/** Room for `len` more? A caller that gets false leaves it be, or tries later. */
bool kiln_outqueue_add(struct kiln_outqueue *q, const void *data, size_t len);
/** Write what can be written now; true: all is out. */
bool kiln_outqueue_flush(struct kiln_outqueue *q, int64_t now_us);
bool kiln_outqueue_empty(const struct kiln_outqueue *q);
/** When to flush again (KILN_NEVER: when poll says POLLOUT, see blocked, or nothing waits). */
int64_t kiln_outqueue_deadline(const struct kiln_outqueue *q);
void kiln_outqueue_drop(struct kiln_outqueue *q); /* what has not been sent */
void kiln_outqueue_done(struct kiln_outqueue *q);

#endif
