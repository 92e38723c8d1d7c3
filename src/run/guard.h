/*
 * The guard: a process that waits for the end of its supervisor and of all workers, and cleans up
 * if the supervisor died before it could. It holds nothing but a pipe and the name of the run, and
 * has a session of its own, so that what ends the others does not end it.
 */
#ifndef KILN_RUN_GUARD_H
#define KILN_RUN_GUARD_H

#include <sys/types.h>

#include "base/err.h"

struct kiln_guard {
    pid_t pid;
    int fd; /* our end of the pipe; close-on-exec; owned. Workers inherit and keep it. */
};

/** @run  the run's directory. Before the first worker starts. */
bool kiln_guard_start(struct kiln_guard *g, const char *run, struct kiln_err *err);
/** All is in order: let it go. A guard that never started ({ 0, -1 }) is fine. */
void kiln_guard_dismiss(struct kiln_guard *g);

#endif
