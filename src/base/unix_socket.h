/*
 * Stream sockets in the file system. A path may be longer than a socket's address can be (108
 * bytes): it is then reached through /proc/self/fd, as long as its last element has no more
 * than 80. (Other programs may not know that way.) No state, any thread.
 */
#ifndef KILN_BASE_UNIX_SOCKET_H
#define KILN_BASE_UNIX_SOCKET_H

#include "base/err.h"

/**
 * Close-on-exec; -1 with err: SYSTEM, names the path; os_errno ECONNREFUSED or ENOENT: nobody
 * listens.
 *
 * @flags  SOCK_NONBLOCK or 0
 */
int kiln_unix_connect(const char *path, int flags, struct kiln_err *err);
/** The same for who listens; the file must not be there yet. */
int kiln_unix_listen(const char *path, int flags, struct kiln_err *err);

#endif
