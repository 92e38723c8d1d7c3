/* Logging in to a guest that may not be there yet: many attempts side by side, one poll loop. */
#ifndef KILN_COMMUNICATOR_SSH_WAIT_H
#define KILN_COMMUNICATOR_SSH_WAIT_H

#include "communicator/route.h"

/**
 * As kiln_ssh_connect_consume, along that way. *ret_link is logged in; cfg and keys are no longer
 * borrowed then. A bastion's errors begin with `ssh_bastion_host HOST:PORT`.
 */
bool kiln_ssh_wait(struct kiln_link **ret_link, const struct kiln_ssh_ops *ops,
                   struct kiln_route *route, const struct kiln_ssh_config *cfg,
                   struct kiln_ssh_keys *keys, const struct kiln_ssh_watch *watch,
                   struct kiln_cancel *c, struct kiln_err *err);

#endif
