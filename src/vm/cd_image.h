/*
 * Write a CD image: ISO 9660 with Rock Ridge and Joliet names, by libarchive (a module). Without
 * Joliet if a path has more than its 240 letters. Blocking.
 */
#ifndef KILN_VM_CD_IMAGE_H
#define KILN_VM_CD_IMAGE_H

#include "base/cancel.h"
#include "vm/media.h"

#define KILN_CD_LABEL_MAX 32 /* bytes of a volume label */
#define KILN_CD_MAX_DEPTH 13 /* directories inside each other */

/**
 * Write `m` to the file `path`, which is there already.
 *
 * @label  volume label, ASCII, at most KILN_CD_LABEL_MAX bytes; its case is kept
 * A source gives its permissions and time; all belongs to root. Errors: a name too long,
 * directories too deep, or two of one name at the eighth level (USER); CANCELLED; SYSTEM for what
 * cannot be read or written; no libarchive.
 */
bool kiln_cd_write(const char *path, const char *label, const struct kiln_media *m,
                   struct kiln_cancel *cancel, struct kiln_err *err);

#endif
