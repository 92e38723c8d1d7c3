/*
 * Commands to a build in its worker (run/README.md lists them), by name: whoever can obey one says
 * so here, the worker's reader thread calls it as lines come in. Nobody of run/ needs to know what
 * a command does, nor anybody of the layers below how it came.
 *
 * Threads: any. One lock over the table, held while a handler runs: handlers never run side by
 * side, and once kiln_control_remove has returned, none of that owner runs any more. So: neither
 * add nor remove while holding a lock that a handler takes; never from within a handler.
 */
#ifndef KILN_ENGINE_CONTROL_H
#define KILN_ENGINE_CONTROL_H

#include <stdint.h>

#include "base/str.h"
#include "base/strv.h"

/* The members of a command; absent ones are zero. Borrowed until the handler returns. */
struct kiln_control_args {
    const char *text; /* place, TERM … */
    const struct kiln_strv *lines;
    int64_t number; /* prompt, row … */
    int64_t from;   /* element */
    uint32_t keysym;
    bool on;
    int cols, rows;
};

struct kiln_control_reply {
    struct kiln_str text; /* what the command gives; empty: nothing */
    int fd;               /* goes with it; -1: none; the caller of kiln_control_call owns it */
};
#define KILN_CONTROL_REPLY_INIT                                                                    \
    {                                                                                              \
        .fd = -1                                                                                   \
    }
void kiln_control_reply_done(struct kiln_control_reply *reply); /* closes the fd */

/** Obeys; false: err is the reply, one sentence. Reader thread: must not wait for the build's main
 *  thread, and for nothing else longer than a few seconds. */
typedef bool kiln_control_fn(void *ud, const struct kiln_control_args *args,
                             struct kiln_control_reply *reply, struct kiln_err *err);

struct kiln_control_command {
    const char *name;
    kiln_control_fn *fn;
};

struct kiln_control;
struct kiln_control *kiln_control_new(void);
void kiln_control_free(struct kiln_control *c); /* NULL is fine */

/** `commands` (ended by name NULL; borrowed) can be called with ud from now on. A name that is
 *  already there: the newer one is called. c NULL (no worker: tests): nothing. */
void kiln_control_add(struct kiln_control *c, const struct kiln_control_command *commands,
                      void *ud);
/** The table that was added with this ud goes; waits for a handler that runs. */
void kiln_control_remove(struct kiln_control *c, const struct kiln_control_command *commands,
                         void *ud);

/** Call `command`; USER "… is not possible now" if nobody obeys it at the moment. */
bool kiln_control_call(struct kiln_control *c, const char *command,
                       const struct kiln_control_args *args, struct kiln_control_reply *reply,
                       struct kiln_err *err);

#endif
