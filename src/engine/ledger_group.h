/* Private to engine/. */
#ifndef KILN_ENGINE_LEDGER_GROUP_H
#define KILN_ENGINE_LEDGER_GROUP_H

#include <sys/types.h>

/**
 * SIGKILL to the members of a process group whose leader is gone, and wait for their end.
 *
 * @mark  "NAME=VALUE" that a process must have in its environment: the group's number may be
 *        somebody else's by now
 */
void kiln_ledger_kill_group(pid_t group, const char *mark);

#endif
