/*
 * qemu-img: create, convert, resize and inspect disk images. Blocking; every call ends with the
 * cancel object. Command lines are Packer's (qemu-builder.md, section 4).
 *
 * Errors: `QemuImg error: STDERR` (REMOTE) when qemu-img refuses; CANCELLED; SYSTEM; USER when
 * there is no qemu-img. A cancelled call leaves half an image: the caller removes it.
 */
#ifndef KILN_VM_QEMU_IMG_H
#define KILN_VM_QEMU_IMG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/strv.h"

/** How to run it. Everything borrowed; callbacks may be NULL and run on the calling thread. */
struct kiln_qemu_img {
    const char *binary; /* NULL: "qemu-img" from PATH */
    struct kiln_cancel *cancel;
    /* convert: hundredths of a percent done, 0..10000, rising. */
    void (*on_progress)(void *ud, unsigned done);
    /* A line for the person who waits: the disk is still locked. */
    void (*on_say)(void *ud, const char *line);
    bool (*on_pid)(void *ud, pid_t pid, struct kiln_err *err); /* as in struct kiln_spawn */
    void *ud;
    int64_t retry_us; /* first pause before a locked disk is tried again; 0: one second */
};

struct kiln_qemu_img_create {
    const char *format; /* "qcow2", "raw" */
    const char *path;
    const char *size;              /* "40960M"; as qemu-img takes it */
    const char *backing;           /* NULL: none; a qcow2 image otherwise */
    const struct kiln_strv *extra; /* before the path; may be NULL */
};
bool kiln_qemu_img_create(const struct kiln_qemu_img *img, const struct kiln_qemu_img_create *how,
                          struct kiln_err *err);

struct kiln_qemu_img_convert {
    const char *format;
    const char *from, *to;
    bool compress;
    const struct kiln_strv *extra; /* may be NULL */
};
/** Tries ten times while somebody holds the lock of `from`. */
bool kiln_qemu_img_convert(const struct kiln_qemu_img *img, const struct kiln_qemu_img_convert *how,
                           struct kiln_err *err);

bool kiln_qemu_img_resize(const struct kiln_qemu_img *img, const char *format, const char *path,
                          const char *size, const struct kiln_strv *extra, struct kiln_err *err);

/** No error if the image has none of that name. */
bool kiln_qemu_img_delete_snapshot(const struct kiln_qemu_img *img, const char *name,
                                   const char *path, struct kiln_err *err);

struct kiln_qemu_img_info {
    char *format;                      /* owned */
    char *backing;                     /* owned; NULL: none */
    int64_t virtual_size, actual_size; /* bytes */
};
bool kiln_qemu_img_info(const struct kiln_qemu_img *img, const char *path,
                        struct kiln_qemu_img_info *ret_info, struct kiln_err *err);
void kiln_qemu_img_info_done(struct kiln_qemu_img_info *info);

#endif
