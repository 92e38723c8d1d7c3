/*
 * A person's shell in the guest (commands `shell` and `shell-size`), over the build's own
 * communicator, while the build stands still.
 *
 * Threads: a shell has one of its own, which uses the communicator; the main thread says with allow
 * and end when it leaves that alone. The commands run on the worker's reader thread.
 */
#ifndef KILN_ENGINE_SHELL_H
#define KILN_ENGINE_SHELL_H

#include "engine/build.h"

struct kiln_shell;

/** Obeys b->control from now on. `guest` is called on the shell's thread: the guest has to run
 *  (true), or no longer for us (false). */
struct kiln_shell *kiln_shell_new(struct kiln_build *b, void (*guest)(void *ud, bool runs),
                                  void *ud);
void kiln_shell_free(struct kiln_shell *s); /* NULL is fine; not allowed any more */

/** Main thread: b->communicator (which may be NULL) is not used until kiln_shell_end. Again: fine.
 */
void kiln_shell_allow(struct kiln_shell *s);
/** Main thread: ends a shell and waits for that; none is opened any more. */
void kiln_shell_end(struct kiln_shell *s);
/** Would `shell` be obeyed? Any thread. */
bool kiln_shell_possible(struct kiln_shell *s);

#endif
