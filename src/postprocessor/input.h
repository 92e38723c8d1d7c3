/*
 * A file that goes into an archive, read from its beginning to the end that it had when it was
 * opened. Holes are not read: their zeros are made here. One thread.
 */
#ifndef KILN_POSTPROCESSOR_INPUT_H
#define KILN_POSTPROCESSOR_INPUT_H

#include <sys/stat.h>

#include "base/err.h"

#define KILN_INPUT_BUFFER ((size_t)256 << 10)

struct kiln_input {
    const char *path; /* borrowed */
    int fd;           /* owned */
    struct stat st;
    off_t at;              /* read so far */
    off_t data_end;        /* up to here it is data, and … */
    off_t hole_end;        /* up to here a hole */
    unsigned char *buffer; /* owned; KILN_INPUT_BUFFER bytes */
};

/** Zeroed before. A directory is an error with Go's words: "read PATH: is a directory". */
bool kiln_input_open(struct kiln_input *s, const char *path, struct kiln_err *err);
/** The next bytes, in s->buffer; 0 at the end. A file that became shorter meanwhile is an error. */
bool kiln_input_read(struct kiln_input *s, size_t *ret_len, struct kiln_err *err);
void kiln_input_close(struct kiln_input *s); /* zeroed is fine */
#define KILN_AUTO_INPUT KILN_CLEANUP(kiln_input_close) struct kiln_input

#endif
