/*
 * Child processes. An argv vector, never a shell string; close-on-exec fds only; an own process
 * group; SIGKILL from the kernel when the thread that started it dies; a pidfd to wait on.
 *
 * Start children from the worker's main thread: Linux ties the parent-death signal to the starting
 * thread. A struct kiln_process is used by one thread at a time.
 */
#ifndef KILN_BASE_PROCESS_H
#define KILN_BASE_PROCESS_H

#include <sys/types.h>

#include "base/cancel.h"
#include "base/str.h"
#include "base/strv.h"

/**
 * First thing in main(): puts right what a careless parent left behind. With SIGCHLD ignored the
 * kernel throws exit codes away; with 0, 1 or 2 closed the next file opened becomes stdout.
 */
void kiln_process_setup(void);

struct kiln_process {
    pid_t pid;      /* 0: not running (never started, or reaped) */
    int pidfd;      /* readable once it has ended; owned; -1 when not running */
    int out;        /* read end of its stdout, or -1; owned */
    int err;        /* read end of its stderr, or -1; owned */
    int status;     /* wait status once reaped */
    bool own_group; /* signals go to the whole group */
};

#define KILN_PROCESS_INIT                                                                          \
    {                                                                                              \
        .pid = 0, .pidfd = -1, .out = -1, .err = -1                                                \
    }
#define KILN_AUTO_PROCESS KILN_CLEANUP(kiln_process_done) struct kiln_process

enum kiln_stdio {
    KILN_STDIO_NULL,    /* /dev/null */
    KILN_STDIO_PIPE,    /* a pipe, read end in struct kiln_process (stdout, stderr only) */
    KILN_STDIO_INHERIT, /* ours */
};

struct kiln_spawn {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH if without a slash */
    const char *const *env;  /* "K=V" entries added to, or replacing those of, our environment */
    const char *cwd;         /* NULL: ours */
    enum kiln_stdio in, out, err;
    bool same_group; /* stay in our process group (a program that shall see the terminal) */
    /* Called in the parent after fork and before exec: the place to write pid into the ledger.
     * Returning false ends the child unexecuted. May be NULL. */
    bool (*on_pid)(void *ud, pid_t pid, struct kiln_err *err);
    void *ud;
};

/**
 * Start a program; p is written on success only. False with Go's texts (USER): `exec: "X":
 * executable file not found in $PATH`, `fork/exec P: permission denied`; or SYSTEM.
 */
bool kiln_process_spawn(struct kiln_process *p, const struct kiln_spawn *how, struct kiln_err *err);

/** Wait until it has ended and reap it; p->status is set. When the wait fails it still runs. */
bool kiln_process_wait(struct kiln_process *p, struct kiln_cancel *c, int64_t deadline,
                       struct kiln_err *err);

/** Reap without waiting; true if it has ended (or was never started). */
bool kiln_process_ended(struct kiln_process *p);

/**
 * SIGTERM to the group, up to grace_us (real time, not build time: cleanup goes on after a cancel)
 * for it to end, then SIGKILL; reaps. Never fails.
 */
void kiln_process_stop(struct kiln_process *p, int64_t grace_us);

/** SIGKILL the group if it still runs, reap, close the fds. */
void kiln_process_done(struct kiln_process *p);

/** Exit status as a shell shows it: 0..255, 128 + signal when killed. */
int kiln_process_exit_code(const struct kiln_process *p);

/**
 * Run to the end and append what it printed: at most KILN_MAX_CAPTURE bytes of each stream, the
 * rest is read and dropped. out, errs may be NULL; how->out and how->err do not count. True when it
 * ran, whatever its exit code. On timeout and cancel it is killed, group and all.
 */
bool kiln_process_capture(const struct kiln_spawn *how, struct kiln_cancel *c, int64_t deadline,
                          struct kiln_str *out, struct kiln_str *errs, int *ret_exit_code,
                          struct kiln_err *err);

/**
 * The file that exec would run for `name` (PATH search, absolute elements only); caller frees; NULL
 * with Go's error text.
 */
char *kiln_process_find(const char *name, struct kiln_err *err);

/** Field 22 of /proc/PID/stat: tells a process from a later one with its pid. 0: no such process.
 */
unsigned long long kiln_process_start_time(pid_t pid);

#endif
