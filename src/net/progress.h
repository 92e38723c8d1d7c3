/*
 * How far something has come, told at most ten times a second and only when it moved. The object
 * lives in the function that does the work; its callback runs in that function's thread.
 */
#ifndef KILN_NET_PROGRESS_H
#define KILN_NET_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/** Bytes so far and in all (0: unknown). A rate is the caller's to work out. */
typedef void kiln_progress_fn(void *ud, uint64_t done, uint64_t total);

struct kiln_progress {
    kiln_progress_fn *fn; /* NULL: nobody listens */
    void *ud;
    int64_t next_us;    /* CLOCK_MONOTONIC; internal, starts as 0 */
    uint64_t told_done; /* internal */
    bool told;          /* internal */
};

/** Report unless that was done less than 100 ms ago or nothing has changed. */
void kiln_progress_tick(struct kiln_progress *p, uint64_t done, uint64_t total);
/** Report the end, however soon after the last report, unless just that was reported already. */
void kiln_progress_end(struct kiln_progress *p, uint64_t done, uint64_t total);

#endif
