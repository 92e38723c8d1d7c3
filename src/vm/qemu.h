/*
 * One running QEMU: started, watched, stopped, never left behind.
 *
 * Threads: all functions belong to the thread that called kiln_qemu_start (the worker's main
 * thread: QEMU dies with it). One helper thread of ours reads QEMU's stdout and stderr, so that a
 * chatty QEMU never blocks; on_line is called on that thread, everything else on the caller's.
 */
#ifndef KILN_VM_QEMU_H
#define KILN_VM_QEMU_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/strv.h"
#include "vm/qmp.h"

struct kiln_qemu;

struct kiln_qemu_config {
    const char *binary;           /* a path, or a name that is looked up in PATH */
    const struct kiln_strv *args; /* from kiln_vm_argv; borrowed during start */
    const char *qmp_path;         /* the socket named in args; a stale file there is removed */
    /* Write the pid into the ledger; called before QEMU runs. May be NULL. */
    bool (*on_pid)(void *ud, pid_t pid, struct kiln_err *err);
    /* One line that QEMU printed, without its newline. Helper thread. May be NULL. */
    void (*on_line)(void *ud, bool is_stderr, const char *line, size_t len);
    kiln_qmp_event_fn *on_event; /* helper thread; may be NULL */
    void *ud;                    /* for the three above */
    /* Fired when QEMU ends in a failure or by a signal, but not when the guest powers off. May be
     * NULL. */
    struct kiln_cancel *on_death;
};

/** Why QEMU did not start, as far as the caller can do something about it. */
enum kiln_qemu_failure {
    KILN_QEMU_FAILED,         /* for any other reason */
    KILN_QEMU_VNC_IN_USE,     /* somebody has the VNC port: try another one */
    KILN_QEMU_FORWARD_IN_USE, /* somebody has a forwarded port: try another one */
};

/**
 * Start QEMU and wait until it has set up everything and answers on QMP.
 *
 * When it ends before that, the error (REMOTE) holds its exit status, what it said last and, for
 * common causes, what to do. *ret_why is set on every failure. On failure nothing is left running.
 */
bool kiln_qemu_start(struct kiln_qemu **ret_qemu, const struct kiln_qemu_config *cfg,
                     struct kiln_cancel *c, int64_t deadline, enum kiln_qemu_failure *ret_why,
                     struct kiln_err *err);

struct kiln_qmp *kiln_qemu_qmp(struct kiln_qemu *q); /* borrowed */
pid_t kiln_qemu_pid(const struct kiln_qemu *q);      /* 0 once it has been reaped */
int kiln_qemu_pidfd(const struct kiln_qemu *q); /* readable once it has ended; borrowed; or -1 */

/** Reaps; true if it has ended. */
bool kiln_qemu_ended(struct kiln_qemu *q);

/** As a shell shows it: 0..255, 128 + signal. Only once it has ended. */
int kiln_qemu_exit_code(const struct kiln_qemu *q);

/**
 * Who told it to end, if not its guest: "host-signal", "host-ui", "host-qmp-quit" (also a window of
 * GTK that is closed); it exits with 0 then, too. NULL: nobody. Borrowed. Only once it has ended.
 */
const char *kiln_qemu_ended_by(struct kiln_qemu *q);

/** The last lines of QEMU's stderr; "" if none; caller frees. */
char *kiln_qemu_last_words(struct kiln_qemu *q);

/**
 * Wait until it has ended by itself (TIMEOUT, CANCELLED). A QEMU that stops its guest because the
 * host's disk is full is ended, and its last words say so.
 */
bool kiln_qemu_wait(struct kiln_qemu *q, struct kiln_cancel *c, int64_t deadline,
                    struct kiln_err *err);

/**
 * End it: QMP quit (which flushes the disks), SIGTERM, SIGKILL, with up to grace_us of wall time
 * for each of the first two. Works after the build was cancelled or paused. Never fails.
 */
void kiln_qemu_stop(struct kiln_qemu *q, int64_t grace_us);

/** SIGKILL at once, as pulling the plug. */
void kiln_qemu_kill(struct kiln_qemu *q);

/** SIGKILL if it still runs; removes the QMP socket. NULL is fine. */
void kiln_qemu_free(struct kiln_qemu *q);
void kiln_qemu_freep(struct kiln_qemu **q);

/** What `BINARY -version` says; all zeroes before the first use. Holds a copy:
 * kiln_qemu_version_done. */
struct kiln_qemu_version {
    char *text;       /* "7.2.22"; owned */
    int major, minor; /* 7, 2 */
    /* What was asked: path as found, and the file's identity. Not for callers. */
    char *path;
    int64_t mtime_ns, size;
};

/**
 * Fill *v, unless it already speaks of the same unchanged file.
 * Errors: `exec: "X": executable file not found in $PATH`, `exit status 1`, `No version found:
 * TEXT`.
 */
bool kiln_qemu_version_probe(struct kiln_qemu_version *v, const char *binary, struct kiln_cancel *c,
                             int64_t deadline, struct kiln_err *err);
void kiln_qemu_version_done(struct kiln_qemu_version *v);

#endif
