/*
 * A free TCP port of this machine, kept from other builds by a lock on CACHE/port/N for as long as
 * the object lives. Packer takes the same locks, so it and kiln keep out of each other's way.
 *
 * Both ends of a range belong to it, as Packer's documentation says. Threads: an object is used by
 * one thread at a time; any number of them, in any process, may search at once.
 */
#ifndef KILN_NET_PORT_H
#define KILN_NET_PORT_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/cancel.h"
#include "base/err.h"

struct kiln_port {
    int port;      /* 0: none held */
    int lock_fd;   /* owned; closing it frees the port for other builds */
    int listen_fd; /* owned; the listening socket, or -1 if it was not asked for */
};

#define KILN_PORT_INIT                                                                             \
    {                                                                                              \
        .port = 0, .lock_fd = -1, .listen_fd = -1                                                  \
    }
#define KILN_AUTO_PORT KILN_CLEANUP(kiln_port_done) struct kiln_port

struct kiln_port_search {
    const char *address;  /* numeric, or "localhost"; the one to be listened on */
    int min, max;         /* 1..65535, min <= max */
    const char *lock_dir; /* NULL: CACHE/port; made if missing */
    bool v6only;          /* an IPv6 address stands for nobody who comes by IPv4 */
    bool listen;          /* hand over the listening socket (else the port is only tried) */
    bool wait;            /* while a lock of another build stands in the way, wait for it */
    int64_t deadline;     /* of that wait, on the cancel object's clock; KILN_NEVER is fine */
    void (*on_wait)(void *ud, const char *text); /* called once, before waiting; may be NULL */
    void *ud;
};

/**
 * Starts at a random port of the range and looks at each one once. When none is free: USER error
 * that counts who holds them, at once if they are all bound by other programs; with `wait`, if some
 * are only locked by other builds, the range is searched again five times a second until one is
 * free, the deadline passes (TIMEOUT) or the build is cancelled.
 */
bool kiln_port_take(const struct kiln_port_search *how, struct kiln_cancel *c,
                    struct kiln_port *ret_port, struct kiln_err *err);

/** Unlock, and close the socket if it is still here. Safe to call twice. */
void kiln_port_done(struct kiln_port *p);

/** "127.0.0.1", "::1", "localhost" and a port as a socket address; err USER for anything else. */
bool kiln_port_sockaddr(const char *address, int port, struct sockaddr_storage *ret_addr,
                        socklen_t *ret_len, struct kiln_err *err);

/** Is it an IPv4 address, as a number, on which this machine can listen? */
bool kiln_port_is_own(const char *address);

#endif
