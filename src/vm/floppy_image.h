/*
 * Write a floppy image: 1.44 MB, FAT12, no boot code, long names. Blocking, as short as a floppy.
 */
#ifndef KILN_VM_FLOPPY_IMAGE_H
#define KILN_VM_FLOPPY_IMAGE_H

#include "vm/media.h"

#define KILN_FLOPPY_SIZE      1474560 /* bytes */
#define KILN_FLOPPY_LABEL_MAX 8       /* bytes: Packer writes it into the OEM field, too */

/**
 * Write `m` to the file `path`, which is there already.
 *
 * @label  at most KILN_FLOPPY_LABEL_MAX bytes; its case is kept
 * Errors: `P: FAT FULL…`, names that differ in case only, names that FAT cannot hold (USER); SYSTEM
 * for what cannot be read or written. Source: qemu-builder.md, 10.1.
 */
bool kiln_floppy_write(const char *path, const char *label, const struct kiln_media *m,
                       struct kiln_err *err);

#endif
