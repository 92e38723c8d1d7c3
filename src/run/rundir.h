/*
 * The directory of one run: $XDG_STATE_HOME/kiln/runs/ID (default ~/.local/state; when nothing can
 * be made there, $TMPDIR/kiln-UID/runs/ID), mode 0700.
 *
 *     run.lock       flock()ed by the supervisor as long as it lives
 *     events.jsonl   the event log, one event a line, redacted
 *     summary.jsonl  once the run has ended: its state (snapshot.h)
 *     control.sock   the control socket (control.h), while it goes on
 *     N.frames       pictures of the screen of build N's guest (vm/film.h); gone when it is over
 *     N.ledger       what the worker of build N owns; gone once everything is released
 *
 * ID is the run's UUID, which every process of the run has in its environment (KILN_RUN_MARK). The
 * newest runs are kept so that they can be read afterwards; the rest is pruned here, and what a
 * dead supervisor left behind is cleaned first. Supervisor, guard and `kiln ps -clean` write;
 * anybody of this user may read.
 */
#ifndef KILN_RUN_RUNDIR_H
#define KILN_RUN_RUNDIR_H

#include "base/err.h"
#include "base/strv.h"

#define KILN_RUN_MARK     "PACKER_RUN_UUID"
#define KILN_LOG_NAME     "events.jsonl"
#define KILN_SUMMARY_NAME "summary.jsonl"

#define KILN_RUNS_KEPT       20
#define KILN_RUNS_KEPT_BYTES ((uint64_t)256 << 20) /* of event logs, the newest always stays */

struct kiln_rundir {
    char *path;    /* owned */
    int lock_fd;   /* owned */
    int events_fd; /* owned; -1 if the log could not be opened: a full disk stops no build */
};

/** Make the directory for a new run; cleans up after dead ones on the way. */
bool kiln_rundir_open(struct kiln_rundir *d, const char *id, struct kiln_err *err);
void kiln_rundir_close(struct kiln_rundir *d);
/** Directories of all runs of this user that are kept, by age, the oldest first. */
void kiln_rundir_list(struct kiln_strv *ret);
/** Does its supervisor live? */
bool kiln_rundir_is_going(const char *run);
/** The event log for reading; the caller's; -1 if there is none. */
int kiln_rundir_open_log(const struct kiln_rundir *d);
/** Path of the ledger of build number `index`; caller frees. */
char *kiln_rundir_ledger(const struct kiln_rundir *d, size_t index);
/** Where the worker of build number `index` keeps frames; caller frees. */
char *kiln_rundir_frames(const struct kiln_rundir *d, size_t index);
/** Clean what the worker with this ledger left. keep_output: as for kiln_ledger_clean. */
void kiln_rundir_clean(const struct kiln_rundir *d, const char *ledger, bool keep_output);
/** Clean up after one run, if its supervisor is dead; best effort, tried again by later runs. */
void kiln_rundir_recover(const char *run);
/** Has it left nothing that recover would have to clean? */
bool kiln_rundir_is_clean(const char *run);

#endif
