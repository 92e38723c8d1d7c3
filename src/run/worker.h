/*
 * A worker: the process that runs one build. Forked from the supervisor with everything prepared;
 * its events go out, and commands come in, on one socket. Ends with its supervisor (parent-death
 * signal), and everything that it started ends with it.
 *
 * Threads: the main thread runs the build; one thread reads commands. They share struct worker's
 * answer slot (one mutex, nothing else is locked under it), the two cancel objects, and what the
 * handlers of commands (engine/control.h) share with the build.
 */
#ifndef KILN_RUN_WORKER_H
#define KILN_RUN_WORKER_H

#include <sys/types.h>

#include "engine/build.h"

/**
 * Fork a worker for `b`.
 *
 * @ledger_path  where it notes what it owns
 * @guard_fd     the guard's pipe, which it keeps; everything else that is open but stdin, stdout
 *               and stderr is closed in it
 * @ret_fd       our end of its socket, close-on-exec; caller closes
 * Returns its pid, or -1 with err.
 */
pid_t kiln_worker_start(struct kiln_build *b, const char *ledger_path, int guard_fd, int *ret_fd,
                        struct kiln_err *err);

#endif
