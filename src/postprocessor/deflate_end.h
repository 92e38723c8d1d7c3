/*
 * Where a raw deflate stream ends, so that another one can be put behind it. libdeflate makes only
 * whole streams, whose last block says that it is the last; and where that block begins, nothing
 * tells but the codes before it. This walks over them without producing any data.
 *
 * Pure: bytes in, positions out. Source: RFC 1951.
 */
#ifndef KILN_POSTPROCESSOR_DEFLATE_END_H
#define KILN_POSTPROCESSOR_DEFLATE_END_H

#include <stdbool.h>
#include <stddef.h>

struct kiln_deflate_end {
    size_t last_block; /* bit position of the last block's header: of its "this is the last" bit */
    size_t end;        /* bit position behind the last block */
};

/** Bit 0 of byte 0 is position 0. False if the stream is broken or cut short; any bytes are fine.
 */
bool kiln_deflate_find_end(const unsigned char *data, size_t len, struct kiln_deflate_end *ret);

/**
 * Make a whole stream the beginning of a longer one that goes on at a byte boundary: the last block
 * is no longer the last, and an empty stored block fills the last byte (a "sync flush").
 *
 * @data  *len bytes, with room for KILN_DEFLATE_JOIN more
 * Returns false as above; *len is the new length otherwise.
 */
bool kiln_deflate_open_end(unsigned char *data, size_t *len);
#define KILN_DEFLATE_JOIN 5

#endif
