/*
 * The client's side of SOCKS5, without sockets: it says how many bytes it wants next, because the
 * byte behind the last of them is the guest's. One owner; no threads.
 * Source: RFC 1928, RFC 1929.
 */
#ifndef KILN_COMMUNICATOR_SOCKS_H
#define KILN_COMMUNICATOR_SOCKS_H

#include "base/str.h"
#include "communicator/ssh.h"

#define KILN_SOCKS_WANT_MAX 257 /* a name's length, the name, a port … */

enum kiln_socks_state {
    KILN_SOCKS_METHOD, /* waits for: how to log in */
    KILN_SOCKS_AUTH,   /* … for the answer to name and password */
    KILN_SOCKS_REPLY,  /* … for the answer to the request, up to its kind of address */
    KILN_SOCKS_BOUND,  /* … for the address that nobody needs, and the port */
    KILN_SOCKS_OPEN,   /* the connection is there */
};

struct kiln_socks {
    enum kiln_socks_state state;
    const struct kiln_ssh_proxy *proxy; /* borrowed */
    const char *host;                   /* borrowed: of the request */
    int port;
    struct kiln_str out; /* to be sent; the caller takes it away */
    size_t want;         /* bytes that kiln_socks_feed is to get next */
};

/** Begin; out has the greeting. USER: host, user or password are too long for the protocol. */
bool kiln_socks_init(struct kiln_socks *s, const struct kiln_ssh_proxy *proxy, const char *host,
                     int port, struct kiln_err *err);
void kiln_socks_done(struct kiln_socks *s);
/** Exactly s->want bytes. USER: the proxy does not let us in; REMOTE: it could not connect, or
 *  speaks something else. */
bool kiln_socks_feed(struct kiln_socks *s, const unsigned char *data, struct kiln_err *err);

#endif
