/*
 * What scp and tar have in common: local files on their way into a channel. Bytes are gathered, and
 * written once they are worth it.
 */
#ifndef KILN_COMMUNICATOR_OUTGOING_H
#define KILN_COMMUNICATOR_OUTGOING_H

#include "base/str.h"
#include "communicator/channel.h"
#include "communicator/sent.h"
#include "engine/communicator.h"

#define KILN_OUTGOING_WORTH (128u << 10) /* bytes worth a write */

struct kiln_outgoing {
    struct kiln_channel *ch;
    const struct kiln_transfer *transfer; /* may be NULL */
    struct kiln_sent *sent;               /* takes note; may be NULL */
    struct kiln_cancel *cancel;
    struct kiln_str out;  /* not yet written */
    uint64_t done, total; /* bytes of files, for the progress; total 0: unknown */
};

/** The descriptor of a local file, which is a regular one; -1 with err set. */
int kiln_outgoing_open(const char *path, uint64_t *ret_size, struct kiln_err *err);
/**
 * Append the next bytes of a file to `out`, and note them.
 *
 * @left  how many bytes of it are still to come: no more are read, and it is an error if there are
 *        none
 * @file  the number that kiln_sent_file gave
 */
bool kiln_outgoing_read(struct kiln_outgoing *o, int fd, const char *path, uint64_t left,
                        size_t file, size_t *ret_n, struct kiln_err *err);

#endif
