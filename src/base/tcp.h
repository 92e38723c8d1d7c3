/* TCP connections to people's hosts: cancellable, with a deadline, errors in Go's words. */
#ifndef KILN_BASE_TCP_H
#define KILN_BASE_TCP_H

#include <sys/socket.h>

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

/* The parts of it, for a caller that dials several connections side by side. */
struct kiln_tcp_addr {
    struct sockaddr_storage addr;
    socklen_t len;
};
struct kiln_tcp_addrs {
    struct kiln_tcp_addr *v; /* owned */
    size_t n;                /* at least 1 once it was looked up */
};

/** The addresses of host; an address in figures is taken as it is, at once. */
bool kiln_tcp_lookup(struct kiln_tcp_addrs *ret, const char *host, int port, struct kiln_cancel *c,
                     int64_t deadline, struct kiln_err *err);
void kiln_tcp_addrs_done(struct kiln_tcp_addrs *a);
/** Does not wait: the socket (as above) becomes writable when the attempt is over. */
bool kiln_tcp_dial_begin(int *ret_fd, const struct kiln_tcp_addr *to, struct kiln_err *err);
/** How it ended; fd stays the caller's. */
bool kiln_tcp_dial_end(int fd, const struct kiln_tcp_addr *to, struct kiln_err *err);

#endif
