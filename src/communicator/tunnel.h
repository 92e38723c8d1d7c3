/* The text of a tunnel, as templates write it. No state, any thread. */
#ifndef KILN_COMMUNICATOR_TUNNEL_H
#define KILN_COMMUNICATOR_TUNNEL_H

#include "communicator/ssh.h"

/**
 * PORT:HOST:PORT; HOST may be empty, an IPv6 address stands in brackets. Packer's errors, after
 * "ssh_local_tunnels ('TEXT') is invalid: ". ret->host is the caller's. Source: qemu-builder.md,
 * section 9.1.
 */
bool kiln_tunnel_parse(struct kiln_ssh_tunnel *ret, const char *text, struct kiln_err *err);
void kiln_tunnel_done(struct kiln_ssh_tunnel *t);

#endif
