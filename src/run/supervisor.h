/*
 * The supervisor of one run: forks a worker per build, collects their events, writes the event log,
 * passes events to a client in its process and to those of the control socket (control.h), and
 * their commands back (dispatch.h), cancels, and cleans up after a worker that died. One thread,
 * one poll loop.
 */
#ifndef KILN_RUN_SUPERVISOR_H
#define KILN_RUN_SUPERVISOR_H

#include "run/client.h"
#include "run/plan.h"

struct kiln_supervisor;

/* Who watches. Every call comes from the supervisor's loop; none may block for long. */
struct kiln_client_ops {
    /* One event of the run or of a build; borrowed until return. */
    void (*event)(void *ud, const struct kiln_event *ev);
    /* An fd to watch (a terminal that a prompt is open on), -1 for none. NULL: never one. */
    int (*fd)(void *ud);
    /* That fd is readable. May call kiln_supervisor_command. */
    void (*readable)(void *ud, struct kiln_supervisor *s);
    /* What the client writes to, -1 for nothing: once nobody reads that, the run is cancelled.
     * NULL: never. */
    int (*output)(void *ud);
    /* Bytes that it could not write yet, and how it goes on once `output` takes more. While they
     * are many it gets no events; builds wait then, unless they are cancelled. NULL: never any. */
    size_t (*backlog)(void *ud);
    void (*writable)(void *ud);
};

struct kiln_supervise {
    struct kiln_plan *plan;
    long parallel;                        /* -parallel-builds; below 1: no limit */
    const struct kiln_client_ops *client; /* NULL: nobody in this process watches */
    void *client_ud;
    void (*ready)(void *ud); /* clients can connect from now on; may be NULL */
    void *ready_ud;
};

/**
 * Run all builds of the plan to their end. SIGINT, SIGTERM, SIGHUP (unless ignored) and a client
 * whose output nobody reads any more cancel; SIGPIPE is ignored from here on.
 * Returns the exit code: 0 all builds good, 1 otherwise. err only if it could not start.
 */
int kiln_supervise(const struct kiln_supervise *how, struct kiln_err *err);

/** A command of run/README.md to the build `label` (`build` in it is not looked at); an "answer"
 *  without text: nobody can answer. Nobody hears the reply. */
void kiln_supervisor_command(struct kiln_supervisor *s, const char *label,
                             const struct kiln_request *req);

#endif
