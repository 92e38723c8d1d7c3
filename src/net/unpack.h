/*
 * Taking the one file out of what an installer or a disk image is published in: x.iso.xz,
 * x.raw.tar.gz, x.zip … The name says what it is, as with Packer.
 * No threads; the work is libarchive's, in a module.
 */
#ifndef KILN_NET_UNPACK_H
#define KILN_NET_UNPACK_H

#include <stdbool.h>

#include "base/cancel.h"
#include "net/progress.h"

enum kiln_pack_filter {
    KILN_PACK_STORED,
    KILN_PACK_GZIP,
    KILN_PACK_BZIP2,
    KILN_PACK_XZ,
    KILN_PACK_ZSTD
};
enum kiln_pack_format { KILN_PACK_BARE, KILN_PACK_TAR, KILN_PACK_ZIP };

struct kiln_packing {
    const char *suffix; /* "tar.gz": without the first dot */
    enum kiln_pack_format format;
    enum kiln_pack_filter filter;
};

/** How a file of that name is packed, by its longest known suffix; NULL: not at all. */
const struct kiln_packing *kiln_packing_of(const char *path);

/**
 * Write the file that is in `from` to `to`, which is made anew (0644) and is not there after a
 * failure. Blocks of zeros become holes. *progress is told the bytes read of `from`. A few
 * kilobytes can become more than a disk holds: it stops at KILN_MAX_UNPACKED, and before the disk
 * is full.
 *
 * Errors: not packed as the name says, damaged, or an archive of no or several files, or too much
 * (USER); CANCELLED; SYSTEM.
 */
bool kiln_unpack(const struct kiln_packing *how, const char *from, const char *to,
                 struct kiln_cancel *c, struct kiln_progress *progress, struct kiln_err *err);

#endif
