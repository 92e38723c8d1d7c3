/*
 * A brake for what is typed where nothing shows it: no key goes out while the guest has not read
 * the ones before (vm/ps2_queue.h), so that a guest that hangs for a while, or a busy host, loses
 * none. It goes by itself where it knows nothing: another keyboard, another QEMU, a log of QEMU's
 * that the template wants for itself. Main thread.
 */
#ifndef KILN_BUILDER_QEMU_BOOT_QUEUE_H
#define KILN_BUILDER_QEMU_BOOT_QUEUE_H

#include "builder/qemu/boot_script.h"
#include "builder/qemu/qemu.h"

struct kiln_boot_queue;

/** Borrows both until free. */
struct kiln_boot_queue *kiln_boot_queue_new(struct kiln_qemu_state *s, struct kiln_build *b);
void kiln_boot_queue_free(struct kiln_boot_queue *q); /* NULL is fine */

/**
 * Before an element: until the guest has read all keys, or QEMU has ended.
 *
 * @ret_gave_up  the guest reads nothing: from now on nobody waits for it. Once at most
 */
bool kiln_boot_queue_await(struct kiln_boot_queue *q, bool *ret_gave_up, struct kiln_err *err);
/** Behind an element's last key event. */
void kiln_boot_queue_sent(struct kiln_boot_queue *q, const struct kiln_boot_element *el);

#endif
