/* How a connection begins that route.h speaks of. */
#ifndef KILN_COMMUNICATOR_DIAL_H
#define KILN_COMMUNICATOR_DIAL_H

#include "base/tcp.h"
#include "communicator/route.h"

/** To cfg's host, or to its proxy, at that address; all borrowed until the dial is freed. */
struct kiln_dial *kiln_dial_by_tcp(const struct kiln_ssh_config *cfg,
                                   const struct kiln_tcp_addr *to, struct kiln_err *err);
/** On from a bastion. */
struct kiln_dial *kiln_dial_by_bastion(const struct kiln_ssh_config *cfg, struct kiln_hub *bastion,
                                       const struct kiln_ssh_ops *ops, struct kiln_err *err);

#endif
