/*
 * A worker: the process that runs one build. Forked from the supervisor with everything prepared;
 * its events go out, and commands come in, on one socket. Ends with its supervisor (parent-death
 * signal), and everything that it started ends with it.
 *
 * Threads: the main thread runs the build; one thread reads commands. They share struct worker's
 * answer slot (one mutex, nothing else is locked under it) and the two cancel objects.
 */
#ifndef KILN_RUN_WORKER_H
#define KILN_RUN_WORKER_H

#include <sys/types.h>

#include "engine/build.h"

/**
 * Fork a worker for `b`.
 *
 * @ledger_path  where it notes what it owns
 * @ret_fd       our end of its socket, non-blocking, close-on-exec; caller closes
 * @close_fds    our ends of other workers' sockets, which the child must not hold
 * Returns its pid, or -1 with err.
 */
pid_t kiln_worker_start(struct kiln_build *b, const char *ledger_path, const int *close_fds,
                        size_t n_close, int *ret_fd, struct kiln_err *err);

#endif
