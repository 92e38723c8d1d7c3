/*
 * The ssh-agent behind SSH_AUTH_SOCK, made safe to wait for: libssh waits for its answers without
 * end, and an agent may ask a person first, or hang.
 *
 * Threads: one helper per relay. It touches nothing but its own struct, all of which is set before
 * it starts; free joins it.
 */
#ifndef KILN_COMMUNICATOR_AGENT_H
#define KILN_COMMUNICATOR_AGENT_H

#include "base/cancel.h"

/** A new connection to the agent, close-on-exec and non-blocking; the caller closes it. -1: there
 * is none (err, USER). */
int kiln_agent_open(struct kiln_err *err);

struct kiln_agent_relay;
/**
 * Connect to the agent and put a relay before it. *ret_fd (the caller's) talks to the agent, and
 * ends when an answer takes longer than timeout_us, when c fires, or when the relay is freed.
 */
bool kiln_agent_relay_new(struct kiln_agent_relay **ret, int *ret_fd, int64_t timeout_us,
                          struct kiln_cancel *c, struct kiln_err *err);
void kiln_agent_relay_free(struct kiln_agent_relay *r); /* NULL is fine */

#endif
