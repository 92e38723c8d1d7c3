/*
 * Listens to what a running QEMU reports. A thread of its own does it, from start to free. Part of
 * qemu.h; nobody else needs it.
 *
 * QEMU stops a guest whose disk image cannot grow, and waits for somebody to make room and tell it
 * to go on. Nobody will: the watch ends such a QEMU, after noting why among its last words, and so
 * everybody who waits for the guest learns of it.
 *
 * And it fires on_death when QEMU ends in any way but by the guest's powering off. (QEMU's
 * exit status does not tell these apart: the event SHUTDOWN does.)
 */
#ifndef KILN_VM_QEMU_WATCH_H
#define KILN_VM_QEMU_WATCH_H

#include "vm/qemu_output.h"
#include "vm/qmp.h"

struct kiln_qemu_watch;

/** on_event, on_death: may be NULL. All pointers are borrowed until free, and nobody has used qmp
 * from another thread before. */
bool kiln_qemu_watch_start(struct kiln_qemu_watch **ret_watch, struct kiln_qmp *qmp, int pidfd,
                           struct kiln_qemu_output *output, kiln_qmp_event_fn *on_event, void *ud,
                           struct kiln_cancel *on_death, struct kiln_err *err);

/** Delivers the events that have come; none comes afterwards. NULL is fine. Returns the reason that
 *  QEMU gave if anybody but its guest told it to end ("host-signal"), for the caller to free. */
char *kiln_qemu_watch_free(struct kiln_qemu_watch *w);

#endif
