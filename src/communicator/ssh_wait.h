/* Logging in to a guest that may not be there yet: many attempts side by side, one poll loop. */
#ifndef KILN_COMMUNICATOR_SSH_WAIT_H
#define KILN_COMMUNICATOR_SSH_WAIT_H

#include "communicator/ssh_ops.h"

/**
 * As kiln_ssh_connect_consume. *ret_link is logged in; cfg and keys are no longer borrowed then.
 */
bool kiln_ssh_wait(struct kiln_link **ret_link, const struct kiln_ssh_ops *ops,
                   const struct kiln_ssh_config *cfg, struct kiln_ssh_keys *keys,
                   const struct kiln_ssh_watch *watch, struct kiln_cancel *c, struct kiln_err *err);

#endif
