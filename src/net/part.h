/*
 * A file that is being downloaded: TARGET.part until it is complete and verified, then TARGET.
 * Internal to net/. One thread, which holds the lock on TARGET.
 *
 * Bytes are hashed by helper threads while they come in. What is there when the transfer fails is
 * kept, and a later transfer goes on from it.
 */
#ifndef KILN_NET_PART_H
#define KILN_NET_PART_H

#include "net/checksum.h"
#include "net/exchange.h"

struct kiln_part {
    const char *path; /* borrowed */
    int fd;
    bool checked;             /* there is a checksum */
    enum kiln_hash_type type; /* if checked */
    struct kiln_hash *hash;   /* owned; NULL if not checked */
    unsigned char *block;     /* owned; takes the bytes if not checked */
    unsigned char *buf;       /* KILN_HASH_BLOCK bytes for what comes next; in hash or block */
    size_t fill;              /* bytes in buf, not written yet */
    uint64_t pos;             /* length of the file, buf included */
    uint64_t resumed;         /* length when it was opened or emptied */
    uint64_t total;           /* 0: unknown */
    int64_t mtime;         /* of what was there when opened; the server's own date if it is ours */
    int64_t last_modified; /* as the server says; -1 unknown */
    bool stale;            /* a transfer failed because the bytes here are of another file */
    struct kiln_progress progress;
};

#define KILN_PART_INIT                                                                             \
    {                                                                                              \
        .fd = -1, .last_modified = -1                                                              \
    }
#define KILN_AUTO_PART KILN_CLEANUP(kiln_part_done) struct kiln_part

/** Open or make the file and hash what is in it. `progress` must be set before. */
bool kiln_part_open(struct kiln_part *p, const char *path, const struct kiln_checksum *sum,
                    struct kiln_cancel *c, struct kiln_err *err);
/** Throw away what is in the file. */
bool kiln_part_restart(struct kiln_part *p, struct kiln_err *err);
/** The callbacks of struct kiln_exchange; ud is the part. */
bool kiln_part_start(void *ud, const struct kiln_exchange_head *head, struct kiln_err *err);
bool kiln_part_data(void *ud, const void *data, size_t len, struct kiln_err *err);
/** All bytes are here: write the rest, take the digest ("" if not checked). */
bool kiln_part_finish(struct kiln_part *p, char ret_hex[KILN_HASH_HEX_MAX + 1],
                      struct kiln_err *err);
/** Give the finished file its name. */
bool kiln_part_publish(struct kiln_part *p, const char *target, struct kiln_err *err);
/** Write what can be written, date the file for a later try, close it. An empty one is removed. */
void kiln_part_done(struct kiln_part *p);

#endif
