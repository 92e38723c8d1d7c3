/*
 * The receiving side of scp's protocol, without any I/O but to the files it is told to make: bytes
 * in, number of answers to send out. The guest may be hostile: it can make nothing but files and
 * directories below the given place, within the limits of limits.h.
 */
#ifndef KILN_COMMUNICATOR_SCP_SINK_H
#define KILN_COMMUNICATOR_SCP_SINK_H

#include <sys/types.h>

#include "base/limits.h"
#include "base/str.h"

struct kiln_scp_sink {
    /* Set by the owner. */
    int fd;          /* where the one file goes (borrowed); -1: into dir, */
    const char *dir; /* … which is made, with the mode of what comes first, if it is missing */

    /* To be read. */
    uint64_t answers;     /* zero bytes that are to be sent; the owner takes them off */
    uint64_t done, total; /* bytes of files so far, and announced so far */
    unsigned depth;       /* open directories */
    mode_t modes[KILN_MAX_TREE_DEPTH]; /* what each of them is to have in the end */
    bool made_dir;                     /* it is for the owner to give it … */
    mode_t dir_mode;                   /* … that one in the end */
    uint64_t files, entries;
    struct kiln_err err; /* once kind is set, nothing more is taken */

    /* Inside. */
    enum { KILN_SCP_LINE, KILN_SCP_DATA, KILN_SCP_STATUS } state;
    struct kiln_str line;
    struct kiln_str path; /* of the open directory */
    uint64_t left;        /* bytes of the open file */
    int out;              /* the open file, or -1 */
};

void kiln_scp_sink_init(struct kiln_scp_sink *s, int fd, const char *dir);
void kiln_scp_sink_feed(struct kiln_scp_sink *s, const char *data, size_t len);
/** All has come, nothing is half done. */
bool kiln_scp_sink_complete(const struct kiln_scp_sink *s);
void kiln_scp_sink_done(struct kiln_scp_sink *s);

#endif
