/* The control socket's file, RUNDIR/control.sock. */
#ifndef KILN_RUN_SOCKET_H
#define KILN_RUN_SOCKET_H

#include "base/err.h"

#define KILN_SOCKET_NAME "control.sock"

/** Non-blocking, close-on-exec; -1 with err. */
int kiln_socket_listen(const char *dir, struct kiln_err *err);
/** Close-on-exec; -1 with err. Errors: SYSTEM; os_errno ECONNREFUSED or ENOENT: nobody listens. */
int kiln_socket_connect(const char *dir, struct kiln_err *err);

#endif
