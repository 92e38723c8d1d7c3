/* The checks between the ssh options, and the defaults that depend on others. */
#ifndef KILN_COMMUNICATOR_SSH_OPTIONS_H
#define KILN_COMMUNICATOR_SSH_OPTIONS_H

#include "communicator/config.h"

/** kiln_comm_prepare's part for communicator ssh. */
bool kiln_ssh_options_prepare(struct kiln_comm_config *c, const struct kiln_prepare *p);

#endif
