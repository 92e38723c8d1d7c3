/*
 * The command `retype`: back to the guest as it was after boot_wait, before anything was typed, and
 * type the boot command from its beginning, edited or not. The checkpoint for it (vm/checkpoint.h)
 * is made if the run asks for one (-checkpoint, kiln tui), or somebody has the controls at that
 * moment; the guest stands for it. It lasts until what happens could not be undone: the
 * communicator connects, or a provisioner runs.
 *
 * Why there is no checkpoint is said, but never makes a build fail.
 *
 * Threads: the worker's reader thread obeys the command; all functions: the main thread.
 */
#ifndef KILN_BUILDER_QEMU_RETYPE_H
#define KILN_BUILDER_QEMU_RETYPE_H

#include "builder/qemu/qemu.h"

struct kiln_retype;

/** Borrows both; s->boot must be there before the command can come. */
struct kiln_retype *kiln_retype_new(struct kiln_qemu_state *s, struct kiln_build *b);
void kiln_retype_free(struct kiln_retype *r); /* NULL is fine */

/** The first key comes next: makes the checkpoint, if there is none yet and one is wanted. */
void kiln_retype_begin(struct kiln_retype *r);
/** Somebody wants to go back, and the runner has come to the step for it. */
bool kiln_retype_wanted(const struct kiln_retype *r);
bool kiln_retype_go_back(struct kiln_retype *r, struct kiln_err *err);
/** Too late from now on: nothing of the checkpoint is left. Not if somebody has just asked to go
 *  back; the step that called shall return then. */
void kiln_retype_drop(struct kiln_retype *r);

#endif
