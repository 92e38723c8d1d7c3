/*
 * A stream of bytes, compressed on all cores into a file: the caller's thread collects blocks and
 * writes results in order, one thread for each core compresses. Memory: a block's input and output
 * for each core and two more. One object per stream, used by one thread.
 */
#ifndef KILN_POSTPROCESSOR_PACK_H
#define KILN_POSTPROCESSOR_PACK_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

struct kiln_pack;

/** The cores that this process may use: how many threads there will be. */
unsigned kiln_pack_cores(void);

/**
 * @fd      where the result goes, from its current position on; borrowed
 * @codec   a name of codec.h, or NULL: the bytes are written as they are
 * @level   0 for the library's default, or 1…9
 * @cancel  when it fires, calls fail with CANCELLED within the time that one block takes
 */
bool kiln_pack_open(struct kiln_pack **ret, int fd, const char *codec, int level,
                    struct kiln_cancel *cancel, struct kiln_err *err);
/** Add bytes; waits for workers and for the disk. After a failure only free is left. */
bool kiln_pack_write(struct kiln_pack *p, const void *data, size_t len, struct kiln_err *err);
/** The end: all is written. ret_len: bytes written; ret_sum: see struct kiln_codec; may be NULL. */
bool kiln_pack_finish(struct kiln_pack *p, uint64_t *ret_len, uint32_t *ret_sum,
                      struct kiln_err *err);
void kiln_pack_free(struct kiln_pack *p); /* NULL is fine; ends the threads */
void kiln_pack_freep(struct kiln_pack **p);

#endif
