/*
 * A checkpoint: a guest as it was at one moment, with its RAM, devices and disks, to go back to any
 * number of times. Made by QEMU's snapshot jobs.
 *
 * The disks' part are internal snapshots of the build's own qcow2 disks, gone after drop. RAM and
 * devices are in a scratch file, which has no name any more once QEMU has opened it: when QEMU
 * ends, however it does, nothing of it is left. What is not a disk is left out: media are read
 * only, a floppy keeps what was written to it, EFI variables come back with the RAM (pflash is RAM
 * that QEMU writes to its file, also after a load).
 *
 * QEMU answers nobody while it saves or loads. Its CPUs stand then, and go on afterwards if they
 * ran before.
 *
 * Threads: one at a time, blocking; waits end with cancel object and deadline (c NULL: deadline on
 * CLOCK_MONOTONIC). Source: QEMU's qapi/migration.json, snapshot-save (since 6.0); job.json.
 */
#ifndef KILN_VM_CHECKPOINT_H
#define KILN_VM_CHECKPOINT_H

#include "vm/qemu_img.h"
#include "vm/qmp.h"

struct kiln_checkpoint;

struct kiln_checkpoint_config {
    struct kiln_qmp *qmp;            /* borrowed until drop */
    const struct kiln_strv *disks;   /* paths of the build's own disks; copied */
    const struct kiln_qemu_img *img; /* makes the scratch file; borrowed during take */
    const char *scratch; /* its path, for a moment: on a file system with room for the RAM */
};

/** REMOTE: QEMU will not; USER: a disk that has no snapshots. Nothing is left of a failed one. */
bool kiln_checkpoint_take(struct kiln_checkpoint **ret, const struct kiln_checkpoint_config *cfg,
                          struct kiln_cancel *c, int64_t deadline, struct kiln_err *err);
/** The guest is as it was. After a failure it is nothing that could go on. */
bool kiln_checkpoint_load(struct kiln_checkpoint *cp, struct kiln_cancel *c, int64_t deadline,
                          struct kiln_err *err);
/** Nothing of it is left, in the disks either. img: for a QEMU that has ended meanwhile. Frees cp,
 *  also on failure; NULL is fine. */
bool kiln_checkpoint_drop(struct kiln_checkpoint *cp, const struct kiln_qemu_img *img,
                          struct kiln_cancel *c, int64_t deadline, struct kiln_err *err);

struct json_object;
/**
 * Which of QEMU's block nodes have to be saved, by query-block's answer: those of `disks`. USER,
 * with the reason, if something else can be written to that could not be brought back.
 */
bool kiln_checkpoint_nodes(struct json_object *blocks, const struct kiln_strv *disks,
                           struct kiln_strv *ret_nodes, struct kiln_err *err);

#endif
