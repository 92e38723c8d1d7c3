/* The bytes of a person's shell, from the guest and to it. */
#ifndef KILN_COMMUNICATOR_SSH_RELAY_H
#define KILN_COMMUNICATOR_SSH_RELAY_H

#include "communicator/ssh_ops.h"

struct kiln_ssh_relay;
struct kiln_ssh_relay *kiln_ssh_relay_new(struct kiln_remote_shell *shell); /* borrowed */
void kiln_ssh_relay_freep(struct kiln_ssh_relay **r);

/* For kiln_channel_how: what is said before kiln_ssh_relay_run counts, too. */
kiln_channel_output kiln_ssh_relay_output;

/**
 * Until the shell in `ch` ends (true) or the person hangs up (true), pass on what is said. What a
 * slow person has not read is not taken from the guest: the memory in use is bounded.
 */
bool kiln_ssh_relay_run(struct kiln_ssh_relay *r, const struct kiln_ssh_ops *ops,
                        struct kiln_channel *ch, struct kiln_cancel *c, struct kiln_err *err);

#endif
