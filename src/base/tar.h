/*
 * The blocks of a GNU tar archive around the data of its files. Pure but for looking up the names
 * of owners. Any thread.
 * Source: GNU tar manual, "Basic Tar Format".
 */
#ifndef KILN_BASE_TAR_H
#define KILN_BASE_TAR_H

#include <sys/stat.h>

#include "base/str.h"

#define KILN_TAR_BLOCK 512

/** What comes before the data, byte for byte as Packer's archives have it. Mode, owner and size are
 *  those of `st`; the time is 1970. */
void kiln_tar_header(struct kiln_str *out, const char *name, const struct stat *st);
/** The same of a file, or with is_dir a directory (size 0), that belongs to nobody in particular.
 */
void kiln_tar_entry(struct kiln_str *out, bool is_dir, const char *name, mode_t mode,
                    uint64_t size);
/** Zero bytes behind data of `size` bytes. */
size_t kiln_tar_padding(uint64_t size);
/** Zero bytes behind the last file. */
#define KILN_TAR_END ((size_t)2 * KILN_TAR_BLOCK)

#endif
