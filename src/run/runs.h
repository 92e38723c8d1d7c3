/*
 * The runs that are kept: what their directories (rundir.h) say of them, without their supervisors'
 * help but for the question who waits. One thread.
 */
#ifndef KILN_RUN_RUNS_H
#define KILN_RUN_RUNS_H

#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

enum kiln_run_state {
    KILN_RUN_GOING,
    KILN_RUN_ENDED, /* its log has run-end */
    KILN_RUN_DEAD,  /* the supervisor was killed */
};

struct kiln_run_info {
    char *id;  /* UUID; begins with the time, so ids sort by age */
    char *dir; /* its directory */
    char *tpl; /* template path as given; "" if not known */
    enum kiln_run_state state;
    int64_t start_us, end_us; /* wall clock; end 0: not known */
    int64_t status;           /* ENDED: 0 good, 1 failed, 2 cancelled */
    struct kiln_strv builds;  /* labels */
    struct kiln_strv results; /* of builds, where it is known how they ended: "ok", "failed",
                                 "cancelled"; KILN_RUN_WAITS while one stands and waits for
                                 somebody (kiln_runs_list only); "" is not known. May be empty. */
};
#define KILN_RUN_WAITS "waits"
extern const char *const kiln_run_results[3];                  /* by status */
const char *kiln_run_result(const struct kiln_run_info *info); /* ENDED: one of them */
void kiln_run_info_done(struct kiln_run_info *info);
/** As much of its id as names it well enough; borrowed text in a buffer of the caller's. */
#define KILN_RUN_SHORT 14
const char *kiln_run_short(const struct kiln_run_info *info, char buf[KILN_RUN_SHORT]);

struct kiln_runs {
    struct kiln_run_info *v; /* owned */
    size_t n;
};
/** All runs that are kept, newest first. Reads the first and last few KiB of each log, and asks
 *  those that are going which builds wait; blocks half a second at most for one that does not
 *  answer. */
void kiln_runs_list(struct kiln_runs *ret);
void kiln_runs_done(struct kiln_runs *runs);
/**
 * One run. @run: an id or the beginning of one, as long as it is not ambiguous; NULL: the newest
 * that is going, else the newest. Errors USER: no such run (names the command to list them), or
 * ambiguous (names them).
 */
bool kiln_runs_find(struct kiln_run_info *ret, const char *run, struct kiln_err *err);

#endif
