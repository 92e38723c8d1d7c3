/*
 * The queue of QEMU's PS/2 keyboard: 16 bytes, and what comes when it is full is lost. QEMU itself
 * notes what goes in and what the guest reads, if its trace events are switched on (hw/input/ps2.c;
 * Debian's QEMU has the "log" trace backend):
 *
 *     ps2_put_keycode 0x55d0c8d3e2f0 keycode 0x1c
 *     ps2_read_data 0x55d0c8d3e2f0
 *
 * QEMU writes them into a file of its own, some 250 bytes a key. Other keyboards (USB, virtio) and
 * QEMUs with another trace backend note nothing.
 *
 * The counts are what can be known from outside: answers to the guest's commands are read, too, but
 * not put, so that a guest may be thought to have read a little more than it has.
 */
#ifndef KILN_VM_PS2_QUEUE_H
#define KILN_VM_PS2_QUEUE_H

#include <stdint.h>

#include "vm/qmp.h"

/* What the lines add up to. Pure. All zeroes at first. */
struct kiln_ps2_count {
    uint64_t keyboard; /* as QEMU names it */
    uint64_t puts;     /* so many bytes have come */
    unsigned unread;   /* so many of them are still there */
};
/** One line of QEMU's log (no NUL behind it), which may be about something else. */
void kiln_ps2_count_line(struct kiln_ps2_count *count, const char *line, size_t len);

struct kiln_ps2_queue;

/**
 * From now on QEMU notes. Blocks for four QMP commands.
 *
 * @path  of the file, which QEMU makes or replaces, and which has no name afterwards, as it spells
 *        what is typed; no other log of QEMU's may be wanted, there is only one
 *
 * REMOTE: this QEMU does not.
 */
bool kiln_ps2_queue_watch(struct kiln_ps2_queue **ret, struct kiln_qmp *qmp, const char *path,
                          struct kiln_cancel *c, int64_t deadline, struct kiln_err *err);
/** QEMU notes no more; its own QMP commands wait so long at most. NULL is fine. */
void kiln_ps2_queue_free(struct kiln_ps2_queue *q, int64_t deadline);

/** As QEMU has noted until now. Does not wait. One thread at a time. */
const struct kiln_ps2_count *kiln_ps2_queue_look(struct kiln_ps2_queue *q);

#endif
