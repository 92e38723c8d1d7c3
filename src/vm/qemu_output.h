/*
 * Reads what a QEMU prints: lines go to a callback, the last words of stderr are kept. A thread of
 * its own does it, from start to finish. Part of qemu.h, and of swtpm.h, which has the same need.
 */
#ifndef KILN_VM_QEMU_OUTPUT_H
#define KILN_VM_QEMU_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct kiln_qemu_output;

/** As in struct kiln_qemu_config; lines are cut as base/lines.h says. */
typedef void kiln_qemu_line_fn(void *ud, bool is_stderr, const char *line, size_t len);

/** Read both pipes (borrowed until finish; -1: there is none) until they end; on_line may be NULL.
 */
bool kiln_qemu_output_start(struct kiln_qemu_output **ret_output, int out, int err_fd,
                            kiln_qemu_line_fn *on_line, void *ud, struct kiln_err *err);

/** Take what is still in the pipes, without waiting for more; no callback comes afterwards. */
void kiln_qemu_output_finish(struct kiln_qemu_output *o);

/** Add a line to the last words, as if QEMU had printed it. Any thread. */
void kiln_qemu_output_note(struct kiln_qemu_output *o, const char *line, size_t len);

/** The last lines of stderr, each ending in a newline; caller frees. Any thread, any time. */
char *kiln_qemu_output_last_words(struct kiln_qemu_output *o);

void kiln_qemu_output_free(struct kiln_qemu_output *o); /* finishes; NULL is fine */

#endif
