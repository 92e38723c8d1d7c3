/*
 * A zip archive whose members are compressed by somebody else, behind the header of each: libraries
 * that write zip compress on one core. Into a regular file, at its current position 0. One thread.
 *
 *   { kiln_zip_begin, write deflated data to the fd, kiln_zip_end }... kiln_zip_finish
 *
 * Members carry no time and no mode. Source: APPNOTE.TXT 6.3.10; over 4 GiB as ZIP64.
 */
#ifndef KILN_POSTPROCESSOR_ZIP_H
#define KILN_POSTPROCESSOR_ZIP_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct kiln_zip {
    int fd;                  /* borrowed */
    struct kiln_str central; /* the directory so far */
    uint64_t n;              /* members */
    uint64_t at;             /* where the member begins */
    uint64_t size;           /* of its data, not compressed */
    const char *name;        /* borrowed until kiln_zip_end */
};

/** `size`: what the member will have; over KILN_ZIP_BIG its header is the large one. */
bool kiln_zip_begin(struct kiln_zip *z, const char *name, uint64_t size, struct kiln_err *err);
#define KILN_ZIP_BIG 0xf0000000u
bool kiln_zip_end(struct kiln_zip *z, uint32_t crc, uint64_t compressed, struct kiln_err *err);
bool kiln_zip_finish(struct kiln_zip *z, struct kiln_err *err);
void kiln_zip_done(struct kiln_zip *z);

#endif
