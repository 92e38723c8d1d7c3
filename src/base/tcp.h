/* TCP connections to people's hosts: cancellable, with a deadline, errors in Go's words. */
#ifndef KILN_BASE_TCP_H
#define KILN_BASE_TCP_H

#include "base/cancel.h"

/**
 * Connect to host:port; a name is looked up and its addresses are tried in turn.
 *
 * @host    address or name; an IPv6 address may stand in brackets; "" is this host
 * @ret_fd  close-on-exec, non-blocking, TCP_NODELAY; the caller closes it
 *
 * Errors: `dial tcp 127.0.0.1:22: connect: connection refused`, `dial tcp: lookup NAME: no such
 * host` (REMOTE, os_errno set where there is one), `dial tcp H:P: i/o timeout` (TIMEOUT),
 * CANCELLED.
 */
bool kiln_tcp_connect(int *ret_fd, const char *host, int port, struct kiln_cancel *c,
                      int64_t deadline, struct kiln_err *err);

#endif
