/* A run without a terminal: its supervisor in a process and a session of its own. */
#ifndef KILN_CLI_DETACH_H
#define KILN_CLI_DETACH_H

#include "run/supervisor.h"

/**
 * Start `how` in the background; returns once clients can connect to it. It survives SIGHUP, the
 * end of this process and of its session; its stdin, stdout and stderr are /dev/null. how->client
 * must be NULL. Errors: as of kiln_supervise.
 */
bool kiln_detach(const struct kiln_supervise *how, struct kiln_err *err);

#endif
