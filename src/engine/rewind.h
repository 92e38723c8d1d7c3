/*
 * Going back: a step that the build has left behind, or is in, is run again because a person wants
 * it, however it ended. Which step that may be, its builder says, and only while it can undo what
 * has come of it since (builder/qemu/checkpoint.h).
 *
 * Whatever the main thread is doing is broken off: while going back is allowed, b->cancel is a
 * child of the build's own cancel object, which fires then. What stands goes on, and an open
 * question is withdrawn. The step runner (step.h) cleans up after the steps from there on and runs
 * them again.
 *
 * Threads: kiln_rewind_ask and _asked: any; all else: the main thread. Every function does nothing
 * (and answers false) for a build without one.
 */
#ifndef KILN_ENGINE_REWIND_H
#define KILN_ENGINE_REWIND_H

#include "engine/build.h"

struct kiln_rewind *kiln_rewind_new(struct kiln_build *b);
/** Not before everything is gone that waited on b->cancel. NULL is fine. */
void kiln_rewind_free(struct kiln_rewind *r);

/** From now on somebody may go back to this step (its stable name; borrowed), by `command`, which
 *  STOP events name. Nothing if it is allowed already. */
void kiln_rewind_allow(struct kiln_build *b, const char *step, const char *command);
/** No longer. False: too late, somebody has asked; return from the step, however. */
bool kiln_rewind_forbid(struct kiln_build *b);

/** Break off what runs, and go back. USER: it is not allowed. */
bool kiln_rewind_ask(struct kiln_build *b, struct kiln_err *err);
/** It was asked for, and the runner has not yet gone back. */
bool kiln_rewind_asked(const struct kiln_build *b);

/** For the runner: the step to go back to, or NULL. It is allowed no longer then; b->cancel is the
 *  build's own again. */
const char *kiln_rewind_take(struct kiln_build *b);

#endif
